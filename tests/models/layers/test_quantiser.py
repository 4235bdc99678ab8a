"""Training decides and shows as the service does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.export.tables import SymbolCounts
from models.layers.density import TABLES, laplace_bits
from models.layers.quantiser import ScalarQuantiser, TrellisQuantiser
from service.runtime import quantiser as service
from service.runtime.trellis import WIDEST

SHAPE = (3, 2, 8, 16)  # (P, n, h, w)


def drawn():
    """Values of the scales that their tables stand for."""
    rng = torch.Generator().manual_seed(0)
    tables = torch.randint(4, 40, SHAPE, generator=rng)
    scale = 0.11 * torch.exp(tables * 0.123)
    return torch.randn(SHAPE, generator=rng) * scale, tables


def channels_last(x):
    return np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())


def settled():
    """A trellis in training and the service's, with the same counts behind them."""
    training = TrellisQuantiser(laplace_bits, 0.08)
    counts = SymbolCounts(training)
    values, tables = drawn()
    for _ in range(2):
        counts.add(tables, training.decide(values, tables), values)
    found = counts.tables()
    symbols = np.arange(-WIDEST, WIDEST + 1, dtype=np.int32)
    training.settle(torch.from_numpy(found.costs(symbols)), counts.away, counts.seen)
    return training, service.TrellisQuantiser(found, counts.reconstruction(), 0.08)


def test_training_and_service_take_the_same_path():
    training, there = settled()
    values, tables = drawn()
    symbols = training.decide(values, tables)
    found = there.quantise(channels_last(values), channels_last(tables.byte()))
    assert np.array_equal(found, channels_last(symbols.int()))
    shown = training.reconstruct(symbols, tables)
    assert np.allclose(
        there.reconstruct(found, channels_last(tables.byte())), channels_last(shown), atol=1e-6
    )


def test_a_path_takes_all_channels_of_a_position_one_after_another():
    values, tables = drawn()
    training, _ = settled()
    one = TrellisQuantiser(laplace_bits, 0.08)
    one.load_state_dict(training.state_dict())
    flat = values.permute(0, 2, 3, 1).reshape(3, 1, 1, -1), tables.permute(0, 2, 3, 1)
    line = one.decide(flat[0], flat[1].reshape(3, 1, 1, -1))
    expected = training.decide(values, tables).permute(0, 2, 3, 1).reshape(3, 1, 1, -1)
    assert torch.equal(line, expected)


@pytest.mark.parametrize("kind", [ScalarQuantiser, TrellisQuantiser])
def test_bits_of_all_symbols_are_of_one_distribution(kind):
    quantiser = kind(laplace_bits, 0.1)
    symbols = torch.arange(-400.0, 401, dtype=torch.float64)
    for scale in (0.2, 1.0, 8.0):
        mass = torch.exp2(-quantiser.density_bits(symbols, torch.full_like(symbols, scale)))
        assert float(mass.sum()) == pytest.approx(1, abs=1e-4)


def counted():
    """A trellis that saw zeros alone in table 7, and in table 8 one 1 among four symbols."""
    quantiser = TrellisQuantiser(laplace_bits, 0.1)
    seen = torch.tensor([0.0, 0.0, 0.0, 1.0]).repeat(100_000).view(1, 1, 400, 1000)
    tables = torch.full(seen.shape, 8)
    quantiser.observe(seen, seen, tables)
    quantiser.observe(torch.zeros_like(seen), seen, tables - 1)
    quantiser.forget()
    return quantiser


def test_a_trellis_prices_symbols_as_it_counted_them():
    quantiser, index = counted(), torch.tensor([7.5, 8.0, 8.5])
    zero = quantiser.bits(torch.zeros(3), index)
    assert zero.tolist() == pytest.approx([0, np.log2(4 / 3) / 2, np.log2(4 / 3)], abs=2e-3)
    assert float(quantiser.bits(torch.ones(1), index[2:])) == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize(("seen", "way"), [([0.0], 1), ([0.0, 0.0, 1.0], -1)])
