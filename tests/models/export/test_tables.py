import numpy as np
import pytest
import torch

from models.export.calibration import (
    cheapest_tables,
    code_at_anchors,
    count_symbols,
    settle_trellis,
)
from models.export.tables import TOTAL, SymbolCounts, half_widths, mass, scales
from models.layers.density import TABLES, gaussian_bits, laplace_bits
from models.layers.exact import set_exact
from models.layers.quantiser import ScalarQuantiser, TrellisQuantiser
from service.runtime.trellis import WIDEST
from tests.models import tiny

densities = pytest.mark.parametrize("bits", [laplace_bits, gaussian_bits])


def drawn(table, count=20_000):
    values = np.random.default_rng(table).laplace(0, scales()[table] / np.sqrt(2), count)
    return np.rint(values).astype(np.int32), values


@densities
def test_without_counts_a_table_is_its_density(bits):
    quantiser = ScalarQuantiser(bits)
    tables = SymbolCounts(quantiser).tables()
    starts = np.cumsum(2 * tables.half_widths + 2) - (2 * tables.half_widths + 2)
    for table in (0, 20, 40, 63):
        scale, width = float(scales()[table]), int(half_widths()[table])
        expected = mass(quantiser, scale, width)
        assert expected.sum() == pytest.approx(1.0)
        assert expected[width] == pytest.approx(
            float(torch.exp2(-bits(torch.tensor(0.0), torch.tensor(scale)))), rel=1e-4
        )
        found = tables.frequencies[starts[table] :][: 2 * width + 2] / TOTAL
        assert np.abs(found - expected).max() < 1e-4


def test_counts_move_a_table_towards_what_was_seen():
    quantiser = ScalarQuantiser(laplace_bits)
    counts = SymbolCounts(quantiser)
    symbols = torch.tensor([-2.0, 2.0]).repeat(5000)
    counts.add(torch.full((len(symbols),), 30), symbols, symbols * 1.1)
    before, after = SymbolCounts(quantiser).tables(), counts.tables()
    cost = [t.costs(np.array([-2, 0, 2], np.int32)) for t in (before, after)]
    assert (cost[1][30, [0, 2]] < cost[0][30, [0, 2]] - 1).all()
    assert cost[1][30, 0] == pytest.approx(cost[1][30, 2], rel=1e-4)
    assert cost[1][30, 1] > cost[0][30, 1]
    assert np.array_equal(np.delete(cost[0], 30, 0), np.delete(cost[1], 30, 0))
    shift = counts.reconstruction()
    assert shift[30, 2] == pytest.approx(0.2, rel=0.02)
    assert np.count_nonzero(shift) == 1


def test_costs_are_those_of_the_coder():
    tables = SymbolCounts(ScalarQuantiser(gaussian_bits)).tables()
    symbols = np.array([-70_000, -401, -400, -3, 0, 1, 399, 5000], np.int32)
    found = tables.costs(symbols)
    assert found.shape == (TABLES, len(symbols))
    for table in (0, 31, 63):
        for number, symbol in enumerate(symbols):
            expected = tables.bits(np.array([symbol], np.int32), np.array([table]))
            assert found[table, number] == pytest.approx(expected, rel=1e-5)


def test_each_channel_of_z_gets_the_table_of_its_spread():
    tables = SymbolCounts(ScalarQuantiser(laplace_bits)).tables()
    wanted = np.array([[5, 25, 60], [12, 33, 47]])
    upper = [np.stack([drawn(t)[0] for t in anchor]) for anchor in wanted]
    assert np.abs(cheapest_tables(upper, tables).astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("network", [tiny.lite, tiny.hp])
def test_every_symbol_is_counted_once(network):
    network = network()
    set_exact(network, True)
    counts, top, upper = count_symbols(network, [torch.rand(1, 3, 256, 512) * 255] * 2)
    # 256 positions of y and 16 of z in a patch; z's only where it has networks of its own.
    times = 2 * 9 * 2
    assert counts.seen.sum() == times * 256 * network.channels
    if network.top_prior:
        assert top is not counts  # a trellis's symbols are others than z's
        assert counts._counts.sum() == times * 256 * network.channels
        assert top._counts.sum() == times * 16 * network.top_channels
    assert [part.shape for part in upper] == [(network.top_channels, 2 * 4 * 8)] * 9


def test_a_trellis_has_tables_that_lean_to_the_nearer_side():
    """Symbol 1 stands three quarters of a step away, -1 five."""
    tables = SymbolCounts(TrellisQuantiser(laplace_bits, 0.1)).tables()
    bits = tables.costs(np.array([-2, -1, 0, 1, 2], np.int32))
    narrow = slice(13, 38)
    assert (bits[narrow, 2] < bits[narrow, 3]).all()
    assert (bits[narrow, 3] < bits[narrow, 1]).all()
    assert (bits[narrow, 1] < bits[narrow, 4]).all()
    assert (bits[narrow, 4] < bits[narrow, 0]).all()


def test_a_trellis_settles_on_its_own_tables():
    network = tiny.lite()
    set_exact(network, True)
    pictures = [torch.rand(1, 3, 256, 256) * 255]
    for _, coded in code_at_anchors(network, pictures[0]):  # as training leaves it
        network.observe(coded)
    before = network.quantiser.costs.clone()
    settle_trellis(network, pictures)
    counts, _, _ = count_symbols(network, pictures)
    symbols = np.arange(-3, 4, dtype=np.int32)
    found = network.quantiser.costs[:, WIDEST - 3 : WIDEST + 4]
    seen = counts.seen.sum(1) > 5000
    assert seen.any()
    counted = counts.tables().costs(symbols)
    assert np.abs(found.numpy() - counted)[seen, 3].max() < 0.1
    assert not torch.equal(before, network.quantiser.costs)
