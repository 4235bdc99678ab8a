"""Integer tables of the scale axis: the network's own density, moved towards what was counted.

Real coefficients have sharper peaks and heavier tails than any one density. So each table starts
as a density of its scale and is mixed with the counts of the symbols that met it on training
pictures; where counts are few, the density stays.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.layers.density import LOG_STEP, LOWEST_SCALE, TABLES
from models.layers.quantiser import PRIOR_COUNT, TRUST, Quantiser, ScalarQuantiser
from service.runtime.tables import TableSet, split_escapes

TOTAL = 2**24
WIDEST = 400


def scales(deeper: int = 0) -> NDArray[np.float64]:
    """Standard deviation of every table, (64,): the middle of the indices that lead to it.

    deeper : a quantiser's.
    """
    index = np.arange(TABLES) + 0.5 - deeper
    found: NDArray[np.float64] = LOWEST_SCALE * np.exp(index * LOG_STEP)
    return found


def half_widths(deeper: int = 0) -> NDArray[np.int32]:
    """Half-width of every table, (64,): six deviations and two, at most 400."""
    return np.minimum(np.ceil(6 * scales(deeper)) + 2, WIDEST).astype(np.int32)


def mass(quantiser: Quantiser, scale: float, half_width: int) -> NDArray[np.float64]:
    """Mass of symbols -K..K and of everything beyond, (2 K + 2,), summing to one."""
    k = torch.arange(-half_width, half_width + 1, dtype=torch.float64)
    deviations = torch.full_like(k, scale)
    inside = torch.exp2(-quantiser.density_bits(k, deviations)).numpy()
    beyond = max(1.0 - float(inside.sum()), 0.0)
    every = np.append(inside, beyond)
    return every / every.sum()


class SymbolCounts:
    """What training pictures showed of each table: symbols, and where in their bins values lay.

    quantiser : of the symbols.

    ``away`` and ``seen`` are (64, classes): how far beyond their symbols' places the values lay,
    summed, and how many there were.
    """

    def __init__(self, quantiser: Quantiser) -> None:
        self._quantiser = quantiser
        self.widths = half_widths(quantiser.deeper)
        sizes = 2 * self.widths.astype(np.int64) + 2
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._counts = np.zeros(self._starts[-1])
        self.away = np.zeros((TABLES, quantiser.classes))
        self.seen = np.zeros((TABLES, quantiser.classes))

    def add(self, tables: Tensor, symbols: Tensor, values: Tensor | None = None) -> None:
        """Count a step: tables, symbols and the values that they stand for, of one shape.

        Without values (differences have none), nothing is learned of where they lay.
        """
        chosen = tables.flatten().numpy().astype(np.int64)
        integers = symbols.flatten().int().numpy()
        entries, _ = split_escapes(integers, self.widths[chosen])
        self._counts += np.bincount(self._starts[chosen] + entries, minlength=len(self._counts))
        if values is None:
            return
        quantiser = self._quantiser
        key = chosen * quantiser.classes + quantiser.class_of(symbols).flatten().numpy()
        away = quantiser.away(symbols, values).flatten().numpy()
        shape, size = self.away.shape, self.away.size
        self.away += np.bincount(key, away, size).reshape(shape)
        self.seen += np.bincount(key, minlength=size).reshape(shape)

    def tables(self) -> TableSet:
        """Integer tables of the density and the counts, each summing to 2^24, entries >= 1."""
        integers = []
        counts = np.split(self._counts, self._starts[1:-1])
        deviations = scales(self._quantiser.deeper)
        for scale, width, counted in zip(deviations, self.widths, counts, strict=True):
            inside = counted[:-1]
            if isinstance(self._quantiser, ScalarQuantiser):  # a sign tells nothing
                inside = 0.5 * (inside + inside[::-1])
            observed = np.append(inside, counted[-1])
            posterior = observed + PRIOR_COUNT * mass(self._quantiser, float(scale), int(width))
            integers.append(to_integers(posterior / posterior.sum()))
        return TableSet(self.widths, np.concatenate(integers))

    def reconstruction(self) -> NDArray[np.float32]:
        """Centroids by table and class of symbol, (64, classes)."""
        shift: NDArray[np.float32] = (self.away / (self.seen + TRUST)).astype(np.float32)
        return shift


def to_integers(mass: NDArray[np.float64]) -> NDArray[np.int64]:
    """Probabilities to integers >= 1 that sum to 2^24; the largest entry takes the rounding."""
    spare = TOTAL - len(mass)
    integers: NDArray[np.int64] = np.floor(mass * spare).astype(np.int64) + 1
    integers[int(np.argmax(integers))] += TOTAL - integers.sum()
    return integers
