"""The colour transform gives every colour back and keeps its promised range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.codec.colour import HIGHEST, LOWEST, from_ycocg, to_ycocg


def test_every_colour_comes_back() -> None:
    levels = np.arange(256, dtype=np.uint8)
    plane = np.stack(np.meshgrid(levels, levels, levels[:1], indexing="ij"), -1).reshape(-1, 3)
    lowest, highest = np.full(3, 999), np.full(3, -999)
    for red in levels:
        rgb = plane[:, [2, 0, 1]].copy()
        rgb[:, 0] = red
        ycocg = to_ycocg(rgb)
        assert ycocg.dtype == np.int32
        assert np.array_equal(from_ycocg(ycocg), rgb)
        lowest = np.minimum(lowest, ycocg.min(0))
        highest = np.maximum(highest, ycocg.max(0))
    assert np.array_equal(lowest, LOWEST)
    assert np.array_equal(highest, HIGHEST)


@given(arrays(np.int32, (2, 5, 3), elements=st.integers(-(2**20), 2**20)))
def test_the_inverse_is_one_to_one_on_all_integers(ycocg: np.ndarray) -> None:
    """Damaged values map to colours of their own: none hides behind another's samples."""
    red, green, blue = np.moveaxis(from_ycocg(ycocg), -1, 0)
    co = red - blue
    middle = blue + (co >> 1)
    cg = green - middle
    assert np.array_equal(np.stack([middle + (cg >> 1), co, cg], -1), ycocg)


@pytest.mark.parametrize(
    ("rgb", "ycocg"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((77, 77, 77), (77, 0, 0)),
        ((255, 255, 255), (255, 0, 0)),
        ((255, 0, 0), (63, 255, -127)),
        ((0, 255, 0), (127, 0, 255)),
        ((0, 0, 255), (63, -255, -127)),
        ((1, 2, 4), (2, -3, 0)),  # -3 >> 1 is -2
    ],
)
def test_what_the_document_says(rgb: tuple, ycocg: tuple) -> None:
    assert to_ycocg(np.array(rgb, np.uint8)).tolist() == list(ycocg)
