"""Proof that no integer of a bitswap network can leave what float32 holds exactly.

On any pixels and on all latents that a posterior gives. What enters a network is clipped to u8;
predictions, which use latents as they are, are bounded by how far these reach.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.export.fraction_tables import half_widths
from models.layers.exact import EXACT_LIMIT, BoundError, ExactBlock, ExactConv
from models.networks.bitswap import Bitswap
from models.networks.bitswap_layers import SLOPES, Inference, Link, Pixels, ramp_of
from service.runtime.latent_model import LARGEST_CENTRE


def prove_bitswap(network: Bitswap) -> int:
    """The largest integer that a sum or the stream between layers can reach.

    Half of the limit is kept free for the halves that rounding adds.

    Raises
    ------
    BoundError
        It could pass 2^23.
    """
    found = [torch.tensor(float(layer.prove_bound())) for layer in _layers(network)]
    found += _inference_reaches(network.inference)
    for link in [*network.upwards, *network.downwards]:
        assert isinstance(link, Link)
        found += _link_reaches(link)
    found += _pixel_reaches(network.pixels)
    found.append(_prediction_reach(network.cell))
    largest = max(int(reach.max()) for reach in found)
    if largest >= EXACT_LIMIT // 2:
        raise BoundError(f"an integer can reach {largest}, the limit is {EXACT_LIMIT // 2}")
    return largest


def _layers(network: nn.Module) -> list[ExactConv]:
    return [layer for layer in network.modules() if isinstance(layer, ExactConv)]


def _inference_reaches(layers: Inference) -> list[Tensor]:
    return [_after(_update(layers.enter), layers.blocks), _update(layers.head)]


def _link_reaches(link: Link) -> list[Tensor]:
    stream = _after(_update(link.enter), link.blocks)
    return [stream, _update(link.head) + _update(link.straight)]


def _pixel_reaches(layers: Pixels) -> list[Tensor]:
    found = [_after(_update(layers.enter), layers.blocks)]
    state = _update(layers.lift).reshape(-1, 4).amax(1)  # shuffled to a finer grid
    for look, blocks in zip(layers.looks, layers.fine_blocks, strict=True):
        state = _after(state + _update(look), blocks)
        found.append(state)
    return found + [_update(each) for each in layers.heads]


def _prediction_reach(cell: int) -> Tensor:
    """Integers on the way to ``predicted``, (3,): sums over a cell, plain and along the ramp."""
    latent = LARGEST_CENTRE + int(half_widths().max())
    unit, whole = 16 // cell**2, (2 * cell) ** 2
    ramp = ramp_of(cell).abs()
    along = float(ramp.sum()) * whole * latent
    lacking = 16 * latent + along * unit / whole
    slope = lacking * float(ramp.max()) * SLOPES[cell]
    return torch.tensor([cell**2 * whole * latent, along, slope])


def _after(stream: Tensor, blocks: nn.Module) -> Tensor:
    """A stream's bound after a chain of residual blocks."""
    assert isinstance(blocks, nn.Sequential)
    for block in blocks:
        assert isinstance(block, ExactBlock)
        stream = stream + _update(block.mix)
    return stream


def _update(layer: object) -> Tensor:
    """Largest magnitude of what a layer adds to the stream, by channel."""
    assert isinstance(layer, ExactConv)
    return layer.reach()[1]
