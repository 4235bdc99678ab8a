"""Integer tables of the scale axis: a Laplace density, moved towards what was counted.

Real coefficients have sharper peaks and heavier tails than any one density. So each table starts
as a Laplace density of its scale and is mixed with the counts of the symbols that met it on
training pictures; where counts are few, the density stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.layers.density import HIGHEST_SCALE, LOG_STEP, LOWEST_SCALE, TABLES

TOTAL = 2**24
WIDEST = 400
PRIOR_COUNT = 300.0  # how many observations the density is worth


def half_widths() -> NDArray[np.int32]:
    """Half-width of every table, (64,): six deviations and two, at most 400."""
    scales = LOWEST_SCALE * np.exp((np.arange(TABLES) + 0.5) * LOG_STEP)
    assert scales[-1] <= HIGHEST_SCALE * np.exp(LOG_STEP)
    return np.minimum(np.ceil(6 * scales) + 2, WIDEST).astype(np.int32)


def laplace_mass(scale: float, half_width: int) -> NDArray[np.float64]:
    """Mass of -K..K and of everything beyond, (2 K + 2,)."""
    b = scale / np.sqrt(2)
    k = np.arange(1, half_width + 1)
    side = 0.5 * np.exp(-(k - 0.5) / b) * -np.expm1(-1 / b)
    centre = -np.expm1(-0.5 / b)
    beyond = np.exp(-(half_width + 0.5) / b)
    return np.concatenate([side[::-1], [centre], side, [beyond]])


@dataclass
class SymbolCounts:
    """What training pictures showed of each table: symbols, and where in their bins values lay."""

    widths: NDArray[np.int32]
    counts: list[NDArray[np.float64]]
    offset_sum: NDArray[np.float64]
    offset_count: NDArray[np.float64]

    @classmethod
    def empty(cls) -> SymbolCounts:
        """Nothing seen yet."""
        widths = half_widths()
        counts = [np.zeros(2 * int(k) + 2) for k in widths]
        return cls(widths, counts, np.zeros((TABLES, 4)), np.zeros((TABLES, 4)))

    def add(
        self,
        tables: NDArray[np.integer],
        symbols: NDArray[np.integer],
        values: NDArray[np.floating],
    ) -> None:
        """Count a step: flat arrays of tables, symbols and the values that were rounded."""
        sizes = np.minimum(np.abs(symbols), 3)
        key = tables.astype(np.int64) * 4 + sizes
        away = (values - symbols) * np.sign(symbols)
        self.offset_sum += np.bincount(key, away, TABLES * 4).reshape(TABLES, 4)
        self.offset_count += np.bincount(key, minlength=TABLES * 4).reshape(TABLES, 4)
        for table in np.unique(tables):
            k = int(self.widths[table])
            met = symbols[tables == table]
            entry = np.where(np.abs(met) > k, 2 * k + 1, met + k)
            self.counts[table] += np.bincount(entry, minlength=2 * k + 2)

    def frequencies(self) -> NDArray[np.int64]:
        """Integer tables one after another, each summing to 2^24, entries >= 1."""
        tables = []
        for table, counted in enumerate(self.counts):
            scale = LOWEST_SCALE * np.exp((table + 0.5) * LOG_STEP)
            density = laplace_mass(float(scale), int(self.widths[table]))
            inside = 0.5 * (counted[:-1] + counted[-2::-1])  # a sign tells nothing
            posterior = np.append(inside, counted[-1]) + PRIOR_COUNT * density
            tables.append(to_integers(posterior / posterior.sum()))
        return np.concatenate(tables)

    def reconstruction(self) -> NDArray[np.float32]:
        """Mean of |value| - |symbol| by table and min(|symbol|, 3), (64, 4); 0 for symbol 0."""
        trust = self.offset_count / (self.offset_count + 50.0)
        mean = self.offset_sum / np.maximum(self.offset_count, 1.0)
        shift = (trust * mean).astype(np.float32)
        shift[:, 0] = 0
        return shift


def to_integers(mass: NDArray[np.float64]) -> NDArray[np.int64]:
    """Probabilities to integers >= 1 that sum to 2^24; the largest entry takes the rounding."""
    spare = TOTAL - len(mass)
    integers = np.floor(mass * spare).astype(np.int64) + 1
    integers[int(np.argmax(integers))] += TOTAL - integers.sum()
    return integers