def test_indices_move_to_the_table_that_costs_less(seen, way):
    index = torch.full((len(seen),), 7.8, requires_grad=True)
    counted().bits(torch.tensor(seen), index).sum().backward()
    assert float(index.grad.sum()) * way > 0


def test_beyond_the_tables_the_last_one_is_paid_and_the_way_back_is_known():
    quantiser = counted()
    far = torch.tensor([-9.0, TABLES + 9.0], requires_grad=True)
    for symbol in (0, 1, 5):
        paid = quantiser.bits(torch.full((2,), float(symbol)), far)
        assert torch.equal(paid, quantiser.costs[[0, -1], WIDEST + symbol])
    (slope,) = torch.autograd.grad(quantiser.bits(torch.ones(2), far).sum(), far)
    assert slope[0] < 0 < slope[1]


def test_a_prior_that_learns_leaves_rare_symbols_affordable():
    """What was never counted is never chosen again, but by the density."""
    quantiser, values = counted(), torch.full((1, 1, 1, 50), 1.2)
    tables = torch.full(values.shape, 7)
    assert not quantiser.decide(values, tables).any()
    with quantiser.by_density():
        assert quantiser.decide(values, tables).any()
    assert not quantiser.decide(values, tables).any()


def test_symbols_beyond_the_widest_are_counted_with_it():
    quantiser = TrellisQuantiser(laplace_bits, 0.1)
    assert quantiser.mass.sum(1).allclose(torch.ones(TABLES), atol=1e-4)
    assert quantiser.mass[-1, 0] > quantiser.mass[-1, 1]


@pytest.mark.parametrize("kind", [ScalarQuantiser, TrellisQuantiser])
def test_centroids_bring_what_is_shown_nearer(kind):
    quantiser = kind(laplace_bits, 0.1)
    values, tables = drawn()
    symbols = quantiser.decide(values, tables)
    before = (quantiser.reconstruct(symbols, tables) - values).square().mean()
    for _ in range(30):
        quantiser.forget()
        quantiser.observe(symbols, values, tables)
    assert (quantiser.reconstruct(symbols, tables) - values).square().mean() < before


def test_at_equal_bits_a_trellis_comes_nearer():
    """By more than 0.4 dB where a symbol takes about two bits."""
    torch.manual_seed(1)
    values = torch.distributions.Laplace(0.0, 1.0).sample((1, 1, 100, 200))
    points = []
    for kind, step in ((ScalarQuantiser, 1.4), (TrellisQuantiser, 1.4 * 7 / 6)):
        quantiser = kind(laplace_bits, 0.1 if kind is ScalarQuantiser else 0.08)
        scale = torch.tensor(2**0.5 / step)
        index = torch.log(scale / 0.11) / np.log(256 / 0.11) * (TABLES - 1)
        tables = torch.full(values.shape, int(index))
        for _ in range(3):
            symbols = quantiser.decide(values / step, tables)
            quantiser.observe(symbols, values / step, tables)
        shown = quantiser.reconstruct(symbols, tables) * step
        counted = torch.unique(symbols, return_counts=True)[1] / symbols.numel()
        bits = float(-(counted * torch.log2(counted)).sum())
        points.append((bits, 10 * float(torch.log10((shown - values).square().mean()))))
    (bits, error), (trellis_bits, trellis_error) = points
    assert 1.5 < bits < 2.5
    gained = error - trellis_error - 6.02 * (trellis_bits - bits)
    assert 0.4 < gained < 1.53


def test_centroids_of_another_quantiser_are_refused():
    counts = SymbolCounts(ScalarQuantiser(laplace_bits))
    with pytest.raises(ValueError, match="centroids"):
        service.TrellisQuantiser(counts.tables(), counts.reconstruction(), 0.1)
    counts = SymbolCounts(TrellisQuantiser(laplace_bits, 0.1))
    with pytest.raises(ValueError, match="centroids"):
        service.ScalarQuantiser(counts.tables(), counts.reconstruction(), 0.1)
