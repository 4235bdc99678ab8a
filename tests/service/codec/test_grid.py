"""Geometry: tiles cover a window once, a halo stays within the picture, regions are checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec import grid as module
from service.codec.grid import LATENT, Grid, Window
from service.errors import BadParameter


@pytest.mark.parametrize(
    ("width", "height", "rows", "columns"),
    [(1, 1, 1, 1), (300, 1, 1, 2), (257, 255, 1, 2), (513, 256, 1, 3), (256, 512, 2, 1)],
)
def test_a_picture_has_whole_patches(width: int, height: int, rows: int, columns: int) -> None:
    grid = Grid(width, height)
    assert (grid.rows, grid.columns) == (rows, columns)
    assert (grid.coded_height, grid.coded_width) == (256 * rows, 256 * columns)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Grid, Window]:
    width, height = draw(st.integers(1, 900)), draw(st.integers(1, 900))
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    region = x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y))
    grid = Grid(width, height)
    return grid, grid.region(region)


@given(windows())
@settings(max_examples=60, deadline=None)
def test_tiles_cover_a_window_once(case: tuple[Grid, Window]) -> None:
    grid, shown = case
    window = shown.aligned(LATENT)
    covered = np.zeros((grid.coded_height, grid.coded_width), int)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "TILE", 256)
        for tile in grid.tiles(window):
            covered[tile.scaled(1)] += 1
    expected = np.zeros_like(covered)
    expected[window.scaled(1)] = 1
    assert np.array_equal(covered, expected)
    assert expected[shown.scaled(1)].all()


@given(windows(), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_patches_of_a_grown_window_are_those_it_touches(
    case: tuple[Grid, Window], halo: int
) -> None:
    grid, shown = case
    window = shown.grown(halo, grid)
    assert 0 <= window.top <= shown.top < shown.bottom <= window.bottom <= grid.coded_height
    assert 0 <= window.left <= shown.left < shown.right <= window.right <= grid.coded_width
    touched = np.zeros((grid.coded_height, grid.coded_width), bool)
    touched[window.scaled(1)] = True
    blocks = touched.reshape(grid.rows, 256, grid.columns, 256).any(axis=(1, 3))
    assert np.array_equal(grid.patches_in(window), blocks)
    numbered = np.arange(touched.size).reshape(touched.shape)
    assert np.array_equal(
        numbered[window.scaled(1)][shown.within(window)], numbered[shown.scaled(1)]
    )


@pytest.mark.parametrize(
    "region",
    [
        (-1, 0, 5, 5),
        (0, -1, 5, 5),
        (0, 0, 0, 5),
        (0, 0, 5, 0),
        (0, 0, -3, 5),
        (96, 0, 5, 5),
        (0, 46, 5, 5),
        (2**70, 0, 1, 1),
        (0, 0, 2**70, 1),
    ],
)
def test_regions_outside_of_the_picture_are_refused(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(BadParameter, match="not within 100x50"):
        Grid(100, 50).region(region)


def test_no_region_is_all_of_it() -> None:
    assert Grid(100, 50).region(None) == Grid(100, 50).region((0, 0, 100, 50))
