"""Choosing the input steps of exact layers from what flows through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from models.layers.exact import exact_layers, set_exact


def calibrate(
    model: nn.Module, compute: Callable[[Tensor], object], batches: Iterable[Tensor]
) -> None:
    """Settle every exact layer below ``model`` on the inputs that ``compute`` gives it.

    Runs in float and leaves the layers in float; ``set_exact`` switches them.
    """

    def observe(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        layer.observe(inputs[0])  # type: ignore[operator]

    set_exact(model, False)
    layers = exact_layers(model)
    for layer in layers:
        layer.observed.zero_()
    hooks = [layer.register_forward_pre_hook(observe) for layer in layers]
    try:
        with torch.no_grad():
            for batch in batches:
                compute(batch)
    finally:
        for hook in hooks:
            hook.remove()
    for layer in layers:
        layer.settle()
