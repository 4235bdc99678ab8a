"""Tables with and without an entry for what is beyond them."""

from __future__ import annotations

import numpy as np
import pytest

from service.runtime.tables import TableSet

HALF_WIDTHS = np.array([1, 1, 2], np.int32)
WHOLE = 2**24
WITH = [2, WHOLE - 7, 4, 1, 1, 1, 1, WHOLE - 3, 1, 1, WHOLE - 5, 1, 1, 1]
WITHOUT = [2, WHOLE - 6, 4, 1, 1, WHOLE - 2, 1, 1, WHOLE - 4, 1, 1]


def make(escapes: bool) -> TableSet:
    frequencies = np.array(WITH if escapes else WITHOUT, np.uint32)
    return TableSet(HALF_WIDTHS, frequencies, escapes=escapes)


@pytest.mark.parametrize("escapes", [True, False])
def test_a_set_asks_for_as_many_entries_as_it_has_symbols(escapes: bool) -> None:
    assert len(make(escapes)) == 3
    other = np.array(WITHOUT if escapes else WITH, np.uint32)
    with pytest.raises(ValueError, match="frequencies"):
        TableSet(HALF_WIDTHS, other, escapes=escapes)


def test_symbols_cost_what_their_entries_say() -> None:
    symbols, tables = np.array([-1, 1, 2], np.int32), np.array([0, 0, 2])
    cost = make(False).bits(symbols, tables)
    assert cost == pytest.approx(23 + 22 + 24, abs=1e-5)
    assert cost == make(True).bits(symbols, tables)


def test_what_is_beyond_has_a_price_only_where_there_are_escapes() -> None:
    symbols, tables = np.array([0, 3], np.int32), np.array([0, 2])
    assert make(True).bits(symbols, tables) > 24
    with pytest.raises(ValueError, match="1 symbols are beyond"):
        make(False).bits(symbols, tables)


def test_a_table_of_one_symbol_needs_an_escape() -> None:
    one = np.array([0], np.int32)
    assert len(TableSet(one, np.array([WHOLE - 1, 1]))) == 1
    with pytest.raises(ValueError, match="half widths"):
        TableSet(one, np.array([WHOLE]), escapes=False)
