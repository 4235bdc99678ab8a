import numpy as np
import pytest

from models.evaluation.ms_ssim import SMALLEST_SIDE, _blurred, ms_ssim
from tests.models.evaluation.conftest import photograph


@pytest.mark.parametrize("grey", [False, True])
def test_equal_pictures_have_one(grey):
    pixels = photograph(180, 201)
    pixels = pixels[..., 0] if grey else pixels
    assert ms_ssim(pixels, pixels) == pytest.approx(1, abs=1e-12)


def test_more_noise_is_less_similar():
    pixels = photograph(200, 190)
    noise = np.random.default_rng(0).normal(0, 1, pixels.shape)
    values = [
        ms_ssim(pixels, np.clip(np.rint(pixels + size * noise), 0, 255).astype(np.uint8))
        for size in (1, 4, 16, 64)
    ]
    assert values == sorted(values, reverse=True)
    assert 0.99 < values[0] < 1
    assert 0 <= values[-1] < 0.7


def test_what_is_known_of_a_brighter_picture():
    # Structure is untouched, so only luminance at the fifth scale counts, with its exponent.
    flat = np.full((176, 176), 100, np.uint8)
    c1 = (0.01 * 255) ** 2
    luminance = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert ms_ssim(flat, flat + np.uint8(20)) == pytest.approx(luminance**0.1333)


def test_a_colour_counts_for_a_third():
    pixels = photograph(176, 176)
    other = pixels.copy()
    other[..., 2] = 255 - other[..., 2]
    grey = ms_ssim(pixels[..., 2], other[..., 2])
    assert ms_ssim(pixels, other) == pytest.approx((2 + grey) / 3)


def test_pictures_turned_into_their_opposite_have_zero():
    pixels = photograph(176, 180)[..., 0]
    assert ms_ssim(pixels, 255 - pixels) == pytest.approx(0, abs=1e-6)


def test_the_window_is_the_papers():
    impulse = np.zeros((21, 21))
    impulse[10, 10] = 1
    window = _blurred(impulse)
    away = np.arange(-5, 6)
    expected = np.exp(-(away[:, None] ** 2 + away**2) / (2 * 1.5**2))
    np.testing.assert_allclose(window, expected / expected.sum(), rtol=1e-12)


def test_a_picture_too_small_for_five_scales_has_none():
    pixels = photograph(SMALLEST_SIDE - 1, 400)
    assert ms_ssim(pixels, pixels) is None


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="shapes differ"):
        ms_ssim(photograph(176, 180), photograph(180, 176))
