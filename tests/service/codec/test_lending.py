"""Who lends to whom, and that a loan comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec.grid import Grid
from service.codec.lending import (
    CHAIN,
    LEAST_DONOR,
    Plan,
    Pool,
    keystream,
    loan_words,
    plan_stacks,
    returned,
)


def test_the_keystream_is_the_documents() -> None:
    """Section 9, word for word."""
    expected = []
    for i in range(5):
        h = (i + 1) * 0x9E3779B9 % 2**32
        h = (h ^ (h >> 16)) * 0x85EBCA6B % 2**32
        h = (h ^ (h >> 13)) * 0xC2B2AE35 % 2**32
        expected.append(h ^ (h >> 16))
    assert keystream(5).tolist() == expected
    assert expected[0] == 0x92CA2F0E
    assert keystream(0).size == 0


def test_whitened_bits_are_spread() -> None:
    """Streams of zeros, the worst there are: a popped symbol should not know."""
    bytes_of = np.unpackbits(loan_words([bytes(4000)], 0).view(np.uint8))
    assert abs(bytes_of.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(bytes_of[:-1], bytes_of[1:])[0, 1]) < 0.03


@given(st.lists(st.binary(max_size=30), max_size=5), st.integers(0, 9))
def test_a_loan_is_returned(streams: list[bytes], more: int) -> None:
    filler = 4 * more + -sum(map(len, streams)) % 4
    words = loan_words(streams, filler)
    lengths = [len(stream) for stream in streams]
    assert returned(words, lengths, filler) == streams
    if filler:
        changed = words.copy()
        changed[-1] ^= np.uint32(1 << 31)
        assert returned(changed, lengths, filler) is None
    assert returned(np.append(words, np.uint32(1)), lengths, filler) is None
    assert returned(None, lengths, filler) is None


@st.composite
def pictures(draw: st.DrawFn) -> tuple[Grid, dict[int, int], dict[int, int]]:
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    blade = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    needs = {n: draw(st.integers(1, 900)) for n, is_blade in enumerate(blade) if is_blade}
    lengths = {n: draw(st.integers(0, 600)) for n, is_blade in enumerate(blade) if not is_blade}
    return Grid(256 * columns, 256 * rows), needs, lengths


@given(pictures())
@settings(max_examples=150, deadline=None)
def test_every_plan(content: tuple[Grid, dict[int, int], dict[int, int]]) -> None:
    grid, needs, lengths = content
    plans = plan_stacks(grid, needs, Pool(grid, lengths))
    assert sorted(n for plan in plans for n in plan.patches) == list(needs)
    lent = [n for plan in plans for n in plan.donors]
    assert len(set(lent)) == len(lent)
    assert all(lengths[n] >= LEAST_DONOR for n in lent)
    for plan in plans:
        loan = sum(lengths[n] for n in plan.donors) + plan.filler
        assert loan % 4 == 0
        assert loan >= needs[plan.patches[0]]
        assert list(plan.donors) == sorted(plan.donors)
        assert list(plan.patches[1:]) == sorted(plan.patches[1:])
        assert len(plan.patches) <= CHAIN
    sizes = [len(plan.patches) for plan in plans]
    assert not sizes or max(sizes) - min(sizes) <= 1
    if sum(plan.filler for plan in plans) > 3 * len(plans):  # the last resort, and only that
        assert max(sizes) > 1 or len(plans) == 1
        free = sum(n >= LEAST_DONOR for n in lengths.values()) - len(lent)
        assert not free


def test_the_nearest_lend_first_and_only_as_many_as_are_needed() -> None:
    grid = Grid(256 * 5, 256)
    pool = Pool(grid, {0: 100, 1: 100, 3: 100, 4: 100})
    assert pool.open_stack([2], 150) == Plan((2,), (1, 3), 0)
    assert pool.open_stack([2], 150) == Plan((2,), (0, 4), 0)
    assert pool.open_stack([2], 150) == Plan((2,), (), 152)


def test_a_short_stack_borrows_more_then_takes_filler() -> None:
    grid = Grid(256 * 5, 256)
    pool = Pool(grid, {0: 100, 1: 100, 3: 101})
    plan = pool.open_stack([2], 90)
    assert plan == Plan((2,), (1,), 0)
    plan = pool.enlarge(plan, 100)
    assert plan == Plan((2,), (1, 3), 3)
    plan = pool.enlarge(plan, 204)
    assert plan == Plan((2,), (0, 1, 3), 3 + 104)
    pool.take_back(plan)
    assert pool.bytes == 301


@pytest.mark.parametrize(("blade", "stacks"), [(1, 1), (CHAIN, 1), (CHAIN + 1, 2), (40, 5)])
def test_without_donors_patches_share_stacks(blade: int, stacks: int) -> None:
    grid = Grid(256 * 40, 256)
    plans = plan_stacks(grid, dict.fromkeys(range(blade), 500), Pool(grid, {}))
    assert len(plans) == stacks
    assert {plan.filler for plan in plans} == {500}
