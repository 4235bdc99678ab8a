import pytest
import torch

from models.evaluation.ms_ssim import ms_ssim
from models.layers.gains import LAMBDAS
from models.networks.distortion import MS_SSIM, MSE
from models.networks.patches import PATCH


def photographs():
    rough = torch.rand(1, 3, 32, 64) * 255
    rgb = torch.nn.functional.interpolate(rough, (PATCH, 2 * PATCH), mode="bicubic").clamp(0, 255)
    shown = rgb + torch.randn_like(rgb) * torch.tensor([2.0, 20.0]).repeat_interleave(PATCH)
    return rgb.round(), shown.clamp(0, 255).round()


def test_the_loss_by_mse_is_the_customary_one():
    """lambda * 255^2 * MSE of pixels 0..1, and bits a pixel."""
    rgb, shown = photographs()
    quality = torch.tensor([4.0, 4.0])
    bits = torch.tensor([0.5, 1.5]) * PATCH**2
    loss, figures = MSE.loss(bits, shown, rgb, quality)
    mse = (((shown - rgb) / 255) ** 2).mean()
    expected = LAMBDAS[4] * 255**2 * mse + 1.0
    assert float(loss) == pytest.approx(float(expected) * LAMBDAS[4] ** -0.45, rel=1e-4)
    assert figures["bpp"] == pytest.approx(1.0)


def test_ms_ssim_is_that_of_each_patch():
    rgb, shown = photographs()
    found = MS_SSIM.between(shown, rgb)
    assert found.shape == (1, 1, 2)
    a, b = (each[0].permute(1, 2, 0).byte().numpy() for each in (shown, rgb))
    for column in range(2):
        there = slice(column * PATCH, (column + 1) * PATCH)
        expected = 1 - ms_ssim(a[:, there], b[:, there])
        assert float(found[0, 0, column]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("distortion", [MSE, MS_SSIM])
def test_what_is_lost_counts_for_more_at_a_higher_quality(distortion):
    rgb, shown = photographs()
    bits = torch.zeros(2)
    weighted = [
        float(distortion.loss(bits, shown, rgb, torch.full((2,), q))[0]) for q in (0.0, 3.5, 8.0)
    ]
    assert weighted == sorted(weighted)
    assert list(distortion.lambdas) == sorted(distortion.lambdas)
    assert len(distortion.lambdas) == 9


@pytest.mark.parametrize("distortion", [MSE, MS_SSIM])
def test_a_nearer_picture_is_a_smaller_loss_and_a_larger_figure(distortion):
    rgb, shown = photographs()
    name, _ = distortion.figure
    bits, quality = torch.zeros(2), torch.full((2,), 4.0)
    far, near = (
        distortion.loss(bits, each, rgb, quality) for each in (shown, (shown + 3 * rgb) / 4)
    )
    assert near[0] < far[0]
    assert near[1][name] > far[1][name]
