import numpy as np
import pytest

from service.cli.distortion import psnr


def test_one_level_everywhere_is_48_13_db() -> None:
    original = np.full((300, 7, 3), 100, np.uint8)
    assert psnr(original, original - 1) == pytest.approx(20 * np.log10(255))


def test_differences_do_not_wrap_around() -> None:
    black, white = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    assert psnr(black, white) == pytest.approx(0)
    assert psnr(white, black) == pytest.approx(0)


def test_equal_pictures_have_no_error_to_measure() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert psnr(picture, picture) is None


def test_only_the_masked_pixels_count() -> None:
    original = np.zeros((600, 4, 3), np.uint8)
    decoded = original.copy()
    decoded[:300] = 255
    decoded[300:] = 1
    mask = np.zeros((600, 4), bool)
    mask[300:] = True
    assert psnr(original, decoded, mask) == pytest.approx(20 * np.log10(255))
    assert psnr(original, decoded, ~mask) == pytest.approx(0)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        psnr(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
