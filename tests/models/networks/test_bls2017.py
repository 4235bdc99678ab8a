import pytest
import torch

from models.networks.bls2017 import Bls2017
from models.networks.hyperprior import START_Y
from models.networks.measurement import Measurable


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Bls2017(N=6, M=8)


@pytest.mark.parametrize("loss", ["noise", "rounding", "noise-ms-ssim", "rounding-ms-ssim"])
def test_every_part_learns(network, loss):
    value, figures = network.losses()[loss](torch.rand(1, 3, 256, 512) * 255)
    value.backward()
    assert torch.isfinite(value)
    assert figures["bpp"] > 0
    for name, part in network.named_children():
        assert any((p.grad != 0).any() for p in part.parameters()), name


def test_a_few_steps_lower_the_loss(network):
    rgb = torch.tensor([200.0, 90.0, 30.0])[:, None, None].expand(1, 3, 256, 256)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    values = []
    for _ in range(25):
        torch.manual_seed(1)  # the same qualities and noise each time
        value, _ = network.losses()["noise"](rgb)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.5 * values[0]


def test_a_measurement_counts_bits_of_whole_symbols(network):
    rgb, quality = 120 + torch.rand(2, 3, 256, 512) * 20, torch.tensor([2.0, 7.25])
    found = network.measure(rgb, quality)
    assert isinstance(network, Measurable)
    assert list(found.bits) == ["y"]
    assert found.bits["y"].shape == (2,)
    assert found.bits["y"][1] > found.bits["y"][0] > 0
    assert found.picture.shape == rgb.shape
    alone = network.measure(rgb[1:], quality[1:])
    assert torch.allclose(found.bits["y"][1:], alone.bits["y"], rtol=1e-4)


@torch.no_grad()
def test_of_two_neighbours_the_dear_one_must_be_nearer(network):
    log_gain = torch.full((1, 8), -START_Y)  # a density about as wide as a symbol
    values = torch.rand(1, 8, 16, 16) * 12 - 6
    decided = network._decided(values, log_gain)
    assert torch.equal(decided, decided.round())
    assert (decided - values).abs().max() < 1
    other = torch.where(decided > values, decided - 1, decided + 1)
    dearer = network._bits(decided, log_gain) > network._bits(other, log_gain)
    assert ((decided - values).abs() <= (other - values).abs())[dearer].all()
    assert ((decided - values).abs() > 0.5).any()
