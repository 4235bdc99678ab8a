"""Paths through the trellis: the decoder's rule, and the search."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from service.runtime.trellis import NEAR, OFFSET, cheapest_paths, mirrored

TABLES, WIDEST = 5, 12


def by_the_document(symbols: np.ndarray) -> np.ndarray:
    """docs/FORMAT.md, section 7, symbol by symbol."""
    m = np.zeros(len(symbols), int)

    def before(values, at):
        return values[at] if at >= 0 else 0

    for i in range(len(symbols)):
        m[i] = before(m, i - 2) ^ before(m, i - 5) ^ before(symbols & 1, i - 3)
    return m == 1


def stand_for(symbols: np.ndarray) -> np.ndarray:
    """What rows of symbols stand for, without centroids."""
    return np.where(mirrored(symbols), -1, 1) * (symbols - OFFSET)


def free() -> tuple[np.ndarray, np.ndarray]:
    """Costs and centroids of a trellis that heeds errors alone."""
    return (
        np.zeros((TABLES, 2 * WIDEST + 1), np.float32),
        np.zeros((TABLES, 2 * NEAR + 1), np.float32),
    )


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 11, 64, 1000])
def test_quantisers_follow_the_documents_rule(length):
    symbols = np.random.default_rng(length).integers(-7, 8, (3, length)).astype(np.int32)
    found = mirrored(symbols)
    assert found.shape == (3, length)
    for row, expected in zip(found, symbols, strict=True):
        assert np.array_equal(row, by_the_document(expected))


def test_both_quantisers_come_up():
    symbols = np.random.default_rng(0).integers(-3, 4, (1, 4000)).astype(np.int32)
    assert 0.4 < mirrored(symbols).mean() < 0.6
    assert not mirrored(np.zeros((1, 100), np.int32)).any()


def test_no_other_path_costs_less():
    rng = np.random.default_rng(1)
    for _ in range(10):
        values = rng.normal(0, 1.2, (1, 7)).astype(np.float32)
        tables = rng.integers(0, TABLES, (1, 7)).astype(np.uint8)
        costs = rng.uniform(0, 1, (TABLES, 2 * WIDEST + 1)).astype(np.float32)
        centroids = rng.normal(0, 0.1, (TABLES, 2 * NEAR + 1)).astype(np.float32)

        def cost(symbols, values=values, tables=tables, costs=costs, centroids=centroids):
            side = np.where(mirrored(symbols), -1, 1)
            near = centroids[tables, np.clip(symbols, -NEAR, NEAR) + NEAR]
            error = values - side * (symbols - OFFSET + near)
            return (error**2 + costs[tables, symbols + WIDEST]).sum(1)

        every = np.array(list(product(range(-2, 3), repeat=7)), np.int32)
        found = cheapest_paths(values, tables, costs, centroids)
        assert cost(found)[0] <= cost(every).min() + 1e-5


def test_without_costs_it_comes_nearer_than_rounding():
    """By more than 1.1 dB, of the 1.53 that any quantiser could."""
    rng = np.random.default_rng(2)
    values = rng.uniform(-20, 20, (2, 20_000)).astype(np.float32)
    symbols = cheapest_paths(values, np.zeros(values.shape, np.uint8), *free())
    error = ((values - stand_for(symbols)) ** 2).mean()
    assert 1.1 < 10 * np.log10(1 / 12 / error) < 1.53


def test_costs_draw_symbols_to_what_is_cheap():
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, (1, 4000)).astype(np.float32)
    tables = rng.integers(0, TABLES, values.shape).astype(np.uint8)
    costs, centroids = free()
    costs[2] = 4
    costs[2, WIDEST] = 0
    symbols = cheapest_paths(values, tables, costs, centroids)
    dear = tables == 2
    assert (symbols[dear] == 0).mean() > 0.95
    assert (symbols[~dear] == 0).mean() < 0.7


def test_rows_know_nothing_of_each_other():
    rng = np.random.default_rng(4)
    values = rng.normal(0, 2, (4, 300)).astype(np.float32)
    tables = rng.integers(0, TABLES, values.shape).astype(np.uint8)
    together = cheapest_paths(values, tables, *free())
    for row in range(4):
        alone = cheapest_paths(values[row : row + 1], tables[row : row + 1], *free())
        assert np.array_equal(alone[0], together[row])
        assert np.array_equal(mirrored(alone)[0], mirrored(together)[row])


@pytest.mark.parametrize("threads", [2, 3, 9])
def test_threads_share_the_rows_and_change_nothing(threads):
    rng = np.random.default_rng(5)
    values = rng.normal(0, 2, (5, 300)).astype(np.float32)
    tables = rng.integers(0, TABLES, values.shape).astype(np.uint8)
    alone = cheapest_paths(values, tables, *free())
    assert np.array_equal(cheapest_paths(values, tables, *free(), threads), alone)


def test_values_far_beyond_the_costs_keep_their_place():
    values = np.array([[1000.3, -7000.9, 0.2, 250.0] * 8], np.float32)
    symbols = cheapest_paths(values, np.zeros(values.shape, np.uint8), *free())
    assert np.abs(values - stand_for(symbols)).max() < 1.5
