"""Proof that no integer of a pyramid can leave what float32 holds exactly, on any pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.layers.exact import (
    EXACT_LIMIT,
    STREAM_BITS,
    BoundError,
    ExactBlock,
    ExactConv,
    exact_layers,
)
from models.layers.periodic import PeriodicBias
from models.networks.pyramid import LevelNetwork, Pyramid


def prove_pyramid(network: Pyramid) -> int:
    """The largest integer that a sum or the stream between layers can reach.

    The half that is added before a layer reads the stream on a coarser grid counts too.

    Raises
    ------
    BoundError
        It could reach 2^24.
    """
    largest = 0
    for level in network.levels:
        assert isinstance(level, LevelNetwork)
        coarsest = min(int(layer.input_bits) for layer in exact_layers(level))
        half = 2 ** max(0, STREAM_BITS - coarsest - 1)
        for reach in _reaches(level):
            largest = max(largest, int(reach.max()) + half)
    if largest >= EXACT_LIMIT:
        raise BoundError(f"an integer can reach {largest}, the limit is {EXACT_LIMIT}")
    return largest


def _reaches(level: LevelNetwork) -> list[Tensor]:
    """Bounds by channel of every sum on the stream, in the order of ``LevelNetwork.walk``."""
    found = [torch.tensor(layer.prove_bound()) for layer in exact_layers(level)]
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
