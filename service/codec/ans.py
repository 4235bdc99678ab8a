"""Entropy coding of integers: a stack that gives back, last in first out, what was pushed.

`Stack` is constriction's `AnsCoder` with two additions: symbols outside of their table are
escaped, and a stack starts with a check that it must end on. docs/FORMAT.md, section 6, says the
same in terms of bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from service.errors import BadStream
from service.runtime.tables import (
    EXPONENTS,
    LARGEST,
    TableSet,
    exponents_of,
    group_by_table,
    split_escapes,
)

_AnsCoder: Any = constriction.stream.stack.AnsCoder
_uniform: Any = cache(constriction.stream.model.Uniform)


class Stack:
    """Words and a state, pushed to by an encoder and popped from by a decoder.

    Pops come in the reverse order of pushes: an encoder walks through its steps backwards.

    Parameters
    ----------
    check
        The CRC32C of all symbols that will be pushed: the stack's first content, and what must be
        left in the end (`ends_on`). It also fills the coder's start, which would else be wasted.
    """

    def __init__(self, check: int = 0) -> None:
        self._coder = _AnsCoder(np.array([check] if check else [], np.uint32))

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Stack:
        """Read a stream.

        Raises
        ------
        BadStream
            If it ends in a zero byte, which no stream does.
        """
        if len(data) and data[-1] == 0:
            raise BadStream("A stream ends in a zero byte.")
        stack = cls()
        words = np.frombuffer(bytes(data) + bytes(-len(data) % 4), "<u4").astype(np.uint32)
        with _contained():
            stack._coder = _AnsCoder(words)
        return stack

    def to_bytes(self) -> bytes:
        """Write a stream: little-endian words without the zero bytes at their very end."""
        words: NDArray[np.uint32] = self._coder.get_compressed()
        return words.astype("<u4").tobytes().rstrip(b"\0")

    @classmethod
    def on_loan(cls, words: NDArray[np.uint32]) -> Stack:
        """A stack that starts with words of others; `loan` gives them back (section 9)."""
        stack = cls()
        stack._coder = _AnsCoder(words, True)
        return stack

    def loan(self) -> NDArray[np.uint32] | None:
        """The words that the stack was started with; None if it has something else on them."""
        words, state = self._coder.pos()
        if state >> 32 != 1:
            return None
        found: NDArray[np.uint32] = self._coder.get_compressed(True)
        return found if len(found) == words + 1 else None

    @property
    def bits(self) -> float:
        """How much the stack holds."""
        words, state = self._coder.pos()
        return 32 * int(words) + math.log2(max(state, 1))

    @property
    def is_short(self) -> bool:
        """Whether pops have reached the bottom: what came last may not be random any more."""
        return int(self._coder.pos()[0]) == 0

    def copy(self) -> Stack:
        """Another stack with the same content."""
        stack = Stack()
        stack._coder = self._coder.clone()
        return stack

    def push_check(self, check: int) -> None:
        """Push a CRC32C, so that the high half lies below the low one."""
        halves = np.array([check & 0xFFFF, check >> 16], np.int32)
        self._coder.encode_reverse(halves, _uniform(1 << 16))

    def pop_check(self) -> int:
        """Pop a CRC32C; mirrors `push_check`."""
        with _contained():
            low, high = self._coder.decode(_uniform(1 << 16), 2).tolist()
        return int(high << 16 | low)

    def push_choice(self, choice: int, choices: int) -> None:
        """Push one of 0 to choices - 1, all alike; choices are at least 2."""
        self._coder.encode_reverse(np.array([choice], np.int32), _uniform(choices))

    def pop_choice(self, choices: int) -> int:
        """Pop one of 0 to choices - 1; mirrors `push_choice`."""
        with _contained():
            return int(self._coder.decode(_uniform(choices), 1)[0])

    def ends_on(self, check: int) -> bool:
        """Say whether nothing is left but the check that the stack was started with."""
        words, state = self._coder.pos()
        return bool(words == 0 and state == check)

    def push_step(
        self, symbols: NDArray[np.int32], tables: NDArray[np.integer], table_set: TableSet
    ) -> None:
        """Push a step of symbols; `pop_step` undoes it, line by line.

        Parameters
        ----------
        symbols
            (n,) int32, magnitudes up to `LARGEST`; raster order.
        tables
            (n,) table of each symbol, 0 to len(table_set) - 1.
        table_set
            The tables.

        Raises
        ------
        ValueError
            If a magnitude or a table is out of range, or the lengths differ.
        BadStream
            If a symbol is beyond a table that has no escape. Such tables only ever give back
            what was popped with them, unless the stack was damaged.
        """
        if symbols.shape != tables.shape or symbols.ndim != 1:
            raise ValueError(f"{symbols.shape} symbols but {tables.shape} tables")
        order, runs = group_by_table(tables, len(table_set))
        entries, excess = split_escapes(symbols, table_set.half_widths[tables])
        if excess.size:
            if not table_set.escapes:
                raise BadStream("A symbol is beyond what its table could have given.")
            self._push_excess(excess)
        entries = entries[order]
        models, push = table_set.models, self._coder.encode_reverse
        for table, start, stop in reversed(runs):
            push(entries[start:stop], models[table])

    def pop_step(self, tables: NDArray[np.integer], table_set: TableSet) -> NDArray[np.int32]:
        """Pop a step of symbols; the mirror image of `push_step`.

        Parameters
        ----------
        tables
            (n,) table of each symbol, 0 to len(table_set) - 1; raster order.
        table_set
            The tables.

        Returns
        -------
        NDArray[np.int32]
            (n,) symbols. From a damaged stream they are arbitrary, with magnitudes up to
            `LARGEST`, and `ends_on` tells.

        Raises
        ------
        ValueError
            If a table is out of range.
        BadStream
            If the stream holds a symbol that is none.
        """
        order, runs = group_by_table(tables, len(table_set))
        half = table_set.half_widths[tables]
        grouped = np.empty(tables.size, np.int32)
        models, pop = table_set.models, self._coder.decode
        with _contained():
            for table, start, stop in runs:
                grouped[start:stop] = pop(models[table], stop - start)
        symbols = np.empty_like(grouped)
        symbols[order] = grouped
        symbols -= half
        escaped = np.flatnonzero(symbols > half)
        if escaped.size:
            excess = self._pop_excess(escaped.size)
            outside = half[escaped].astype(np.int64) + np.abs(excess)
            if outside.max() > LARGEST:
                raise BadStream("A stream holds a symbol of 2^24 or more.")
            symbols[escaped] = np.where(excess < 0, -outside, outside)
        return symbols

    def _push_excess(self, excess: NDArray[np.int32]) -> None:
        """Push what escaped symbols have beyond their table: signed, never 0."""
        magnitudes = np.abs(excess)
        exponents = exponents_of(magnitudes)
        order, runs = group_by_table(exponents, EXPONENTS)
        mantissas = (magnitudes - (1 << exponents))[order]
        for exponent, start, stop in reversed(runs):
            if exponent:
                self._coder.encode_reverse(mantissas[start:stop], _uniform(1 << exponent))
        self._coder.encode_reverse(2 * exponents + (excess < 0), _uniform(2 * EXPONENTS))

    def _pop_excess(self, count: int) -> NDArray[np.int32]:
        """Pop what escaped symbols have beyond their table; mirrors `_push_excess`."""
        with _contained():
            heads = self._coder.decode(_uniform(2 * EXPONENTS), count)
            exponents = heads >> 1
            order, runs = group_by_table(exponents, EXPONENTS)
            mantissas = np.zeros(count, np.int32)
            for exponent, start, stop in runs:
                if exponent:
                    mantissas[order[start:stop]] = self._coder.decode(
                        _uniform(1 << exponent), stop - start
                    )
        magnitudes = (1 << exponents) + mantissas
        excess: NDArray[np.int32] = np.where(heads & 1, -magnitudes, magnitudes)
        return excess


@contextmanager
def _contained() -> Iterator[None]:
    """Turn whatever a coder does on bytes of others into `BadStream`.

    A panic of constriction's is a BaseException that is no Exception and cannot be imported.
    """
    try:
        yield
    except (BadStream, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        raise BadStream(f"A stream cannot be decoded: {error}.") from None
