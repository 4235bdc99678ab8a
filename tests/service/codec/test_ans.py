"""The stack: what was pushed comes back, and so does what lay underneath."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec.ans import Stack
from service.codec.integrity import crc32c_of_symbols
from service.errors import BadStream
from service.runtime.tables import LARGEST, TableSet
from tests.service.codec.reference_coder import ReferenceStack, push_step


def make_tables(half_widths: list[int], seed: int = 0) -> TableSet:
    """Bell-shaped tables, each with a random jitter, that sum to 2**24."""
    rng = np.random.default_rng(seed)
    parts = []
    for half in half_widths:
        x = np.arange(-half, half + 2) / max(half / 3, 0.5)
        weights = np.exp(-np.abs(x)) * rng.uniform(0.5, 1.5, x.size)
        counts = 1 + np.floor(weights / weights.sum() * (2**24 - x.size)).astype(np.int64)
        counts[half] += 2**24 - counts.sum()
        parts.append(counts)
    return TableSet(np.array(half_widths, np.int32), np.concatenate(parts).astype(np.uint32))


TABLES = make_tables([0, 1, 2, 5, 40, 300, 1020])


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[np.ndarray, np.ndarray]]:
    """Steps of symbols: mostly small, some far outside of their tables."""
    symbol = st.one_of(st.integers(-3, 3), st.integers(-1100, 1100), st.integers(-LARGEST, LARGEST))
    pairs = st.lists(st.tuples(symbol, st.integers(0, len(TABLES) - 1)), max_size=60)
    return [
        (np.array([s for s, _ in pair], np.int32), np.array([t for _, t in pair], np.uint8))
        for pair in draw(st.lists(pairs, max_size=4))
    ]


@given(steps(), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_pops_give_back_symbols_and_what_lay_underneath(
    steps: list[tuple[np.ndarray, np.ndarray]], check: int
) -> None:
    stack = Stack(check)
    for symbols, tables in reversed(steps):
        stack.push_step(symbols, tables, TABLES)
    read = Stack.from_bytes(stack.to_bytes())
    for symbols, tables in steps:
        assert read.pop_step(tables, TABLES).tolist() == symbols.tolist()
    assert read.ends_on(check)
    assert not read.ends_on(check ^ 1)


@given(steps(), st.integers(0, 2**32 - 1))
@settings(max_examples=75, deadline=None)
def test_bytes_are_those_of_the_document(
    steps: list[tuple[np.ndarray, np.ndarray]], check: int
) -> None:
    plain = [
        (part.tolist(), half)
        for part, half in zip(
            np.split(TABLES.frequencies, np.cumsum(2 * TABLES.half_widths + 2)[:-1]),
            TABLES.half_widths.tolist(),
            strict=True,
        )
    ]
    stack, reference = Stack(check), ReferenceStack(check)
    for symbols, tables in reversed(steps):
        stack.push_step(symbols, tables, TABLES)
        push_step(reference, symbols.tolist(), tables.tolist(), plain)
    assert stack.to_bytes() == reference.to_bytes()


def test_golden_words() -> None:
    # These bytes are in files out there: they must never change.
    stack = Stack(0xE3069283)
    symbols = np.array([0, -1, 1, 7, 300, -301, 0, 2, -(2**20), LARGEST], np.int32)
    tables = np.array([0, 1, 1, 3, 5, 5, 2, 4, 6, 0], np.uint8)
    stack.push_step(symbols, tables, make_flat_tables([0, 1, 2, 5, 40, 300, 1020]))
    assert stack.to_bytes().hex() == GOLDEN


GOLDEN = "ffffff41968008c5f553ffc488d23d19463a02"


def make_flat_tables(half_widths: list[int]) -> TableSet:
    """Tables whose entries are as equal as integers allow."""
    parts = []
    for half in half_widths:
        size = 2 * half + 2
        counts = np.full(size, 2**24 // size)
        counts[half] += 2**24 - counts.sum()
        parts.append(counts)
    return TableSet(np.array(half_widths), np.concatenate(parts))


@pytest.mark.parametrize("size", [2, 4, 256, 2042])
def test_constriction_uses_the_integers_untouched(size: int) -> None:
    # From an empty state, an entry leaves exactly the start of its interval behind.
    table_set = make_tables([size // 2 - 1], seed=size)
    starts = np.concatenate([[0], np.cumsum(table_set.frequencies)])
    for entry in range(size - 1):
        stack = Stack()
        stack.push_step(
            np.array([entry - size // 2 + 1], np.int32), np.zeros(1, np.uint8), table_set
        )
        assert int.from_bytes(stack.to_bytes(), "little") == starts[entry]


@pytest.mark.parametrize("half", [0, 1, 1020])
def test_every_edge_of_the_escape(half: int) -> None:
    table_set = make_tables([half])
    edges = {half, half + 1, LARGEST - half, LARGEST - 1, LARGEST}
    edges |= {half + 2**n + d for n in range(24) for d in (-1, 0, 1) if half + 2**n + d <= LARGEST}
    symbols = np.array(sorted({sign * edge for edge in edges for sign in (1, -1)}), np.int32)
    stack = Stack()
    tables = np.zeros(symbols.size, np.uint8)
    stack.push_step(symbols, tables, table_set)
    assert np.array_equal(stack.pop_step(tables, table_set), symbols)
    assert stack.ends_on(0)


@pytest.mark.parametrize("symbol", [LARGEST + 1, -LARGEST - 1, 2**31 - 1, -(2**31)])
def test_a_symbol_that_is_too_large_is_refused(symbol: int) -> None:
    with pytest.raises(ValueError, match="magnitude"):
        Stack().push_step(np.array([symbol], np.int32), np.zeros(1, np.uint8), TABLES)


def test_a_table_out_of_range_is_refused() -> None:
    for table in (-1, len(TABLES), 255):
        tables = np.array([table])
        with pytest.raises(ValueError, match="tables"):
            Stack().push_step(np.zeros(1, np.int32), tables, TABLES)
        with pytest.raises(ValueError, match="tables"):
            Stack().pop_step(tables, TABLES)


def test_more_than_256_tables() -> None:
    table_set = make_tables([1] * 300)
    tables = np.arange(300)[::-1].repeat(2)
    symbols = np.resize(np.array([-1, 0, 1, 9], np.int32), 600)
    stack = Stack(7)
    stack.push_step(symbols, tables, table_set)
    assert np.array_equal(stack.pop_step(tables, table_set), symbols)
    assert stack.ends_on(7)


def test_predicted_bits_are_the_stream_s_length() -> None:
    rng = np.random.default_rng(1)
    tables = rng.integers(0, len(TABLES), 20_000).astype(np.uint8)
    symbols = np.rint(rng.laplace(0, 4, tables.size)).astype(np.int32)
    stack = Stack(0xFFFFFFFF)
    stack.push_step(symbols, tables, TABLES)
    spent = 8 * len(stack.to_bytes()) - 32
    # A stream ends on a whole byte; the coder itself loses next to nothing.
    assert -1 <= spent - TABLES.bits(symbols, tables) <= 16


def test_a_stream_costs_its_check_and_less_than_a_byte() -> None:
    rng = np.random.default_rng(2)
    excess = []
    for _ in range(200):
        tables = np.full(50, 4, np.uint8)
        symbols = np.rint(rng.laplace(0, 8, 50)).astype(np.int32)
        stack = Stack(crc32c_of_symbols(symbols))
        stack.push_step(symbols, tables, TABLES)
        excess.append(len(stack.to_bytes()) - TABLES.bits(symbols, tables) / 8)
    assert np.mean(excess) < 5
    assert max(excess) < 6


def test_damaged_streams_never_pass_and_never_raise_anything_else() -> None:
    rng = np.random.default_rng(3)
    tables = rng.integers(0, len(TABLES), 300).astype(np.uint8)
    symbols = np.rint(rng.laplace(0, 30, 300)).astype(np.int32)
    check = crc32c_of_symbols(symbols)
    stack = Stack(check)
    stack.push_step(symbols, tables, TABLES)
    whole = stack.to_bytes()
    damaged = [whole[:length] for length in range(len(whole))]
    for place in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        damaged.append(bytes(flipped))
    damaged += [b"", b"\xff" * 400, whole + b"\x01", b"\0\0\0\1" * 30]
    for data in damaged:
        try:
            read = Stack.from_bytes(data)
            found = read.pop_step(tables, TABLES)
        except BadStream:
            continue
        assert np.abs(found.astype(np.int64)).max() <= LARGEST
        assert not read.ends_on(crc32c_of_symbols(found))


def test_a_stream_that_ends_in_zero_is_refused() -> None:
    with pytest.raises(BadStream, match="zero"):
        Stack.from_bytes(b"\x01\x00")


def test_a_panic_of_the_coder_is_contained(monkeypatch: pytest.MonkeyPatch) -> None:
    class Panic(BaseException):
        pass

    class Broken:
        def decode(self, *_: object) -> None:
            raise Panic("assertion failed")

    stack = Stack()
    monkeypatch.setattr(stack, "_coder", Broken())
    with pytest.raises(BadStream, match="assertion failed"):
        stack.pop_step(np.zeros(1, np.uint8), TABLES)


def test_an_interrupt_is_not_taken_for_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def decode(self, *_: object) -> None:
            raise KeyboardInterrupt

    stack = Stack()
    monkeypatch.setattr(stack, "_coder", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        stack.pop_step(np.zeros(1, np.uint8), TABLES)


@pytest.mark.parametrize(
    ("half_widths", "frequencies"),
    [
        ([], []),
        ([-1], []),
        ([0], [2**24]),
        ([0], [2**24 - 1, 2]),
        ([0], [2**24, 0]),
        ([0, 0], [2**23, 2**23, 2**23, 2**23 - 1]),
        ([0], [2**23, 2**22, 2**22]),
    ],
)
def test_tables_that_are_none_are_refused(half_widths: list[int], frequencies: list[int]) -> None:
    with pytest.raises(ValueError):
        TableSet(np.array(half_widths, np.int32), np.array(frequencies, np.int64))
