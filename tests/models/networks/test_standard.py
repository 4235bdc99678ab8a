import pytest
import torch

from models.layers.gains import lagrangian
from models.networks.lite import Lite
from models.networks.patches import PATCH, to_patches
from models.networks.standard import Standard
from tests.models import tiny


@pytest.fixture
def standard():
    torch.manual_seed(0)
    return Standard((6, 6, 4), 4, 6, 1, mean_widths=(4, 4, 4), mean_blocks=(1, 1, 1))


def edges(count=1):
    """Pictures with a slanted edge in each patch, (count, 3, 256, 256)."""
    column = torch.arange(256.0)
    shapes = [((column[:, None] * (0.3 + k / 7) + column) % 64 > 32).float() for k in range(count)]
    return torch.stack(shapes)[:, None].expand(-1, 3, -1, -1) * 200 + 20


@torch.no_grad()
def test_its_latents_are_those_of_lite(standard):
    lite = Lite((6, 6, 4), 4, 6, 1)
    rgb = edges()
    there, here = lite.analysis(rgb), standard.analysis(rgb)
    assert not torch.equal(there, here)
    assert torch.equal(there.sort(1).values, here.sort(1).values)
    assert torch.equal(lite.linear(there), standard.linear(here))
    assert torch.equal(lite.hyper_analysis(there), standard.hyper_analysis(here))


def test_every_detail_group_has_its_place(standard):
    assert standard.levels() == [(1, 6), (6, 11), (11, 15)]
    assert [standard.place(group) for group in (1, 5, 6, 14)] == [(0, 0), (0, 4), (1, 0), (2, 3)]
    with pytest.raises(ValueError, match="group 0"):
        standard.place(0)


PARTS = {"means": ["top", "prior", "detail"], "restoration": ["restoration"]}


@pytest.mark.parametrize("loss", PARTS)
def test_each_loss_teaches_its_parts(standard, loss):
    rgb = torch.rand(1, 3, PATCH, 2 * PATCH) * 255
    value, figures = standard.losses()[loss](rgb)
    value.backward()
    assert figures
    for part in PARTS[loss]:
        parameters = standard.get_submodule(part).parameters()
        assert any(p.grad is not None and (p.grad != 0).any() for p in parameters), part


def test_means_that_learnt_pay(standard):
    rgb, quality = edges(2), torch.tensor([6.0, 6.0])

    def cost():
        found = standard.eval().measure(rgb, quality)
        bits = found.bits["y"] / PATCH**2
        errors = (found.picture - rgb).square().mean((1, 2, 3))
        return float((bits + lagrangian(quality) * errors).mean())

    before = cost()
    optimiser = torch.optim.Adam(standard.detail.parameters(), 0.01)
    for _ in range(60):
        optimiser.zero_grad()
        loss, _ = standard.losses()["means"](rgb)
        loss.backward()
        optimiser.step()
    assert cost() < 0.98 * before


@torch.no_grad()
def test_the_low_pass_pictures_are_the_transforms_own():
    network = tiny.standard()
    rgb = torch.nn.functional.interpolate(torch.rand(1, 3, 16, 16) * 255, size=(256, 256))
    y = to_patches(network.analysis(rgb))
    known = [network.unfold(y, group) for group in network.prior.groups]
    low = torch.zeros(1, 3, 16, 16)
    expected = network.transform.axes(rgb)
    for level in (1, 2, 3):
        expected, _ = network.transform._split(expected)
        groups = {1: 11, 2: 6, 3: 1}[level]
        found = network.low_pass(low, known[:groups])
        assert torch.allclose(found, expected / 2**level, atol=0.05)


@torch.no_grad()
def test_means_enter_what_is_shown_and_leave_the_values():
    network = tiny.standard().eval()
    rgb = torch.rand(1, 3, PATCH, PATCH) * 255
    y = network.analysis(rgb)
    quality, anchor = torch.tensor([4.0]), torch.tensor([4.0])
    symbols_z, z = network.upper(y, anchor)
    coded = network.code_patches(y, symbols_z, z, quality)
    assert coded.means[0] is None
    assert all(mean is not None and mean.abs().max() > 0.01 for mean in coded.means[1:])
    scaled = to_patches(network.without_means(y, network.means(z))) * network.gain(quality)
    whole = [v if m is None else v + m for v, m in zip(coded.values, coded.means, strict=True)]
    assert torch.allclose(network.fold(whole), scaled, atol=1e-2)
    # No value is further from its symbol than a symbol's neighbour.
    away = (network.reconstruct(coded) - scaled).abs()
    assert away.max() < 2


@torch.no_grad()
def test_the_halo_covers_what_synthesis_looks_at():
    torch.manual_seed(1)
    network = Standard(restoration_width=6).eval()
    for name, weight in network.restoration.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.normal_(weight, std=0.1)
    y, quality = torch.randn(1, 384, 32, 6) * 30, torch.full((1, 32, 6), 3.0)
    whole, rows = network.synthesis(y, quality), 16 + network.synthesis_halo // 16
    upper = network.synthesis(y[:, :, :rows], quality[:, :rows])
    assert torch.allclose(upper[:, :, :256], whole[:, :, :256], atol=1e-2)
    lower = network.synthesis(y[:, :, -rows:], quality[:, -rows:])
    assert torch.allclose(lower[:, :, network.synthesis_halo :], whole[:, :, 256:], atol=1e-2)
