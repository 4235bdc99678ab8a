import pytest
import torch

from models.networks.lite import Lite
from models.networks.lite_transform import LiteTransform
from models.networks.masked_lite import COMMON, DIAGONAL, OFFSETS, MaskedLite
from models.networks.patches import PATCH, patch_mse
from models.training.ms_ssim import ms_ssim

SMALL = {"widths": (6, 6, 4), "features": 4, "restoration_width": 6, "restoration_blocks": 1}


@pytest.fixture
def masked():
    torch.manual_seed(0)
    return MaskedLite(**SMALL)


def textured(height: int, width: int) -> torch.Tensor:
    """Grey, flat to the left and rough to the right, (1, 3, H, W)."""
    grain = torch.randn(height, width, generator=torch.Generator().manual_seed(3)) * 30
    grain[:, : width // 2] = 0
    return (128 + grain).clamp(0, 255).expand(1, 3, -1, -1)


def test_pictures_come_back_whole(masked):
    rgb = textured(256, 256)
    restored = masked.transform.synthesis(masked.analysis(rgb))
    assert (restored - rgb).abs().max() < 5e-2


def test_texture_has_smaller_latents_than_without_masking_and_flat_parts_the_same(masked):
    rgb = textured(512, 512)
    latents, plain = masked.analysis(rgb), Lite(**SMALL).analysis(rgb)
    assert torch.allclose(latents[:, :3], plain[:, :3])
    assert latents[:, 12:, 4:-4, 20:-4].abs().sum() < 0.7 * plain[:, 12:, 4:-4, 20:-4].abs().sum()
    assert torch.allclose(latents[..., :10], plain[..., :10], atol=1e-3)


@torch.no_grad()
def test_gains_are_lites_moved_by_level_axis_and_direction(masked):
    """Every channel's offset is that of where its energy lies in the picture."""
    moved = masked.folded(masked.gains_y.logarithm - Lite(**SMALL).gains_y.logarithm)[0]
    transform = LiteTransform()
    flat = transform.synthesis(torch.zeros(1, 384, 16, 16))
    levels = {"low": 4, "3a": 3, "3b": 3, "2a": 2, "2b": 2, "1a": 1, "1b": 1}
    seen = set()
    for group in masked.prior.groups:
        for channel in group.channels[:: 1 if group.fold == 1 else 7]:
            y = torch.zeros(1, 384, 16, 16)
            y[0, channel, 8, 8] = 1000.0
            picture = (transform.synthesis(y) - flat)[0]
            grey = (picture.amax(0) - picture.amin(0)).max() < 0.05 * picture.abs().max()
            # A band that is high-pass in a direction sums to nothing along it.
            whole = picture.abs().sum()
            high = [picture.sum(axis).abs().sum() < 0.05 * whole for axis in (1, 2)]
            luma, chroma = OFFSETS[levels[group.name]]
            expected = (luma if grey else chroma) if any(high) else 0.0
            expected += COMMON + DIAGONAL * all(high)
            assert float(moved[channel]) == pytest.approx(expected, abs=1e-5), channel
            seen.add((bool(grey), all(high), any(high)))
    assert len(seen) == 6
    above = masked.gains_z.logarithm - Lite(**SMALL).gains_z.logarithm
    assert torch.allclose(above, torch.full_like(above, COMMON))


@torch.no_grad()
def test_halos_cover_what_the_transforms_look_at(masked):
    torch.nn.init.normal_(masked.restoration.leave.weight, std=0.1)
    rgb = torch.rand(1, 3, 512, 96) * 255
    y, quality = masked.analysis(rgb), torch.full((1, 32, 6), 3.0)
    whole = masked.synthesis(y, quality)
    a, s = masked.analysis_halo, masked.synthesis_halo
    upper = masked.analysis(rgb[:, :, : 256 + a])[:, :, :16]
    assert torch.allclose(upper, y[:, :, :16], atol=1e-2)
    lower = masked.analysis(rgb[:, :, 256 - a :])[:, :, a // 16 :]
    assert torch.allclose(lower, y[:, :, 16:], atol=1e-2)
    n = 16 + s // 16
    upper = masked.synthesis(y[:, :, :n], quality[:, :n])
    assert torch.allclose(upper[:, :, :256], whole[:, :, :256], atol=1e-2)
    lower = masked.synthesis(y[:, :, -n:], quality[:, -n:])
    assert torch.allclose(lower[:, :, s:], whole[:, :, 256:], atol=1e-2)


@pytest.mark.parametrize(("loss", "part"), [("prior", "prior"), ("restoration", "restoration")])
def test_each_loss_teaches_its_part(masked, loss, part):
    value, figures = masked.losses()[loss](torch.rand(1, 3, PATCH, 2 * PATCH) * 255)
    value.backward()
    assert torch.isfinite(value)
    assert figures
    parameters = masked.get_submodule(part).parameters()
    assert any(p.grad is not None and (p.grad != 0).any() for p in parameters)


def test_the_restoration_is_taught_by_ms_ssim(masked):
    """Adding a constant ruins PSNR and hardly moves MS-SSIM: the loss must not mind."""
    rgb = textured(PATCH, PATCH)
    with torch.no_grad():
        assert masked.restoration.leave.bias is not None
        masked.restoration.leave.bias += 3 / 16
    value, _ = masked.ms_ssim_loss(rgb)
    linear, quality = masked.coded_linear(rgb)
    shown = masked.restore(linear, quality)
    assert patch_mse(shown, linear).detach().mean().item() == pytest.approx(9, rel=1e-3)
    assert abs(float(value.detach())) < 0.2
    assert (ms_ssim(rgb, shown) - ms_ssim(rgb, linear)).abs().max() < 0.01


def test_unknown_to_lite_and_otherwise_of_its_weights(masked):
    """A lite's weights are a start."""
    masked.load_state_dict(Lite(**SMALL).state_dict())
