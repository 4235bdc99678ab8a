"""Integer probability tables, and the order in which a step's symbols use them.

Tables are integers from end to end: a probability that is computed, rather than stored, differs
from machine to machine, and one unit of difference turns the rest of a stream into noise.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

PRECISION = 24
"""Probabilities are in units of 2**-24."""
LARGEST = 2**24 - 1
"""The largest magnitude of a symbol; what float32 still holds exactly."""
EXPONENTS = 24
"""Exponents of escaped magnitudes: 0 to 23, so that the mantissa fits one uniform model."""

_Categorical: Any = constriction.stream.model.Categorical


class TableSet:
    """Integer probability tables, and what a symbol costs in each.

    Table t covers the integers -half_widths[t] to half_widths[t] and, in a set with escapes, has
    one entry more, the last, for all others. In a set without, every entry is a symbol, so that
    any bits can be popped with it.

    Parameters
    ----------
    half_widths
        (T,) integers, 0 (without escapes 1) to 2**20.
    frequencies
        The tables' entries one after another, 2 * half_widths + 2 integers >= 1 each (one less
        without escapes), those of each table summing to 2**24.
    escapes
        Whether symbols beyond a table's half width can be coded.

    Raises
    ------
    ValueError
        If the tables are not as described.
    """

    def __init__(
        self,
        half_widths: NDArray[np.integer],
        frequencies: NDArray[np.integer],
        *,
        escapes: bool = True,
    ) -> None:
        if half_widths.ndim != 1 or not 1 <= half_widths.size <= 2**16:
            raise ValueError("half_widths must be a list of 1 to 65,536 integers")
        least = 0 if escapes else 1  # a symbol that is certain is none
        if half_widths.min() < least or half_widths.max() > 2**20:
            raise ValueError(f"half widths must be {least} to 2**20")
        self.half_widths = half_widths.astype(np.int32)
        self.escapes = escapes
        sizes = 2 * half_widths.astype(np.int64) + 1 + escapes
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        if frequencies.shape != (int(self._starts[-1]),):
            raise ValueError(
                f"half widths ask for {self._starts[-1]} frequencies, not {frequencies.shape}"
            )
        if frequencies.min() < 1 or frequencies.max() > 2**PRECISION:
            raise ValueError("frequencies must be 1 to 2**24")
        self.frequencies = frequencies.astype(np.int64)
        sums = np.add.reduceat(self.frequencies, self._starts[:-1])
        if (sums != 2**PRECISION).any():
            raise ValueError(f"table {int(np.argmax(sums != 2**PRECISION))} does not sum to 2**24")

    def __len__(self) -> int:
        """Return the number of tables."""
        return int(self.half_widths.size)

    @cached_property
    def models(self) -> list[Any]:
        """One constriction model a table, entry for entry the integers of this set."""
        # constriction gives each entry one unit and spreads the rest in proportion to the floats
        # it is handed; with k - 1 in float64 that proportion is exactly 1 and k comes out again.
        parts = np.split(self.frequencies, self._starts[1:-1])
        return [_Categorical((k - 1).astype(np.float64), perfect=False) for k in parts]

    @cached_property
    def _costs(self) -> NDArray[np.float32]:
        """Bits of every entry, one table after another."""
        return (PRECISION - np.log2(self.frequencies)).astype(np.float32)

    @cached_property
    def entropies(self) -> NDArray[np.float64]:
        """Bits that a symbol drawn from each table costs on average, (T,); escapes' rest apart."""
        weighted = self.frequencies * self._costs.astype(np.float64) / 2**PRECISION
        sums: NDArray[np.float64] = np.add.reduceat(weighted, self._starts[:-1])
        return sums

    def costs(self, symbols: NDArray[np.int32]) -> NDArray[np.float64]:
        """Bits of each of (n,) symbols in each table, (T, n), as `bits` counts them.

        Only of a set with escapes.
        """
        found = np.empty((len(self), symbols.size))
        for table, width in enumerate(self.half_widths):
            entries, excess = split_escapes(symbols, np.full(symbols.size, width, np.int32))
            found[table] = self._costs[self._starts[table] + entries]
            escape = np.log2(2 * EXPONENTS) + exponents_of(np.abs(excess))
            found[table, np.abs(symbols) > width] += escape
        return found

    def bits(self, symbols: NDArray[np.int32], tables: NDArray[np.integer]) -> float:
        """Cost of a step, from the integer tables: what `Stack.push_step` adds to a stack.

        Parameters
        ----------
        symbols
            (n,) int32.
        tables
            (n,) table of each symbol.

        Returns
        -------
        float
            Bits, escapes included.

        Raises
        ------
        ValueError
            If a symbol is beyond a table that has no escape.
        """
        half = self.half_widths[tables]
        entries, excess = split_escapes(symbols, half)
        if excess.size and not self.escapes:
            raise ValueError(f"{excess.size} symbols are beyond tables without escapes")
        cost = float(self._costs[self._starts[tables] + entries].sum(dtype=np.float64))
        if excess.size:
            exponents = exponents_of(np.abs(excess))
            cost += excess.size * float(np.log2(2 * EXPONENTS)) + float(exponents.sum())
        return cost


def group_by_table(
    tables: NDArray[np.integer], count: int
) -> tuple[NDArray[np.intp], list[tuple[int, int, int]]]:
    """Order of a step's symbols: table ascending, then raster.

    Parameters
    ----------
    tables
        (n,) integers, 0 to count - 1.
    count
        Number of tables, at most 65,536.

    Returns
    -------
    order
        (n,) raster positions in coding order.
    runs
        (table, start, stop) of every table that occurs, in coding order.

    Raises
    ------
    ValueError
        If a table is out of range.
    """
    if not tables.size:
        return np.empty(0, np.intp), []
    if tables.min() < 0 or tables.max() >= count:
        raise ValueError(f"tables must be 0 to {count - 1}")
    # NumPy sorts 8- and 16-bit keys by radix, several times faster than wider ones.
    keys = tables.astype(np.uint8 if count <= 2**8 else np.uint16, copy=False)
    order = np.argsort(keys, kind="stable")
    grouped = keys[order]
    starts = [0, *(np.flatnonzero(grouped[1:] != grouped[:-1]) + 1).tolist()]
    names = grouped[starts].tolist()
    return order, list(zip(names, starts, [*starts[1:], tables.size], strict=True))


def split_escapes(
    symbols: NDArray[np.int32], half: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Split a step into table entries and what escapes the tables.

    Parameters
    ----------
    symbols
        (n,) integers.
    half
        (n,) half width of each symbol's table.

    Returns
    -------
    entries
        (n,) entry of each symbol in its table; the last one for escaped symbols.
    excess
        (escaped,) signed distance of the escaped symbols from the table's end, never 0.

    Raises
    ------
    ValueError
        If a magnitude is above `LARGEST`.
    """
    escaped = np.flatnonzero((symbols > half) | (symbols < -half))
    entries = symbols + half
    if not escaped.size:
        return entries, symbols[:0]
    outside, reach = symbols[escaped], half[escaped]
    if outside.min() < -LARGEST or outside.max() > LARGEST:
        raise ValueError("symbols must be below 2**24 in magnitude")
    entries[escaped] = 2 * reach + 1
    return entries, np.where(outside > 0, outside - reach, outside + reach)


def exponents_of(magnitudes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Floor of the binary logarithm, exactly.

    Parameters
    ----------
    magnitudes
        (n,) integers, 1 to 2**24 - 1.

    Returns
    -------
    NDArray[np.int32]
        (n,) exponents, 0 to 23.
    """
    return np.frexp(magnitudes.astype(np.float64))[1] - 1
