import pytest
import torch
from torch import nn

from models.networks.hyperprior import Hyperprior
from models.networks.hyperprior_easn import HyperpriorEASN, HyperpriorEASNDeep
from models.networks.patches import to_patches
from models.networks.wavelet_start import start_as_wavelet


def built(**arguments):
    return HyperpriorEASNDeep(width=8, features=4, wavelet_start=True, **arguments)


def photograph_like(size):
    """Smooth, and mostly grey."""
    grey, colour = torch.rand(1, 1, size, size) * 200, torch.rand(1, 3, 4, 4) * 50
    both = [nn.functional.interpolate(part, (256, 256), mode="bicubic") for part in (grey, colour)]
    return both[0] + both[1]


def inner(picture):
    return picture[:, :, 64:-64, 64:-64]


@torch.no_grad()
def test_with_all_of_its_bands_it_loses_nothing_but_at_borders():
    network = built(N=192, M=768, fine=(12, 48))
    rgb = torch.rand(1, 3, 256, 256) * 255
    shown = network.synthesis(network.analysis(rgb), torch.zeros(1, 16, 16))
    assert torch.allclose(inner(shown), inner(rgb), atol=0.05)


@torch.no_grad()
def test_latents_are_orthonormal_coefficients_in_levels_of_8_bits():
    network = built(N=192, M=768, fine=(12, 48))
    rgb = nn.functional.pad(torch.randn(1, 3, 64, 64) * 20, (96, 96, 96, 96)) + 128
    y = network.analysis(rgb)
    assert float(y.square().sum()) == pytest.approx(float((rgb - 128).square().sum()), rel=1e-3)


@torch.no_grad()
def test_easn_between_plain_steps_begins_as_the_same_codec():
    deep = built(N=32, M=48, fine=(32, 32))
    network = HyperpriorEASN(N=32, M=48, width=8, features=4)
    start_as_wavelet(network.g_a, network.g_s)
    rgb = photograph_like(24)
    y, expected = network.analysis(rgb), deep.analysis(rgb)
    assert torch.allclose(y, expected, atol=0.05)
    shown, wanted = (each.synthesis(expected, torch.zeros(1, 16, 16)) for each in (network, deep))
    assert torch.allclose(shown, wanted, atol=0.05)


@torch.no_grad()
def test_few_channels_keep_what_is_smooth():
    """Channels to spare, as on the 1/2 grid here, add nothing yet."""
    network = built(N=48, M=96, fine=(16, 24))
    rgb = photograph_like(24)
    shown = network.synthesis(network.analysis(rgb), torch.zeros(1, 16, 16))
    power = (inner(rgb) - inner(rgb).mean((2, 3), keepdim=True)).square().mean()
    assert (inner(shown) - inner(rgb)).square().mean() < 0.05 * power


@pytest.mark.parametrize("network", [Hyperprior, HyperpriorEASN])
@torch.no_grad()
def test_transforms_of_strided_convolutions_alone_can_start_so(network):
    network = network(N=48, M=96, width=8, features=4)
    sizes = start_as_wavelet(network.g_a, network.g_s)
    assert sizes.shape == (96,)
    assert sizes.argmax() == 0  # the lowest band of grey
    rgb = photograph_like(24)
    y = network.analysis(rgb)
    shown = network.synthesis(y, torch.zeros(1, 16, 16))
    power = (inner(rgb) - inner(rgb).mean((2, 3), keepdim=True)).square().mean()
    assert (inner(shown) - inner(rgb)).square().mean() < 0.05 * power
    # In levels of 8 bits, as the gains at the start take them to be.
    assert float(y.square().sum()) == pytest.approx(float((rgb - 128).square().sum()), rel=0.1)


@torch.no_grad()
def test_it_is_a_codec_before_it_has_learnt_anything():
    network = built(N=48, M=192, fine=(12, 48))
    rgb = photograph_like(24)
    gain = network.gain(torch.tensor([8.0]))
    y = to_patches(network.analysis(rgb))
    shown = network.synthesis(torch.round(y * gain) / gain, torch.zeros(1, 16, 16))
    assert (inner(shown) - inner(rgb)).square().mean() < 30


def test_everything_learns_from_such_a_start():
    network = built(N=12, M=24, fine=(16, 12))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    rgb = torch.rand(1, 3, 256, 256) * 255
    for _ in range(4):
        loss, _ = network.losses()["noise"](rgb)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for name, parameter in [*network.g_a.named_parameters(), *network.g_s.named_parameters()]:
        assert (parameter.grad != 0).any(), name
