import pytest
import torch

from models.networks.lite import Lite
from models.networks.patches import PATCH, patch_mse


@pytest.fixture
def lite():
    torch.manual_seed(0)
    return Lite(widths=(6, 6, 4), features=4, restoration_width=6, restoration_blocks=1)


PARTS = {"prior": ["top", "prior"], "restoration": ["restoration"]}


@pytest.mark.parametrize("loss", PARTS)
def test_each_loss_teaches_its_parts(lite, loss):
    rgb = torch.rand(1, 3, PATCH, 2 * PATCH) * 255
    value, figures = lite.losses()[loss](rgb)
    value.backward()
    assert torch.isfinite(value)
    assert figures
    for part in PARTS[loss]:
        parameters = lite.get_submodule(part).parameters()
        assert any(p.grad is not None and (p.grad != 0).any() for p in parameters), part


def test_an_untrained_lite_is_already_a_codec(lite):
    rows = torch.arange(256.0)[:, None] * torch.ones(256)
    rgb = torch.stack([rows, rows.T, 255 - rows])[None]
    quality = torch.full((1, 16, 16), 6.0)
    gain = lite.gain(torch.tensor([6.0]))
    y = lite.analysis(rgb)
    with torch.no_grad():
        decoded = lite.synthesis(torch.round(y * gain) / gain, quality)
    assert float(patch_mse(decoded, rgb)) < 10


@torch.no_grad()
def test_halos_cover_what_the_transforms_look_at(lite):
    torch.nn.init.normal_(lite.restoration.leave.weight, std=0.1)
    rgb = torch.rand(1, 3, 512, 96) * 255
    y, quality = lite.analysis(rgb), torch.full((1, 32, 6), 3.0)
    whole = lite.synthesis(y, quality)
    a, s = lite.analysis_halo, lite.synthesis_halo
    assert torch.allclose(lite.analysis(rgb[:, :, : 256 + a])[:, :, :16], y[:, :, :16], atol=1e-2)
    lower = lite.analysis(rgb[:, :, 256 - a :])[:, :, a // 16 :]
    assert torch.allclose(lower, y[:, :, 16:], atol=1e-2)
    n = 16 + s // 16
    upper = lite.synthesis(y[:, :, :n], quality[:, :n])
    assert torch.allclose(upper[:, :, :256], whole[:, :, :256], atol=1e-2)
    lower = lite.synthesis(y[:, :, -n:], quality[:, -n:])
    assert torch.allclose(lower[:, :, s:], whole[:, :, 256:], atol=1e-2)
