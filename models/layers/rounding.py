"""Rounding that knows what a symbol costs.

Between two neighbouring symbols an encoder takes the one of smaller D + weight * R, D in squared
steps, R in bits. At high rate D falls by 2 ln 2 D = ln 2 / 6 = 0.1155 squared steps a bit (a
uniform bin of one step has D = 1/12), so that is where the weight belongs, unless symbols tell much
of what comes behind them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.layers.density import TABLES, deviation

RATE_WEIGHT = 0.11

Bits = Callable[[Tensor, Tensor], Tensor]


def thresholds(bits: Bits, rate_weight: float) -> Tensor:
    """(64, 2): |value| above which a table's 0 becomes 1, and the same from 1 to 2, less 1.

    rate_weight : squared steps that a bit is worth.
    """
    scale = deviation(torch.arange(TABLES) + 0.5)
    costs = [bits(torch.full_like(scale, float(k)), scale) for k in range(3)]
    steps = torch.stack([costs[1] - costs[0], costs[2] - costs[1]], 1)
    return 0.5 + 0.5 * rate_weight * steps.clamp(0, 24)


def rate_aware_round(values: Tensor, tables: Tensor, limits: Tensor) -> Tensor:
    """Integers for real values, given each one's table, of the same shape, and ``thresholds``.

    It has no gradient.
    """
    size = values.abs()
    limit = limits[tables]
    rounded = torch.floor(size + 1 - limit[..., 1]).clamp_min(1)
    return torch.sign(values) * torch.where(size > limit[..., 0], rounded, torch.zeros_like(size))
