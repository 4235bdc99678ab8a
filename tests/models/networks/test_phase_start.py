import pytest
import torch

from models.layers.exact import exact_layers
from models.networks.lite import Lite
from models.networks.lite_transform import groups as halves
from models.networks.phase_start import prior_from_lite
from models.networks.phases import from_lite, groups
from models.networks.standard import Standard
from models.networks.subband_prior import places

SMALL = {"mean_widths": (4, 4, 4), "mean_blocks": (1, 1, 1)}


@pytest.fixture(scope="module")
def lite():
    torch.manual_seed(3)
    network = Lite((6, 6, 4), 4, 6, 1)
    for layer in exact_layers(network):
        torch.nn.init.normal_(layer.weight, std=0.1)
        torch.nn.init.normal_(layer.bias, std=0.1)
    return network.eval()


@pytest.fixture(scope="module")
def standard(lite):
    network = Standard((6, 6, 4), 4, 6, 1, **SMALL)
    fresh = network.state_dict()
    others = {k: v for k, v in lite.state_dict().items() if not k.startswith(("prior.", "gains"))}
    network.load_state_dict({**fresh, **others, **prior_from_lite(lite.state_dict(), fresh)})
    return network.eval()


def step_of(network, layout, number):
    """A group's layers."""
    scale, step = places(layout)[number]
    return network.prior.scale(scale).step(step)


@torch.no_grad()
def test_the_first_phase_costs_what_it_did(lite, standard):
    rgb = torch.rand(1, 3, 256, 256) * 255
    coded = []
    standard.quantiser = lite.quantiser  # else it heeds bits otherwise
    for network in (lite, standard):
        y = network.analysis(rgb)
        symbols_z, z = network.upper(y, torch.tensor([4.0]))
        coded.append(network.code_patches(y, symbols_z, z, torch.tensor([5.0])))
    there, here = coded
    assert torch.equal(there.indices[0], here.indices[0])
    assert torch.allclose(there.indices[1][:, :3], here.indices[1], atol=1e-4)


@pytest.mark.parametrize("number", range(len(groups())))
def test_every_latent_keeps_its_row_and_its_column(lite, standard, number):
    order, new, old = from_lite(), groups(), halves()
    group = new[number]
    here = step_of(standard, new, number)
    chroma = "chroma" in group.name
    for native in range(group.native):
        channel = int(order[group.channels.start + native * group.fold**2])
        half = next(n for n, each in enumerate(old) if channel in each.channels)
        row = (channel - old[half].channels.start) // old[half].fold ** 2
        # The head of all chroma is that of the second half.
        last = half if not chroma or half % 2 == 0 else half + 1
        head = step_of(lite, old, last).head
        assert torch.equal(here.head.weight[native], head.weight[row])
        assert torch.equal(here.head.bias[native], head.bias[row])
        embed = step_of(lite, old, half).embed
        if here.embed is not None:
            expected = torch.zeros_like(here.embed.weight[:, native])
            if embed is not None:
                expected = embed.weight[:, row]
            assert torch.equal(here.embed.weight[:, native], expected)


@pytest.mark.parametrize("number", range(len(groups())))
def test_a_halfs_block_and_bias_come_once(lite, standard, number):
    new, old = groups(), halves()
    here = step_of(standard, new, number)
    phase = new[number].name.split()[-1]
    if phase in ("3", "2", "chroma"):
        assert not here.block.mix.weight.any()
        assert here.embed is None or not here.embed.bias.any()
        return
    half = 0
    if number:
        level = new[number].name[0]
        half = next(
            n for n, g in enumerate(old) if g.name == level + ("b" if phase == "1" else "a")
        )
    there = step_of(lite, old, half)
    assert torch.equal(here.block.wide.weight, there.block.wide.weight)
    assert torch.equal(here.block.mix.weight, there.block.mix.weight)
    if there.embed is not None:
        assert torch.equal(here.embed.bias, there.embed.bias)


def test_weights_of_another_network_do_not_fit(lite, standard):
    wider = Standard((8, 6, 4), 4, 6, 1, **SMALL)
    fresh = wider.state_dict()
    with pytest.raises(RuntimeError):
        prior_from_lite(lite.state_dict(), fresh)
    for missing in ("blocks", "heads"):
        lame = {k: v for k, v in lite.state_dict().items() if f"scales.1.{missing}" not in k}
        with pytest.raises(KeyError, match=missing):
            prior_from_lite(lame, standard.state_dict())
