"""Proof that no integer of the exact networks can leave what float32 holds exactly.

The walk is that of ``prior_graphs``; in place of values it carries, for every channel, the largest
magnitude that any symbols, qualities and weights on their way could give it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.layers.exact import EXACT_LIMIT, STREAM_BITS, BoundError, ExactBlock, ExactConv
from models.networks.subband_prior import INDEX_BITS, SubbandPrior, TopFeatures


def prove_bounds(top: TopFeatures, prior: SubbandPrior) -> int:
    """The largest integer that either network can reach.

    Raises
    ------
    BoundError
        A layer's sum or the stream between layers could reach 2^24.
    """
    proof = _Proof()
    stream = proof.block(proof.conv(top.enter), top.block)
    features = _largest_of(proof.conv(top.leave, stream), 16)
    _walk(proof, prior, features)
    return proof.largest


def prove_prior_bounds(prior: SubbandPrior) -> int:
    """The same for a prior that no level is above: z's own, or that of a JPEG's coefficients.

    Raises
    ------
    BoundError
        A layer's sum or the stream between layers could reach 2^24.
    """
    proof = _Proof()
    _walk(proof, prior, torch.zeros(prior.enter.weight.shape[1], dtype=torch.float64))
    return proof.largest


def _walk(proof: _Proof, prior: SubbandPrior, stream: Tensor) -> None:
    previous = -1
    for scale, number in prior.steps():
        if scale != previous:
            entered = proof.conv(prior.entry(scale), stream)
            stream = entered if scale == 0 else _largest_of(entered, 4)
            stream = proof.add(stream, proof.conv(prior.scale(scale).quality))
            previous = scale
        step = prior.scale(scale).step(number)
        stream = proof.block(stream, step.block)
        proof.rounded(proof.conv(step.head, proof.conv(step.hidden, stream)), INDEX_BITS)
        if step.embed is not None:
            stream = proof.add(stream, proof.conv(step.embed))


class _Proof:
    """Each method does to bounds, (channels,) float64, what its namesake does to values."""

    def __init__(self) -> None:
        self.largest = 0

    def conv(self, layer: ExactConv, stream: Tensor | None = None) -> Tensor:
        """What a layer adds to a stream, having read one; symbols and qualities are u8 anyway."""
        if stream is not None:
            self.rounded(stream, int(layer.input_bits))
        self._hold(torch.tensor(float(layer.prove_bound())))
        return self._hold(layer.reach()[1])

    def add(self, stream: Tensor, update: Tensor) -> Tensor:
        return self._hold(stream + update)

    def block(self, stream: Tensor, block: ExactBlock) -> Tensor:
        return self.add(stream, self.conv(block.mix, self.conv(block.wide, stream)))

    def rounded(self, stream: Tensor, bits: int) -> None:
        """To a grid of 2^-bits: half of its step is added first."""
        self._hold(stream + 2.0 ** (STREAM_BITS - bits - 1))

    def _hold(self, reach: Tensor) -> Tensor:
        worst = int(torch.ceil(reach).max())
        if worst >= EXACT_LIMIT:
            raise BoundError(f"the stream can reach {worst}, the limit is {EXACT_LIMIT}")
        self.largest = max(self.largest, worst)
        return reach


def _largest_of(reach: Tensor, phases: int) -> Tensor:
    """A pixel shuffle: one channel for ``phases`` of them."""
    return reach.reshape(-1, phases).amax(1)
