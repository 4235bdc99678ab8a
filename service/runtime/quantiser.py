"""How latents become symbols, and which values symbols stand for.

A symbol stands for a place on a line, in steps, and a direction to go there from the mean. The
model brings centroids: how much further the values lay, on training pictures, that it was chosen
for.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.runtime.tables import TableSet
from service.runtime.trellis import NEAR, OFFSET, cheapest_paths, mirrored

WIDEST = 64  # symbols beyond cost a trellis what this one does
_DEAREST = 24  # bits between neighbours that rounding heeds at most


class Quantiser(Protocol):
    """Values and tables of a call have one shape, (P, h, w, n)."""

    def quantise(self, values: NDArray[np.float32], tables: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Symbols for scaled latents without their means: an encoder's choice.

        A decoder takes any symbols.
        """
        ...

    def reconstruct(
        self, symbols: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Where the values of symbols are expected."""
        ...


class ScalarQuantiser:
    """Of the two symbols beside a value the one of smaller D + weight * R.

    Parameters
    ----------
    tables
        What symbols cost.
    centroids
        (T, NEAR + 1) by magnitude, those further out sharing the last.
    weight
        Squared steps that a bit is worth.
    """

    def __init__(self, tables: TableSet, centroids: NDArray[np.float32], weight: float) -> None:
        if centroids.shape != (len(tables), NEAR + 1):
            raise ValueError(f"centroids {centroids.shape} for {len(tables)} tables")
        self._centroids = centroids
        # (T, 2): |value| above which 0 becomes 1, and the same from 1 to 2, less 1. Between symbols
        # k and k + 1 the cost is equal at k + 1/2 + weight * (R(k + 1) - R(k)) / 2.
        steps = np.diff(_costs(tables, 2)[:, 2:], axis=1)
        self._limits = (0.5 + 0.5 * weight * np.clip(steps, 0, _DEAREST)).astype(np.float32)

    def quantise(self, values: NDArray[np.float32], tables: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Integers."""
        size = np.abs(values)
        first, further = self._limits[:, 0][tables], self._limits[:, 1][tables]
        rounded = np.maximum(np.floor(size + (1 - further)), 1)
        rounded[size <= first] = 0
        return np.copysign(rounded, values).astype(np.int32)

    def reconstruct(
        self, symbols: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """The symbol, and its centroid beyond."""
        shift = self._centroids[tables, np.minimum(np.abs(symbols), NEAR)]
        values: NDArray[np.float32] = symbols.astype(np.float32)
        values += np.copysign(shift, values)
        return values


class TrellisQuantiser:
    """All latents of a group and patch along the path of least D + weight * R.

    Parameters
    ----------
    tables
        What symbols cost.
    centroids
        (T, 2 NEAR + 1) by symbol, those further out sharing the outermost.
    weight
        Squared steps that a bit is worth.
    """

    def __init__(self, tables: TableSet, centroids: NDArray[np.float32], weight: float) -> None:
        if centroids.shape != (len(tables), 2 * NEAR + 1):
            raise ValueError(f"centroids {centroids.shape} for {len(tables)} tables")
        self._centroids = np.ascontiguousarray(centroids, np.float32)
        self._costs = (weight * _costs(tables, WIDEST)).astype(np.float32)

    def quantise(self, values: NDArray[np.float32], tables: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Symbols of the cheapest paths, in raster order of the group."""
        rows = np.ascontiguousarray(values, np.float32).reshape(len(values), -1)
        chosen = np.ascontiguousarray(tables).reshape(len(values), -1)
        symbols: NDArray[np.int32] = cheapest_paths(rows, chosen, self._costs, self._centroids)
        return symbols.reshape(values.shape)

    def reconstruct(
        self, symbols: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """A quarter of a step below the symbol and its centroid beyond, on the path's side."""
        second = mirrored(np.ascontiguousarray(symbols).reshape(len(symbols), -1))
        values = symbols.astype(np.float32) - np.float32(OFFSET)
        values += self._centroids[tables, np.clip(symbols, -NEAR, NEAR) + NEAR]
        np.negative(values, out=values, where=second.reshape(symbols.shape))
        return values


def _costs(tables: TableSet, widest: int) -> NDArray[np.float64]:
    """(T, 2 widest + 1) bits of symbols -widest to widest in every table."""
    symbols = np.arange(-widest, widest + 1, dtype=np.int32)
    return np.array(
        [
            [tables.bits(symbols[k : k + 1], np.array([table])) for k in range(len(symbols))]
            for table in range(len(tables))
        ]
    )
