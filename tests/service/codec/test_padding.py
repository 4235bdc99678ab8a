"""Padding is the same from wherever it is looked at, so tiles agree on it."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec.grid import Grid, Window
from service.codec.padding import PaddedPicture
from tests.service.codec.coding import textured


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (257, 255), (40, 513)])
def test_every_window_shows_the_same_padded_picture(height: int, width: int, grey: bool) -> None:
    pixels = textured(height, width, grey=grey)
    grid = Grid(width, height)
    padded = PaddedPicture(pixels)
    whole = padded.window(Window(0, grid.coded_height, 0, grid.coded_width))
    assert whole.shape == (grid.coded_height, grid.coded_width, 3)
    assert whole.dtype == np.uint8
    inside = pixels if not grey else np.repeat(pixels[:, :, None], 3, axis=2)
    assert np.array_equal(whole[:height, :width], inside)
    rng = np.random.default_rng(1)
    for _ in range(20):
        top, left = rng.integers(0, [grid.coded_height, grid.coded_width])
        bottom, right = rng.integers([top, left], [grid.coded_height, grid.coded_width]) + 1
        window = Window(int(top), int(bottom), int(left), int(right))
        assert np.array_equal(padded.window(window), whole[window.scaled(1)])


def test_the_border_meets_its_own_colour() -> None:
    pixels = textured(200, 200)
    whole = PaddedPicture(pixels).window(Window(0, 256, 0, 256)).astype(int)
    assert np.abs(whole[200, :200] - pixels[199]).max() <= 4
    assert np.abs(whole[:200, 200] - pixels[:, 199]).max() <= 4
    # Far out it is all but one colour: what no one sees costs next to nothing.
    assert np.ptp(whole[250:, 250:].reshape(-1, 3), axis=0).max() <= 4
