"""How latents become symbols, and which values symbols stand for.

A symbol stands for a place on a line, in steps, and a direction to go there from the mean. The
model brings centroids: how much further the values lay, on training pictures, that it was chosen
for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.runtime.tables import TableSet
from service.runtime.trellis import NEAR, OFFSET, WIDEST, cheapest_paths, mirrored

_DEAREST = 24  # bits between neighbours that rounding heeds at most

_Number = TypeVar("_Number", bound=np.generic)


class Quantiser(ABC):
    """Base of both. Values, symbols and tables of a call have one shape, (P, h, w, n).

    Parameters
    ----------
    tables
        What symbols cost.
    centroids
        (T, ``classes``), float32, in steps.
    weight
        Squared steps that a bit is worth.

    Raises
    ------
    ValueError
        The centroids are of another shape or type, or not finite.
    """

    classes: int
    """Symbols with centroids of their own; those further out share the last one's."""

    def __init__(self, tables: TableSet, centroids: NDArray[np.float32], weight: float) -> None:
        shape = (len(tables), self.classes)
        if centroids.shape != shape or centroids.dtype != np.float32:
            found = f"{centroids.dtype} {centroids.shape}"
            raise ValueError(f"centroids are {found}, not float32 {shape}")
        if not np.isfinite(centroids).all():
            raise ValueError("centroids are not finite")
        self._tables, self._weight = tables, weight
        self._centroids = np.ascontiguousarray(centroids)

    @abstractmethod
    def quantise(self, values: NDArray[np.float32], tables: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Symbols for scaled latents without their means: an encoder's choice.

        A decoder takes any symbols.
        """

    @abstractmethod
    def reconstruct(
        self, symbols: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Where the values of symbols are expected."""


class ScalarQuantiser(Quantiser):
    """Of the two symbols beside a value the one of smaller D + weight * R.

    Centroids are those of magnitudes.
    """

    classes = NEAR + 1

    @cached_property
    def _limits(self) -> NDArray[np.float32]:
        """(T, 2): |value| above which 0 becomes 1, and the same from 1 to 2, less 1.

        Between symbols k and k + 1 the cost is equal at k + 1/2 + weight * (R(k + 1) - R(k)) / 2.
        """
        steps = np.diff(self._tables.costs(np.arange(3, dtype=np.int32)), axis=1)
        return (0.5 + 0.5 * self._weight * np.clip(steps, 0, _DEAREST)).astype(np.float32)

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


class TrellisQuantiser(Quantiser):
    """All latents of a group and patch along the path of least D + weight * R.

    Centroids are those of symbols, sign and all.

    threads : that look for paths.
    """

    classes = 2 * NEAR + 1

    def __init__(
        self,
        tables: TableSet,
        centroids: NDArray[np.float32],
        weight: float,
        threads: int = 1,
    ) -> None:
        super().__init__(tables, centroids, weight)
        self._threads = threads

    @cached_property
    def _costs(self) -> NDArray[np.float32]:
        """(T, 2 WIDEST + 1) costs of symbols in squared steps, which encoders alone ask for."""
        symbols = np.arange(-WIDEST, WIDEST + 1, dtype=np.int32)
        return (self._weight * self._tables.costs(symbols)).astype(np.float32)

    def quantise(self, values: NDArray[np.float32], tables: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Symbols of the cheapest paths, in raster order of the group."""
        rows = _paths(values.astype(np.float32, copy=False))
        symbols = cheapest_paths(rows, _paths(tables), self._costs, self._centroids, self._threads)
        return symbols.reshape(values.shape)

    def reconstruct(
        self, symbols: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """A quarter of a step below the symbol and its centroid beyond, on the path's side."""
        second = mirrored(_paths(symbols)).reshape(symbols.shape)
        values = symbols.astype(np.float32) - np.float32(OFFSET)
        values += self._centroids[tables, np.clip(symbols, -NEAR, NEAR) + NEAR]
        np.negative(values, out=values, where=second)
        return values


def _paths(groups: NDArray[_Number]) -> NDArray[_Number]:
    """Rows of (P, h, w, n): a path each."""
    p, h, w, n = groups.shape
    return np.ascontiguousarray(groups).reshape(p, h * w * n)
