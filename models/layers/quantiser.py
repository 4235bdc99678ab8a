"""How y's values become symbols in training: each to itself, or along a trellis.

A symbol stands for a place on a line, in steps, and a direction to go there from the mean; the
centroids say how much further the values lie that it was chosen for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.layers.density import LOG_STEP, TABLES, deviation, within_tables
from models.layers.rounding import RATE_WEIGHT, Bits, rate_aware_round, thresholds
from service.runtime.trellis import NEAR, OFFSET, WIDEST, cheapest_paths, mirrored

FORGETTING = 0.98  # of older counts, a step
TRUST = 50.0  # counts that no shift at all is worth
PRIOR_COUNT = 300.0  # how many observations a table's density is worth
LONGEST = 24.0  # bits that a symbol is counted to cost at most


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
    deeper = 0
    """Table steps that the tables' deviations lie below those of ``density.deviation``."""

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

    def density_bits(self, symbols: Tensor, scale: Tensor) -> Tensor:
        """Bits of symbols in the density of a standard deviation ``scale``; any one shape."""
        return self.density(symbols - self.offset, scale)

    def bits(self, symbols: Tensor, index: Tensor) -> Tensor:
        """Bits of symbols at real table indices, by which a prior learns."""
        return self.density_bits(symbols, deviation(index))

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

    @contextmanager
    def by_density(self) -> Iterator[None]:
        """Within, decide by a density, whatever was counted; for a prior that learns."""
        yield


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
    """All values of a group and patch along the path that costs least (``runtime.trellis``).

    A symbol costs what it was counted to cost in its table. No density is near that: the commonest
    tables hold next to nothing but zeros, and how sure those are is most of what they tell.
    """

    offset = OFFSET
    deeper = 8  # in the first table anything but 0 is rarer by seven powers of two than without

    def __init__(self, bits: Bits, rate_weight: float) -> None:
        super().__init__(bits, 2 * NEAR + 1, rate_weight)
        begins = deviation(torch.arange(TABLES) + 0.5) * math.exp(-self.deeper * LOG_STEP)
        mass = torch.exp2(-self._density_costs(begins))
        mass[:, [0, -1]] += 0.5 * (1 - mass.sum(1, keepdim=True)).clamp_min(0)  # all beyond
        self.register_buffer("mass", mass, persistent=False)
        # In it the least deviation is that of a scalar quantiser's first table: of what is rare,
        # nothing is too dear to be chosen.
        least = deviation(torch.arange(TABLES) + 0.5 - self.deeper)
        self.register_buffer("density_costs", self._density_costs(least), persistent=False)
        self.register_buffer("symbol_count", torch.zeros_like(mass))
        self.register_buffer("costs", torch.zeros_like(mass))
        self.mass: Tensor
        self.density_costs: Tensor
        self.symbol_count: Tensor
        self.costs: Tensor
        """Bits of symbols -WIDEST to WIDEST in each table, (TABLES, 2 WIDEST + 1).

        Those beyond are counted as the outermost.
        """
        self._by_density = False
        self._count_costs()

    def _density_costs(self, scales: Tensor) -> Tensor:
        symbols = torch.arange(-WIDEST, WIDEST + 1).float().expand(TABLES, -1)
        return self.density_bits(symbols, scales[:, None].expand_as(symbols))

    @torch.no_grad()
    def _count_costs(self) -> None:
        posterior = self.symbol_count + PRIOR_COUNT * self.mass
        share = posterior / posterior.sum(1, keepdim=True)
        self.costs.copy_((-torch.log2(share)).clamp_max(LONGEST))

    def bits(self, symbols: Tensor, index: Tensor) -> Tensor:
        """As counted, between the two tables in whose middles ``index`` lies.

        So the gradient leads to the better one of two tables.
        """
        place = within_tables(index.float() - 0.5)
        low = place.detach().floor().clamp(0, TABLES - 2)
        column = symbols.clamp(-WIDEST, WIDEST).long() + WIDEST
        below, above = self.costs[low.long(), column], self.costs[low.long() + 1, column]
        return below + (above - below) * (place - low)

    @contextmanager
    def by_density(self) -> Iterator[None]:
        """Within, find paths by the density.

        By counts, a prior that learns would make what is rare dearer, and so rarer.
        """
        before, self._by_density = self._by_density, True
        try:
            yield
        finally:
            self._by_density = before

    @torch.no_grad()
    def forget(self) -> None:
        """Let older counts fade, and take the costs that they tell."""
        super().forget()
        self._count_costs()
        self.symbol_count *= FORGETTING

    @torch.no_grad()
    def observe(self, symbols: Tensor, values: Tensor, tables: Tensor) -> None:
        """Count symbols, and where values lie."""
        super().observe(symbols, values, tables)
        width = 2 * WIDEST + 1
        key = tables * width + symbols.clamp(-WIDEST, WIDEST).long() + WIDEST
        counted = torch.bincount(key.flatten(), minlength=TABLES * width)
        self.symbol_count += counted.view(TABLES, width)

    @torch.no_grad()
    def settle(self, bits: Tensor, away: NDArray[np.float64], seen: NDArray[np.float64]) -> None:
        """Take costs and centroids as they were counted.

        bits : (TABLES, 2 WIDEST + 1) of symbols; away, seen : (TABLES, classes), of centroids.
        """
        self.costs.copy_(bits)
        self.centroid_sum.copy_(torch.from_numpy(away))
        self.centroid_count.copy_(torch.from_numpy(seen))

    def decide(self, values: Tensor, tables: Tensor) -> Tensor:
        """Symbols; paths are found on the CPU."""
        costs = self.density_costs if self._by_density else self.costs
        flat = cheapest_paths(
            _paths(values.float()).cpu().numpy(),
            _paths(tables).byte().cpu().numpy(),
            (self.rate_weight * costs).cpu().numpy(),
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
