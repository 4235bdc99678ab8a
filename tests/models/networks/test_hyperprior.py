import pytest
import torch
from torch import nn

from models.layers.exact import set_exact
from models.networks.hyperprior import Down, Hyperprior, Up
from models.networks.patches import to_patches


@pytest.fixture
def hp():
    torch.manual_seed(0)
    return Hyperprior(N=6, M=10, width=8, features=4)


def test_shapes(hp):
    rgb = torch.rand(2, 3, 256, 512) * 255
    y = hp.analysis(rgb)
    assert y.shape == (2, 10, 16, 32)
    z = hp.hyper_analysis(y)
    assert z.shape == (2, 6, 4, 8)
    assert hp.means(z).shape == (2, hp.mean_channels, 16, 32)
    assert hp.synthesis(y, torch.zeros(2, 16, 32)).shape == rgb.shape


@pytest.mark.parametrize("loss", ["noise", "rounding"])
@pytest.mark.parametrize("exact", [False, True])
def test_every_part_learns(hp, loss, exact):
    set_exact(hp, exact)
    value, figures = hp.losses()[loss](torch.rand(2, 3, 256, 512) * 255)
    value.backward()
    assert torch.isfinite(value)
    assert figures["bpp"] > 0
    for name, part in hp.named_children():
        assert any((p.grad != 0).any() for p in part.parameters()), name
    assert (hp.log_scale_z.grad != 0).any()


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


@torch.no_grad()
def test_flat_pictures_keep_flat_latents_up_to_the_border():
    """Borders are continued: nothing that training never saw comes in from outside."""
    down, up = Down(1, 2), Up(2, 1)
    y = down(torch.ones(1, 1, 8, 12))
    assert torch.allclose(y, y[:, :, :1, :1].expand_as(y), atol=1e-5)
    x = up(y)
    assert x.shape == (1, 1, 8, 12)
    phases = nn.PixelUnshuffle(2)(x)
    assert torch.allclose(phases, phases[:, :, :1, :1].expand_as(phases), atol=1e-5)


@torch.no_grad()
def test_halos_cover_what_the_transforms_look_at(hp):
    rgb = torch.rand(1, 3, 256, 64) * 255
    y = hp.analysis(rgb)
    whole = hp.synthesis(y, torch.zeros(1, 16, 4))
    a, s = hp.analysis_halo, hp.synthesis_halo
    assert torch.allclose(hp.analysis(rgb[:, :, : 128 + a])[:, :, :8], y[:, :, :8], atol=1e-3)
    lower = hp.analysis(rgb[:, :, 128 - a :])[:, :, a // 16 :]
    assert torch.allclose(lower, y[:, :, 8:], atol=1e-3)
    upper = hp.synthesis(y[:, :, : 8 + s // 16], torch.zeros(1, 8 + s // 16, 4))
    assert torch.allclose(upper[:, :, :128], whole[:, :, :128], atol=1e-2)
    lower = hp.synthesis(y[:, :, 8 - s // 16 :], torch.zeros(1, 8 + s // 16, 4))
    assert torch.allclose(lower[:, :, s:], whole[:, :, 128:], atol=1e-2)


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
    monkeypatch.setattr("models.networks.hyperprior.patch_mse", lambda a, b: torch.zeros(1, 1, 1))
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
