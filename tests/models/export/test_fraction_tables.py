import numpy as np
import pytest

from models.export.fraction_tables import (
    PRIOR_COUNT,
    FractionCounts,
    deviations,
    half_widths,
    logistic_mass,
)
from service.runtime.tables import TableSet


@pytest.mark.parametrize("deviation", [1.0, 5.0, 30.0, 270.0])
@pytest.mark.parametrize("mean", [0.125, 0.875])
def test_a_density_has_its_mass_and_its_mean(deviation, mean):
    mass = logistic_mass(deviation, mean, 4000)
    k = np.arange(-4000, 4001)
    assert mass.sum() == pytest.approx(1)
    assert (mass[:-1] * k).sum() == pytest.approx(mean, abs=1e-3)
    assert (mass >= 0).all()


def test_what_lies_beyond_the_range_is_the_last_entry():
    mass = logistic_mass(10.0, 0.5, 20)
    whole = logistic_mass(10.0, 0.5, 2000)
    assert mass[-1] == pytest.approx(whole[:1980].sum() + whole[2021:-1].sum(), rel=1e-6)


def test_tables_without_counts_are_valid_and_follow_the_fraction():
    counts = FractionCounts()
    tables = TableSet(counts.half_widths, counts.frequencies())
    assert len(tables) == 256 == len(deviations())
    narrow = np.zeros(1, np.uint8)
    zero, one = np.zeros(1, np.int32), np.ones(1, np.int32)
    assert tables.bits(zero, narrow) < 0.1 < tables.bits(one, narrow)
    assert tables.bits(one, narrow + 3) < 0.1 < tables.bits(zero, narrow + 3)


def test_counts_outweigh_the_density_where_there_are_many():
    counts = FractionCounts()
    table = 100
    symbols = np.full(int(1000 * PRIOR_COUNT), 3, np.int32)
    before = TableSet(counts.half_widths, counts.frequencies())
    counts.add(np.full(len(symbols), table, np.uint8), symbols)
    after = TableSet(counts.half_widths, counts.frequencies())
    three = np.array([3], np.int32)
    assert after.bits(three, np.array([table])) < 0.01
    assert after.bits(three, np.array([table + 1])) == before.bits(three, np.array([table + 1]))


def test_escapes_are_counted_as_such():
    counts = FractionCounts()
    width = int(half_widths()[8])
    far = np.array([[width + 1, -width - 1]], np.int32)
    counts.add(np.full((1, 2), 8, np.uint8), far)
    plain = FractionCounts()
    place = int(np.cumsum(2 * half_widths().astype(int) + 2)[8]) - 1
    assert counts.frequencies()[place] > 100 * plain.frequencies()[place]
