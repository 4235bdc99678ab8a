"""Likelihoods of integer symbols, and the scale table's axis.

A table's index i stands for the standard deviation LOWEST_SCALE * RATIO^i, i = 0..63, log-spaced
from 0.11 to 256 (the customary range of scale hyperpriors; Balle et al., ICLR 2018). A trellis's
tables lie lower (``Quantiser.deeper``).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

TABLES = 64
LOWEST_SCALE = 0.11
HIGHEST_SCALE = 256.0
LOG_STEP = math.log(HIGHEST_SCALE / LOWEST_SCALE) / (TABLES - 1)


class _Within(torch.autograd.Function):
    """clamp(0, TABLES - 1) whose gradient, outside, is kept where it leads back inside."""

    @staticmethod
    def forward(ctx: Any, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        return index.clamp(0, TABLES - 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (index,), (gradient,) = ctx.saved_tensors, gradients
        away = ((index < 0) & (gradient > 0)) | ((index > TABLES - 1) & (gradient < 0))
        return gradient.masked_fill(away, 0.0)


def within_tables(index: Tensor) -> Tensor:
    """A real table index of any shape, clipped to 0..TABLES - 1; it can still be led back."""
    clipped: Tensor = _Within.apply(index)
    return clipped


def deviation(index: Tensor) -> Tensor:
    """Standard deviation at a real table index of any shape; beyond the tables the last one's."""
    return LOWEST_SCALE * torch.exp(within_tables(index) * LOG_STEP)


def index_of(logarithm: Tensor) -> Tensor:
    """Real table index of a natural log-deviation, not clipped; any shape."""
    return (logarithm - math.log(LOWEST_SCALE)) / LOG_STEP


def laplace_bits(symbols: Tensor, scale: Tensor) -> Tensor:
    """-log2 P(symbol), P the mass of a zero-mean Laplace density in the symbol's unit bin.

    Symbols and scales broadcast; the result has their shape. Integers or, with additive noise in
    training, reals: for |s| >= 1/2 the bin lies on one side
    of zero, P = sinh(1/2b) exp(-|s|/b); around zero both tails count.
    """
    b = scale / math.sqrt(2.0)
    s = symbols.abs()
    half = 0.5 / b
    # One-sided bin: exp(-(s - 1/2)/b) (1 - exp(-1/b)) / 2.
    outside = -(s - 0.5).clamp_min(0) / b + torch.log1p(-torch.exp(-2 * half)) - math.log(2.0)
    inner = s.clamp(max=0.5)
    inside = torch.log1p(
        (-0.5 * (torch.exp(-(0.5 - inner) / b) + torch.exp(-(0.5 + inner) / b))).clamp_min(
            -1 + 1e-6
        )
    )
    nats = torch.where(s < 0.5, inside, outside)
    return -nats / math.log(2.0)


def gaussian_bits(symbols: Tensor, scale: Tensor) -> Tensor:
    """-log2 P(symbol), P the mass of a zero-mean Gaussian density in the symbol's unit bin.

    Shapes as of ``laplace_bits``.
    """
    s = symbols.abs()
    upper = torch.special.ndtr((0.5 - s) / scale)
    lower = torch.special.ndtr((-0.5 - s) / scale)
    return -torch.log2((upper - lower).clamp_min(1e-9))


def logistic_bits(distance: Tensor, scale: Tensor) -> Tensor:
    """-log2 P, P the mass of a logistic density in a unit bin ``distance`` from its mean.

    distance is real (an integer less a real mean), scale a standard deviation; they broadcast.
    """
    inverse = math.pi / math.sqrt(3.0) / scale
    near, far = (distance.abs() - 0.5) * inverse, (distance.abs() + 0.5) * inverse
    nats = near - torch.log(-torch.expm1(-inverse)) + F.softplus(-near) + F.softplus(-far)
    return nats / math.log(2.0)
