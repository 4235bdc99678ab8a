import pytest
import torch

from models.layers.wavelet import ColourAxes, WaveletLevel


def patterns(height, width):
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    corner = torch.zeros(height, width)
    corner[0, 0] = corner[-1, -1] = 255.0
    return {
        "noise": torch.rand(height, width) * 255,
        "corner": corner,
        "chequers": ((rows + columns) % 2 * 255.0),
        "columns": (columns % 2 * 255.0).expand(height, width),
        "ramp": rows * 1.0 + columns,
        "flat": torch.full((height, width), 255.0),
    }


@pytest.mark.parametrize("size", [(6, 6), (6, 10), (8, 6), (18, 34), (64, 48)])
@pytest.mark.parametrize("pattern", ["noise", "corner", "chequers", "columns", "ramp", "flat"])
def test_a_level_is_undone_up_to_its_borders(size, pattern):
    signal = patterns(*size)[pattern][None, None]
    level = WaveletLevel()
    assert (level.inverse(level(signal)) - signal).abs().max() < 1e-3


@pytest.mark.parametrize("band", range(4))
def test_a_unit_coefficient_costs_a_unit_of_squared_error(band):
    bands = torch.zeros(1, 4, 16, 16)
    bands[0, band, 8, 8] = 1.0
    assert WaveletLevel().inverse(bands).norm() == pytest.approx(1.0, abs=1e-5)


def test_a_flat_signal_lives_in_the_low_pass_alone():
    bands = WaveletLevel()(torch.full((1, 1, 12, 12), 100.0))
    assert bands[:, 1:].abs().max() < 1e-3
    assert (bands[:, 0] - bands[0, 0, 0, 0]).abs().max() < 1e-3


def test_colour_axes_are_undone_and_cost_alike():
    axes = ColourAxes()
    rgb = torch.rand(2, 3, 4, 5) * 255
    assert (axes.inverse(axes(rgb)) - rgb).abs().max() < 1e-3
    grey = axes.inverse(torch.zeros(1, 3, 1, 1))
    for axis in range(3):
        unit = torch.zeros(1, 3, 1, 1)
        unit[0, axis] = 1.0
        assert (axes.inverse(unit) - grey).norm() == pytest.approx(1.0, abs=1e-5)


def test_grey_has_no_chroma():
    grey = (torch.rand(1, 1, 3, 3) * 255).expand(-1, 3, -1, -1)
    assert ColourAxes()(grey)[:, 1:].abs().max() < 1e-3
