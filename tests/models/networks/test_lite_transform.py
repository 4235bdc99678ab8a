import pytest
import torch

from models.networks.lite_transform import (
    LOW_PASS,
    PHASES,
    Y_CHANNELS,
    Z_CHANNELS,
    LiteTransform,
    from_checkerboards,
    groups,
    to_checkerboards,
    top_groups,
)

# Multiples of 16 from the least that four levels can extend by symmetry.
SIZES = [(80, 80), (80, 112), (96, 144), (128, 80), (176, 208), (256, 256)]


@pytest.mark.parametrize("size", SIZES)
def test_grey_pictures_come_back_whole(size):
    grey = (torch.rand(1, 1, *size) * 255).expand(-1, 3, -1, -1)
    transform = LiteTransform()
    y = transform.analysis(grey)
    assert y.shape == (1, Y_CHANNELS, size[0] // 16, size[1] // 16)
    assert (transform.synthesis(y) - grey).abs().max() < 2e-2


@pytest.mark.parametrize("size", [(80, 112), (256, 256)])
def test_every_latent_is_its_own(size):
    """Analysis undoes synthesis: no two latents say the same."""
    transform = LiteTransform()
    y = torch.randn(1, Y_CHANNELS, size[0] // 16, size[1] // 16) * 20
    assert (transform.analysis(transform.synthesis(y)) - y).abs().max() < 2e-2


def test_a_unit_error_in_any_latent_costs_a_unit_in_the_picture():
    transform = LiteTransform()
    flat = transform.synthesis(torch.zeros(1, Y_CHANNELS, 16, 16))
    for channel in [0, 5, 13, 40, 60, 130, 200, 300, 383]:
        y = torch.zeros(1, Y_CHANNELS, 16, 16)
        y[0, channel, 8, 8] = 1.0
        cost = (transform.synthesis(y) - flat).norm()
        # Orthonormal up to the little that biorthogonal levels add to each other.
        assert float(cost) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("size", [(16, 16), (32, 48)])
def test_z_holds_the_low_pass(size):
    transform = LiteTransform()
    y = torch.randn(2, 7, *size) * 100
    z = transform.hyper_analysis(y)
    assert z.shape == (2, Z_CHANNELS, size[0] // 4, size[1] // 4)
    assert (transform.means(z) - y[:, :LOW_PASS]).abs().max() < 1e-2


def test_groups_of_z_hold_the_phases_of_level_5():
    transform = LiteTransform()
    y = torch.randn(1, 3, 32, 48) * 100
    _, bands = transform._split(y)
    covered, z = 0, transform.hyper_analysis(y)
    parts = {}
    for group in top_groups():
        assert group.channels.start == covered
        covered = group.channels.stop
        parts[group.name] = z[:, group.channels.start : covered]
    assert covered == Z_CHANNELS
    for phase in PHASES:
        luma = bands[:, :3, phase // 2 :: 2, phase % 2 :: 2]
        assert torch.equal(parts[f"5 luma {phase}"], luma)
    for name, phases in (("a", PHASES[:2]), ("b", PHASES[2:])):
        chroma = [bands[:, 3:, phase // 2 :: 2, phase % 2 :: 2] for phase in phases]
        assert torch.equal(parts[f"5 chroma {name}"], torch.cat(chroma, 1))


def test_checkerboards_are_undone_and_hold_the_two_colours():
    bands = torch.arange(2.0 * 3 * 6 * 8).reshape(2, 3, 6, 8)
    a, b = to_checkerboards(bands)
    assert torch.equal(from_checkerboards(a, b), bands)
    rows, columns = torch.arange(6)[:, None], torch.arange(8)[None]
    even = (rows + columns) % 2 == 0
    assert set(a[0, :].flatten().tolist()) == set(bands[0][:, even].flatten().tolist())


def test_groups_cover_the_latents_once_and_in_order():
    covered = [channel for group in groups() for channel in group.channels]
    assert covered == list(range(Y_CHANNELS))
    folds = [group.fold for group in groups()]
    assert folds == sorted(folds)
