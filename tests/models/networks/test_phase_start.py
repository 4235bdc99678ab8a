import pytest
import torch

from models.layers.exact import exact_layers
from models.networks.lite import Lite
from models.networks.phase_start import prior_from_lite
from models.networks.standard import Standard

SMALL = {"mean_widths": (4, 4, 4), "mean_blocks": (1, 1, 1)}


@pytest.fixture
def lite():
    torch.manual_seed(3)
    network = Lite((6, 6, 4), 4, 6, 1)
    for layer in exact_layers(network):
        torch.nn.init.normal_(layer.weight, std=0.1)
        torch.nn.init.normal_(layer.bias, std=0.1)
    return network.eval()


def started(lite):
    network = Standard((6, 6, 4), 4, 6, 1, **SMALL)
    network.load_state_dict(prior_from_lite(lite.state_dict(), network.state_dict()))
    return network.eval()


@torch.no_grad()
def test_the_first_phase_costs_what_it_did(lite):
    standard = started(lite)
    rgb = torch.rand(1, 3, 256, 256) * 255
    coded = []
    for network in (lite, standard):
        y = network.analysis(rgb)
        symbols_z, z = network.upper(y, torch.tensor([4.0]))
        coded.append(network.code_patches(y, symbols_z, z, torch.tensor([5.0])))
    there, here = coded
    assert torch.equal(there.indices[0], here.indices[0])
    assert torch.allclose(there.indices[1][:, :3], here.indices[1], atol=1e-4)
    # The second phase has heard of the first.
    assert not torch.allclose(there.indices[1][:, 9:12], here.indices[2], atol=1e-2)


def test_what_phases_say_to_a_finer_grid_is_what_halves_said(lite):
    standard = started(lite)
    for scale, groups in ((0, (1, 2)), (1, (0, 1))):
        halves = [lite.prior.scale(scale).embeds[group] for group in groups]
        phases = standard.prior.scale(scale).embeds[groups[0] : groups[0] + 5]
        columns = sum(half.weight.sum(1) for half in halves)
        assert torch.allclose(sum(phase.weight.sum(1) for phase in phases), columns, atol=1e-5)
        biases = sum(half.bias for half in halves)
        assert torch.allclose(sum(phase.bias for phase in phases), biases, atol=1e-5)


def test_weights_of_another_width_do_not_fit(lite):
    wider = Standard((8, 6, 4), 4, 6, 1, **SMALL)
    with pytest.raises(RuntimeError):
        wider.load_state_dict(prior_from_lite(lite.state_dict(), wider.state_dict()))
