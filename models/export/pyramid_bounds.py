"""Proof that no integer of a pyramid can leave what float32 holds exactly, on any pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.layers.exact import EXACT_LIMIT, BoundError, ExactBlock, ExactConv
from models.layers.periodic import PeriodicBias
from models.networks.pyramid import LevelNetwork, Pyramid


def prove_pyramid(network: Pyramid) -> int:
    """The largest integer that a sum or the stream between layers can reach.

    Half of the limit is kept free for the halves that rounding adds.

    Raises
    ------
    BoundError
        It could pass 2^23.
    """
    largest = 0
    for level in network.levels:
        assert isinstance(level, LevelNetwork)
        for reach in _reaches(level):
            largest = max(largest, int(reach.max()))
    if largest >= EXACT_LIMIT // 2:
        raise BoundError(f"an integer can reach {largest}, the limit is {EXACT_LIMIT // 2}")
    return largest


def _reaches(level: LevelNetwork) -> list[Tensor]:
    """Bounds by channel of every sum on the stream, in the order of ``LevelNetwork.walk``."""
    layers = [layer for layer in level.modules() if isinstance(layer, ExactConv)]
    found = [torch.tensor(layer.prove_bound()) for layer in layers]
    stream = _update(level.enter) + _update(level.first.mix)
    for step, blocks in enumerate(level.blocks):
        if step:
            stream = stream + _update(level.embeds[step - 1])
        if level.places:
            place = level.places[step]
            assert isinstance(place, PeriodicBias)
            stream = stream + place.integers().abs().amax((1, 2)).double()
        assert isinstance(blocks, nn.Sequential)
        for block in blocks:
            assert isinstance(block, ExactBlock)
            stream = stream + _update(block.mix)
        found.append(stream)
        hidden = _update(level.hidden[step]).reshape(-1, level.hidden_width)
        looks = torch.stack([_update(look) for look in level.looks])
        found += [hidden, hidden[1:] + looks]
    return found


def _update(layer: object) -> Tensor:
    """Largest magnitude of what a layer adds to the stream, by channel."""
    assert isinstance(layer, ExactConv)
    return layer.reach()[1]
