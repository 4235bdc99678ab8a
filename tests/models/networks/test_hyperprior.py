import pytest
import torch
from torch import nn

from models.layers.exact import set_exact
from models.networks.distortion import Distortion
from models.networks.hyperprior import CHEAP, Hyperprior
from models.networks.hyperprior_easn import HyperpriorEASN, HyperpriorEASNDeep
from models.networks.patches import to_patches

NETWORKS = {"hp": Hyperprior, "hp-easn": HyperpriorEASN, "hp-easn-deep": HyperpriorEASNDeep}


@pytest.fixture
def hp():
    return small("hp")


def small(name):
    torch.manual_seed(0)
    return NETWORKS[name](N=6, M=10, width=8, features=4)


def active(name):
    """With transforms that leave no part idle: EASN hands on what it gets at first."""
    network = small(name)
    with torch.no_grad():
        for layer in [*network.g_a.modules(), *network.g_s.modules()]:
            if isinstance(layer, nn.Conv2d):
                fan = layer.weight[0].numel()
                layer.weight.copy_(torch.randn(layer.weight.shape) * fan**-0.5)
    return network


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes(name):
    hp = small(name)
    rgb = torch.rand(2, 3, 256, 512) * 255
    y = hp.analysis(rgb)
    assert y.shape == (2, 10, 16, 32)
    z = hp.hyper_analysis(y)
    assert z.shape == (2, 6, 4, 8)
    assert hp.means(z).shape == (2, hp.mean_channels, 16, 32)
    assert hp.synthesis(y, torch.zeros(2, 16, 32)).shape == rgb.shape


@pytest.mark.parametrize(
    ("loss", "exact"),
    [("noise", False), ("rounding", True), ("noise-ms-ssim", True), ("rounding-ms-ssim", False)],
)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_part_learns(name, loss, exact):
    hp = small(name)
    set_exact(hp, exact)
    value, figures = hp.losses()[loss](torch.rand(2, 3, 256, 512) * 255)
    value.backward()
    assert torch.isfinite(value)
    assert figures["bpp"] > 0
    for name, part in hp.named_children():
        if part is not hp.quantiser:  # which has nothing to learn by gradients
            assert any((p.grad != 0).any() for p in part.parameters()), name
    assert (hp.log_scale_z.grad != 0).any()


def test_z_can_be_cheap_while_it_learns(hp):
    rgb = torch.rand(2, 3, 256, 256) * 255
    found = {}
    for name in ("noise", "noise-cheap-z"):
        torch.manual_seed(1)
        _, found[name] = hp.losses()[name](rgb)
    dear, cheap = found["noise"], found["noise-cheap-z"]
    assert cheap["psnr"] == dear["psnr"]
    assert cheap["bpp_z"] == dear["bpp_z"] > 0
    saved = (1 - CHEAP) * dear["bpp_z"]
    assert dear["bpp"] - cheap["bpp"] == pytest.approx(saved, rel=1e-3)


def test_a_few_steps_lower_the_loss(hp):
    rgb = torch.tensor([200.0, 90.0, 30.0])[:, None, None].expand(2, 3, 256, 256)
    optimiser = torch.optim.Adam(hp.parameters(), lr=3e-3)
    values = []
    for _ in range(25):
        torch.manual_seed(1)  # the same qualities and noise each time
        value, _ = hp.losses()["noise"](rgb)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(hp.parameters(), 1.0)
        optimiser.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_halos_cover_what_the_transforms_look_at(name):
    """Tiles with their halos are the whole, and one latent less would not do.

    In float64: what the outermost pixels add, through the corners of all kernels, is little.
    """
    network = active(name).double()
    rgb = torch.rand(1, 3, 512, 64).double() * 255
    y = network.analysis(rgb)
    whole = network.synthesis(y, torch.zeros(1, 32, 4))
    a, s = network.analysis_halo, network.synthesis_halo

    def seams_of_latents(halo):
        upper = network.analysis(rgb[:, :, : 256 + halo])[:, :, :16]
        lower = network.analysis(rgb[:, :, 256 - halo :])[:, :, halo // 16 :]
        return float((torch.cat([upper, lower], 2) - y).abs().max() / y.abs().max())

    def seams_of_pixels(halo):
        n = 16 + halo // 16
        upper = network.synthesis(y[:, :, :n], torch.zeros(1, n, 4))[:, :, :256]
        lower = network.synthesis(y[:, :, -n:], torch.zeros(1, n, 4))[:, :, halo:]
        return float((torch.cat([upper, lower], 2) - whole).abs().max() / whole.abs().max())

    assert seams_of_latents(a) < 1e-13 < seams_of_latents(a - 16)
    assert seams_of_pixels(s) < 1e-13 < seams_of_pixels(s - 16)


@torch.no_grad()
def test_more_quality_costs_more_bits(hp):
    y = (torch.randn(1, 10, 16, 16) * 30).expand(3, -1, -1, -1)
    quality = torch.tensor([1.0, 4.0, 8.0])
    coded = hp.code(torch.zeros(3, 4, 16, 16), y * hp.gain(quality), quality)
    assert (coded.bits.diff() > 0).all()


@torch.no_grad()
def test_the_synthesis_learns_from_what_a_decoder_would_show(hp, monkeypatch):
    """With the loss ``rounding``, latents stand where symbols put them, not where they were."""
    shown = []
    monkeypatch.setattr(hp, "synthesis", lambda y, quality: shown.append(y) or torch.zeros(()))
    monkeypatch.setattr(Distortion, "loss", lambda *given: (torch.zeros(()), {}))
    rgb = torch.rand(1, 3, 256, 256) * 255
    quality = torch.full((1, 1, 1), 5.0)
    monkeypatch.setattr(
        "models.networks.hyperprior.draw_qualities", lambda rgb: (quality, quality[:, 0, 0])
    )
    hp.losses()["rounding"](rgb)
    scaled = shown[0] * hp.gain(quality.reshape(-1))
    symbols = scaled.round()
    assert (symbols != 0).any()
    y = to_patches(hp.analysis(rgb)) * hp.gain(quality.reshape(-1))
    assert (symbols - y).abs().max() < 2
    # Within a bin only the table and the size decide where: as many places as centroids.
    places = (scaled - symbols).abs()[symbols != 0].mul(1e4).round().unique()
    assert len(places) < 64 * 3
