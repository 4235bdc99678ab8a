"""How y's values become symbols in training: each to itself, or along a trellis.

A symbol stands for a place on a line, in steps, and a direction to go there from the mean; the
centroids say how much further the values lie that it was chosen for.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.layers.density import TABLES, deviation
from models.layers.rounding import RATE_WEIGHT, Bits, rate_aware_round, thresholds
from service.runtime.trellis import NEAR, OFFSET, WIDEST, cheapest_paths, mirrored

FORGETTING = 0.99  # of older counts of centroids, a step
TRUST = 50.0  # counts that no shift at all is worth


class Quantiser(nn.Module):
    """Base of both. Symbols, values and tables of a call have one shape (P, n, h, w).

    Parameters
    ----------
    bits : likelihood of the family.
    classes : symbols with centroids of their own; those further out share the last one's.
    rate_weight : squared steps that a bit is worth.
    """

    offset: float
    """Of a symbol's bin from the symbol, in steps, where its probability is counted."""

    def __init__(self, bits: Bits, classes: int, rate_weight: float) -> None:
        super().__init__()
        self.density, self.classes, self.rate_weight = bits, classes, rate_weight
        self.register_buffer("centroid_sum", torch.zeros(TABLES, classes))
        self.register_buffer("centroid_count", torch.zeros(TABLES, classes))
        self.centroid_sum: Tensor
        self.centroid_count: Tensor

    def decide(self, values: Tensor, tables: Tensor) -> Tensor:
        """Symbols for scaled values without their means; no gradient."""
        raise NotImplementedError

    def directed(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Places and directions, 1 or -1; their product is what a symbol stands for."""
        raise NotImplementedError

    def class_of(self, symbols: Tensor) -> Tensor:
        """Which centroid is a symbol's, int64 from 0."""
        raise NotImplementedError

    def bits(self, symbols: Tensor, scale: Tensor) -> Tensor:
        """Bits of symbols whose values have a standard deviation ``scale``."""
        return self.density(symbols - self.offset, scale)

    def centroids(self) -> Tensor:
        """(TABLES, classes): how much further than their places values lie, in steps."""
        return self.centroid_sum / (self.centroid_count + TRUST)

    def reconstruct(self, symbols: Tensor, tables: Tensor) -> Tensor:
        """Where the values of symbols are expected."""
        places, directions = self.directed(symbols)
        return directions * (places + self.centroids()[tables, self.class_of(symbols)])

    def away(self, symbols: Tensor, values: Tensor) -> Tensor:
        """How much further than their places values lie."""
        places, directions = self.directed(symbols)
        return directions * values - places

    @torch.no_grad()
    def forget(self) -> None:
        """Let older counts fade."""
        self.centroid_sum *= FORGETTING
        self.centroid_count *= FORGETTING

    @torch.no_grad()
    def observe(self, symbols: Tensor, values: Tensor, tables: Tensor) -> None:
        """Count where values lie."""
        key = (tables * self.classes + self.class_of(symbols)).flatten()
        size, shape = TABLES * self.classes, (TABLES, self.classes)
        away = self.away(symbols, values).flatten().float()
        self.centroid_sum += torch.bincount(key, away, size).view(shape)
        self.centroid_count += torch.bincount(key, minlength=size).view(shape)


class ScalarQuantiser(Quantiser):
    """Each value to one of its two neighbours, by what they cost."""

    offset = 0.0

    def __init__(self, bits: Bits, rate_weight: float = RATE_WEIGHT) -> None:
        super().__init__(bits, NEAR + 1, rate_weight)
        self.register_buffer("limits", thresholds(bits, rate_weight), persistent=False)
        self.limits: Tensor

    def decide(self, values: Tensor, tables: Tensor) -> Tensor:
        """Integers."""
        return rate_aware_round(values, tables, self.limits)

    def directed(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Magnitudes and signs."""
        return symbols.abs(), torch.where(symbols < 0, -1.0, 1.0)

    def class_of(self, symbols: Tensor) -> Tensor:
        """Its magnitude."""
        return symbols.abs().clamp(max=NEAR).long()

    def away(self, symbols: Tensor, values: Tensor) -> Tensor:
        """0 is shown as what it is: a value's sign tells nothing there."""
        return super().away(symbols, values) * (symbols != 0)


class TrellisQuantiser(Quantiser):
    """All values of a group and patch along the path that costs least (``runtime.trellis``)."""

    offset = OFFSET

    def __init__(self, bits: Bits, rate_weight: float) -> None:
        super().__init__(bits, 2 * NEAR + 1, rate_weight)
        scale = deviation(torch.arange(TABLES) + 0.5)[:, None]
        symbols = torch.arange(-WIDEST, WIDEST + 1).float().expand(TABLES, -1)
        costs = rate_weight * bits(symbols - OFFSET, scale.expand_as(symbols))
        self.register_buffer("costs", costs.float(), persistent=False)
        self.costs: Tensor

    @torch.no_grad()
    def settle(self, bits: Tensor, away: NDArray[np.float64], seen: NDArray[np.float64]) -> None:
        """Take costs and centroids as they were counted.

        bits : (TABLES, 2 WIDEST + 1) of symbols; away, seen : (TABLES, classes), of centroids.
        """
        self.costs.copy_(self.rate_weight * bits)
        self.centroid_sum.copy_(torch.from_numpy(away))
        self.centroid_count.copy_(torch.from_numpy(seen))

    def decide(self, values: Tensor, tables: Tensor) -> Tensor:
        """Symbols; paths are found on the CPU."""
        flat = cheapest_paths(
            _paths(values.float()).cpu().numpy(),
            _paths(tables).byte().cpu().numpy(),
            self.costs.cpu().numpy(),
            self.centroids().cpu().numpy(),
        )
        return _grids(torch.from_numpy(flat).to(values.device), values).float()

    def directed(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """A quarter of a step below the symbols, mirrored in the second quantiser."""
        second = mirrored(_paths(symbols).int().cpu().numpy())
        directions = 1.0 - 2.0 * torch.from_numpy(second).to(symbols.device).float()
        return symbols - OFFSET, _grids(directions, symbols)

    def class_of(self, symbols: Tensor) -> Tensor:
        """The symbol, sign and all."""
        return symbols.clamp(-NEAR, NEAR).long() + NEAR


def _paths(grids: Tensor) -> Tensor:
    """(P, n, h, w) to (P, h w n): row by row, all channels of a position together."""
    return grids.permute(0, 2, 3, 1).reshape(len(grids), -1).contiguous()


def _grids(paths: Tensor, like: Tensor) -> Tensor:
    """Inverse of ``_paths``, for the shape of ``like``."""
    p, n, h, w = like.shape
    return paths.reshape(p, h, w, n).permute(0, 3, 1, 2)
