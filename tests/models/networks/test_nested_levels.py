import pytest
import torch

from models.layers.exact import STREAM_BITS, set_exact
from models.layers.gains import ANCHORS
from models.networks.nested_levels import Factorized, LevelFeatures, Logistic, start_gains
from tests.models import tiny

SYMBOLS = torch.arange(-400.0, 401.0)[None, None, None]  # (1, 1, 1, 801)


def total(density, gain, channels=1):
    log_gain = torch.full((1, channels), gain).log()
    return torch.exp2(-density(SYMBOLS.expand(-1, channels, -1, -1), log_gain)).sum(3).flatten()


@pytest.mark.parametrize("gain", [0.05, 1.0, 20.0])
@torch.no_grad()
def test_masses_add_up_to_one(gain):
    trained = Factorized(3)
    for parameter in trained.parameters():
        parameter += 0.5 * torch.randn_like(parameter)
    for density in (Logistic(), trained):
        assert torch.allclose(total(density, gain, 3), torch.ones(3), atol=2e-3)


@torch.no_grad()
def test_a_logistic_level_may_cost_next_to_nothing():
    """The bin is 1/gain wide: the wider, the surer a zero."""
    cost = [float(Logistic()(torch.zeros(1, 1, 1, 1), torch.tensor([[g]]).log())) for g in (1, 0.1)]
    assert cost[0] == pytest.approx(2.03, abs=0.01)  # -log2 of the mass within 1/2 of the middle
    assert cost[1] < 0.05


@torch.no_grad()
def test_a_trained_density_starts_as_the_standard_logistic():
    log_gain = torch.tensor([[0.3, -1.0]])
    symbols = torch.randint(-4, 5, (1, 2, 5, 5)).float()
    start = Factorized(2)(symbols, log_gain)
    assert torch.allclose(start, Logistic()(symbols, log_gain), atol=1e-3)


def test_a_trained_density_finds_what_a_fixed_one_cannot():
    """Two peaks away from zero, another pair in the other channel."""
    places = torch.tensor([6.0, 2.0])[None, :, None, None]
    symbols = torch.sign(torch.randn(1, 2, 16, 16)) * places
    log_gain = torch.zeros(1, 2)
    density = Factorized(2)
    optimiser = torch.optim.Adam(density.parameters(), lr=0.03)
    for _ in range(300):
        bits = density(symbols, log_gain).mean()
        optimiser.zero_grad()
        bits.backward()
        optimiser.step()
    assert float(bits.detach()) < 0.6 * float(Logistic()(symbols, log_gain).mean())


@pytest.mark.parametrize("density", [Logistic(), Factorized(1)])
def test_far_symbols_are_dear_and_still_have_a_gradient(density):
    symbols = torch.tensor([5.0, 14.0]).reshape(1, 1, 1, 2).requires_grad_()
    bits = density(symbols, torch.zeros(1, 1))
    bits.sum().backward()
    assert (torch.isfinite(bits)).all()
    assert (symbols.grad > 0.5).all()


@pytest.mark.parametrize("fold", [1, 4])
@torch.no_grad()
def test_features_are_exact_and_tell_small_symbols_apart(fold):
    network = LevelFeatures(3, 8, 5, fold)
    tiny.scatter(network, 0)
    set_exact(network, True)
    symbols = torch.zeros(1, 3, 4, 4)
    quiet = network(symbols)
    assert quiet.shape == (1, 5, 4 * fold, 4 * fold)
    assert torch.equal(quiet * 2**STREAM_BITS, (quiet * 2**STREAM_BITS).round())
    symbols[0, 1, 2, 2] = 1
    away = (network(symbols) - quiet)[:, :, 2 * fold : 3 * fold, 2 * fold : 3 * fold].abs()
    assert away.max() > 0.1


@torch.no_grad()
def test_few_channels_of_a_large_level_start_to_speak():
    symbols = torch.zeros(1, 16, 1, 1)
    cost = {}
    for equal in (False, True):
        gains = start_gains(16, equal=equal)
        logs = gains(torch.arange(float(ANCHORS)))
        assert torch.equal(logs, logs[:1].expand_as(logs))
        cost[equal] = Logistic()(symbols, logs[:1]).flatten()
    assert (cost[False] > 1).all()
    assert cost[True][0] > 1
    assert (cost[True].diff() <= 0).all()
    assert cost[True][8:].max() < 1e-3
