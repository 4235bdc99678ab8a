import pytest
import torch

from models.layers.density import TABLES
from models.layers.exact import set_exact
from models.networks.lossy_network import table_of
from models.networks.measurement import Measurable
from models.networks.patches import to_patches
from tests.models import tiny

networks = pytest.mark.parametrize(
    "network", [tiny.lite, tiny.standard, tiny.hp, tiny.hp_easn_deep]
)


def coded(network, quality):
    patches = len(quality)
    y = to_patches(network.analysis(torch.rand(patches, 3, 256, 256) * 255))
    features = torch.rand(patches, tiny.FEATURES, 16, 16)
    return network.code(features, y * network.gain(quality), quality), y


@networks
@torch.no_grad()
def test_folding_undoes_unfolding(network):
    network = network()
    y = torch.randn(2, network.channels, 16, 16)
    groups = [network.unfold(y, group) for group in network.prior.groups]
    for part, group in zip(groups, network.prior.groups, strict=True):
        assert part.shape == (2, group.native, 16 * group.fold, 16 * group.fold)
    assert torch.equal(network.fold(groups), y)


@networks
@torch.no_grad()
def test_symbols_are_near_their_values_and_tables_exist(network):
    network = network()
    found, y = coded(network, torch.tensor([3.0, 7.5]))
    assert sum(part[0].numel() for part in found.symbols) == y[0].numel()
    for symbols, values, tables in zip(found.symbols, found.values, found.tables(), strict=True):
        assert torch.equal(symbols, symbols.round())
        # A table far too narrow for a value makes the larger neighbour dear, never a third one.
        places, directions = network.quantiser.directed(symbols)
        assert (directions * places - values).abs().max() < 2
        assert 0 <= tables.min() <= tables.max() < TABLES
    assert found.bits.shape == (2,)
    assert (found.bits > 0).all()


@torch.no_grad()
def test_what_is_shown_moves_to_the_centroids_that_were_observed():
    network = tiny.lite()
    found, _ = coded(network, torch.tensor([5.0, 5.0]))
    before = network.reconstruct(found)
    places = [torch.mul(*network.quantiser.directed(symbols)) for symbols in found.symbols]
    assert torch.equal(before, network.fold(places))
    for _ in range(30):
        network.observe(found)
    after = network.reconstruct(found)
    values = network.fold(found.values)
    assert (after - values).square().mean() < (before - values).square().mean()


@networks
@pytest.mark.parametrize("exact", [False, True])
def test_bits_teach_the_prior_and_symbols_do_not(network, exact):
    network = network()
    set_exact(network, exact)
    found, _ = coded(network, torch.tensor([4.0]))
    assert not any(symbols.requires_grad for symbols in found.symbols)
    found.bits.sum().backward()
    for head in (layer for scale in network.prior.scales for layer in scale.heads):
        assert (head.weight.grad != 0).any()


def test_a_table_is_the_whole_part_of_an_index():
    index = torch.tensor([-3.0, -0.1, 0.0, 0.99, 62.5, 63.9, 80.0])
    assert table_of(index).tolist() == [0, 0, 0, 0, 62, 63, 63]


def smooth(seed):
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(2, 3, 9, 17, generator=generator) * 255
    return torch.nn.functional.interpolate(rough, (256, 512), mode="bicubic").clamp(0, 255)


@networks
def test_a_measurement_says_what_a_picture_alone_would_cost(network):
    network = network()
    rgb, quality = smooth(0), torch.tensor([1.0, 7.25])
    both = network.measure(rgb, quality)
    assert isinstance(network, Measurable)
    assert list(both.bits) == ["y", "z"]
    assert both.picture.shape == rgb.shape
    assert not both.picture.requires_grad
    assert (both.bits["y"].diff() > 0).all()
    alone = network.measure(rgb[1:], quality[1:])
    for name, bits in both.bits.items():
        assert bits.shape == (2,)
        assert torch.allclose(bits[1:], alone.bits[name], rtol=1e-4)
    assert torch.allclose(both.picture[1:], alone.picture, atol=0.05)


def test_what_a_measurement_shows_is_nearer_at_a_higher_quality():
    network = tiny.lite()
    torch.nn.init.zeros_(network.restoration.leave.weight)
    rgb = smooth(1)
    rough, fine = (network.measure(rgb, torch.full((2,), q)).picture for q in (1.0, 8.0))
    assert ((fine - rgb).square().mean((1, 2, 3)) < (rough - rgb).square().mean((1, 2, 3))).all()
    assert (fine - rgb).square().mean() < 10
