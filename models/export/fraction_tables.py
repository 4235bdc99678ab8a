"""Integer tables of lossless models: scales times the fraction of the mean within a grey level.

As in ``models.export.tables``, each table starts as a density, a logistic one if nothing else is
asked for, and is mixed with the counts of the symbols that met it. Table ``FRACTIONS * scale + f``
is for the f-th of four distances of the mean from the centre that symbols count from.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.export.tables import to_integers
from models.layers.density import LOG_STEP, LOWEST_SCALE
from service.runtime.lossless_model import FRACTIONS, SCALES

WIDEST = 511  # the largest difference of two values of Co or Cg is 510
PRIOR_COUNT = 300.0  # how many observations the density is worth


def deviations() -> NDArray[np.float64]:
    """Standard deviation that each table stands for, (256,): the middle of an index's range."""
    scales = LOWEST_SCALE * np.exp((np.arange(SCALES) + 0.5) * LOG_STEP)
    return np.repeat(scales, FRACTIONS)


def half_widths() -> NDArray[np.int32]:
    """Half-width of every table, (256,): six deviations and three, at most 511."""
    return np.minimum(np.ceil(6 * deviations()) + 3, WIDEST).astype(np.int32)


def logistic_mass(deviation: float, mean: float, half_width: int) -> NDArray[np.float64]:
    """Mass of -K..K and of everything beyond, (2 K + 2,)."""
    edges = np.arange(-half_width, half_width + 2) - 0.5 - mean
    x = edges * np.pi / np.sqrt(3) / deviation
    # tanh is antisymmetric, so differences in both tails keep their digits only up to 1e-17:
    # enough, since every entry gets at least 2^-24.
    cumulative = 0.5 * (1 + np.tanh(x / 2))
    inside = np.diff(cumulative)
    return np.append(inside, 1 - inside.sum())


Density = Callable[[int, int], NDArray[np.float64]]
"""(table, half-width K) -> mass of -K..K and of everything beyond, (2 K + 2,)."""


def above_centre(table: int, half_width: int) -> NDArray[np.float64]:
    """Logistic, its mean (f + 1/2) / FRACTIONS above the centre that symbols count from."""
    mean = (table % FRACTIONS + 0.5) / FRACTIONS
    return logistic_mass(float(deviations()[table]), mean, half_width)


class FractionCounts:
    """Symbols by table, as training pictures showed them, and the density that they move."""

    def __init__(self, density: Density = above_centre) -> None:
        self._density = density
        self.half_widths = half_widths()
        sizes = 2 * self.half_widths.astype(np.int64) + 2
        self._starts = np.cumsum(sizes) - sizes
        self._counts = np.zeros(int(sizes.sum()))

    def add(self, tables: NDArray[np.uint8], symbols: NDArray[np.int32]) -> None:
        """Count a step: tables and symbols of one shape."""
        half = self.half_widths[tables]
        entries = np.where(np.abs(symbols) > half, 2 * half + 1, symbols + half)
        where = (self._starts[tables] + entries).reshape(-1)
        self._counts += np.bincount(where, minlength=len(self._counts))

    def frequencies(self) -> NDArray[np.int64]:
        """Integer tables one after another, each summing to 2^24, entries >= 1."""
        made = []
        counted = np.split(self._counts, self._starts[1:])
        for table, counts in enumerate(counted):
            density = self._density(table, int(self.half_widths[table]))
            posterior = counts + PRIOR_COUNT * np.maximum(density, 0)
            made.append(to_integers(posterior / posterior.sum()))
        return np.concatenate(made)
