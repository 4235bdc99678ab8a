"""Between a picture's size and the network's."""

from __future__ import annotations

import numpy as np
import pytest

from service.segmentation.framing import (
    as_it_stands,
    certainty,
    leaves_a_trace,
    to_picture_size,
    to_working,
)


def test_a_picture_is_made_small_by_the_means_of_areas() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (512 * 3, 768 * 3, 3), dtype=np.uint8)
    means = pixels.reshape(512, 3, 768, 3, 3).mean(axis=(1, 3))
    assert np.abs(to_working(pixels) - means).max() <= 1


def test_a_thin_tip_survives() -> None:
    """One white column of 6744 is an eighth of a pixel; sampling would lose most of them."""
    pixels = np.zeros((90, 6744), np.uint8)
    pixels[:, 3001] = 255
    column = to_working(pixels)[256, :, 0]
    assert column.sum() == pytest.approx(255 * 768 / 6744, abs=2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (640, 640), (513, 769), (90, 61)])
def test_any_size_comes_to_the_working_size_and_back(shape: tuple[int, int]) -> None:
    working = to_working(np.full((*shape, 3), 77, np.uint8))
    assert working.shape == (512, 768, 3)
    assert (working == 77).all()
    levels = as_it_stands(np.full((512, 768), 255, np.uint8), shape)
    mask = to_picture_size(levels, shape)
    assert mask.shape == shape
    assert mask.all()


def test_grey_is_repeated() -> None:
    pixels = np.arange(700 * 1000, dtype=np.uint32).reshape(700, 1000).astype(np.uint8)
    grey = to_working(pixels)
    np.testing.assert_array_equal(grey, to_working(np.repeat(pixels[..., None], 3, axis=2)))


def test_a_picture_that_stands_is_turned_not_squeezed() -> None:
    lying = np.zeros((600, 900, 3), np.uint8)
    lying[100:200, 500:700] = (250, 120, 10)
    standing = np.rot90(lying, -1)
    np.testing.assert_array_equal(to_working(standing), to_working(lying))
    mask = to_working(lying)[..., 0] > 128
    back = as_it_stands(mask, (900, 600))
    np.testing.assert_array_equal(back, np.rot90(mask, -1))
    assert as_it_stands(mask, (600, 900)) is mask


def test_the_border_lies_where_the_probability_crosses_the_threshold() -> None:
    """A ramp from 0 to 1 over the width crosses 0.37 at 37 % of it, to a fraction of a pixel."""
    ramp = np.tile((np.arange(768, dtype=np.float32) + 0.5) / 768, (512, 1))
    levels = certainty(ramp >= 0.37, ramp, 0.37)
    mask = to_picture_size(levels, (4502, 6744))
    borders = mask.argmax(axis=1)
    assert np.abs(borders - 0.37 * 6744).max() < 3 * 6744 / 768
    assert (np.diff(mask.astype(int), axis=1) >= 0).all()


def test_certainty_never_contradicts_the_mask() -> None:
    rng = np.random.default_rng(1)
    probability = rng.random((64, 96), np.float32)
    probability[:2] = 0.37
    for threshold in (0.37, 0.5, 0.05, 0.9):
        for mask in (probability >= threshold, rng.random((64, 96)) > 0.5):
            levels = certainty(mask, probability, threshold)
            np.testing.assert_array_equal(levels >= 128, mask)
            np.testing.assert_array_equal(to_picture_size(levels, (64, 96)), mask)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (16, 23), (16, 24), (17, 24), (40, 61), (9, 80)])
@pytest.mark.parametrize("least", [128, 255])
def test_a_trace_is_left_where_the_enlarged_mask_has_one(
    shape: tuple[int, int], least: int
) -> None:
    rng = np.random.default_rng(0)
    traces = []
    for number in range(60):
        levels = np.zeros((16, 24), np.uint8)
        some = rng.integers(0, 16, 1 + number // 20), rng.integers(0, 24, 1 + number // 20)
        levels[some] = least
        if number % 3 == 0:  # four together
            levels[3:5, 7:9] = least
        traces.append(leaves_a_trace(levels, shape))
        assert traces[-1] == to_picture_size(levels, shape).any()
    if shape == (40, 61):
        assert all(traces[::3])
        assert all(traces) == (least == 255)
