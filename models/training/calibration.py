"""Choosing the input steps of exact layers from what flows through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from models.layers.exact import ExactConv, set_exact


def calibrate(
    model: nn.Module,
    layers: Iterable[ExactConv],
    compute: Callable[[Tensor], object],
    batches: Iterable[Tensor],
) -> None:
    """Settle those of ``layers`` that ``compute`` makes use of, on the inputs that it gives them.

    ``model`` runs in float and is left in float; ``set_exact`` switches it.
    """
    seen: set[ExactConv] = set()

    def observe(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, ExactConv)
        if layer not in seen:  # what was observed before counts no more
            layer.observed.zero_()
            seen.add(layer)
        layer.observe(inputs[0])

    set_exact(model, False)
    hooks = [layer.register_forward_pre_hook(observe) for layer in layers]
    try:
        with torch.no_grad():
            for batch in batches:
                compute(batch)
    finally:
        for hook in hooks:
            hook.remove()
    for layer in seen:
        layer.settle()
