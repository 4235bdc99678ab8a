"""The mask: any bitmap comes back, and a blade costs a few bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from service.codec.patch_mask import blade_patches, decode_mask, encode_mask
from service.errors import BadStream

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40))


def blade_mask(angle: float, width: float, offset: float) -> np.ndarray:
    """A tapering blade across a 30 MP picture (27x18 patches), as patches."""
    y, x = np.mgrid[:18, :27] + 0.5
    along = (x - 13.5) * np.cos(angle) + (y - 9) * np.sin(angle)
    across = (y - 9) * np.cos(angle) - (x - 13.5) * np.sin(angle) - offset
    return np.abs(across) < width / 2 + 0.7 - 0.05 * along


@given(masks)
@settings(max_examples=300, deadline=None)
def test_any_bitmap_comes_back(mask: np.ndarray) -> None:
    coded = encode_mask(mask)
    assert len(coded) <= 1 + -(-mask.size // 8)
    decoded, used = decode_mask(coded + b"\xff\xff", *mask.shape)
    assert used == len(coded)
    assert np.array_equal(decoded, mask)


@given(st.binary(max_size=40), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_mask_or_refused(data: bytes, rows: int, columns: int) -> None:
    try:
        mask, used = decode_mask(data, rows, columns)
    except BadStream:
        return
    assert mask.shape == (rows, columns)
    assert mask.dtype == bool
    assert 1 <= used <= len(data)


def test_every_form_is_used_where_it_is_shortest() -> None:
    grid = np.zeros((18, 27), bool)
    rectangle, dots, noise = grid.copy(), grid.copy(), np.random.default_rng(0).random((18, 27))
    rectangle[:, 4:9] = True
    dots[2, 3] = dots[9, 20] = True
    forms = [encode_mask(m)[0] & 7 for m in (grid, ~grid, rectangle, dots, noise < 0.5)]
    assert forms == [0, 1, 2, 3, 4]
    assert len(encode_mask(grid)) == len(encode_mask(~grid)) == 1
    assert len(encode_mask(rectangle)) <= 4


def test_the_bytes_of_each_form() -> None:
    # Two rows of three: each form worked out by hand.
    mask = np.array([[0, 1, 1], [0, 1, 1]], bool)
    # One corner at (0, 1): 1 zero, then 4 to the end; Exp-Golomb order 0: 010 00101.
    assert decode_mask(bytes([2, 0b01000101]), 2, 3)[0].tolist() == mask.tolist()
    # Changes at 1, 3, 4: gaps 1, 1, 0, 1; order 1, so v + 2 in two bits: 11 11 10 11.
    assert decode_mask(bytes([3 | 1 << 3, 0b11111011]), 2, 3)[0].tolist() == mask.tolist()
    assert decode_mask(bytes([4, 0b01101100]), 2, 3)[0].tolist() == mask.tolist()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes([5]),  # no such form
        bytes([0 | 1 << 3]),  # an order where there is none
        bytes([4 | 1 << 3, 0]),
        bytes([3 | 8 << 3, 0xFF]),  # an order too high
        bytes([4]),  # cut short
        bytes([2, 0b00000000]),  # a prefix without end
        bytes([2, 0b01000110]),  # two places past the end
        bytes([4, 0b01101101]),  # a bit behind the end
        bytes([3 | 1 << 3, 0b11111001]),  # does not reach the end
        bytes([3, 0b01001010, 0b10000000]),  # right, but longer than the bitmap
    ],
)
def test_what_is_no_mask_is_refused(data: bytes) -> None:
    with pytest.raises(BadStream):
        decode_mask(data, 2, 3)


def test_a_blade_at_any_angle_costs_little() -> None:
    sizes = [
        len(encode_mask(blade_mask(angle, width, offset)))
        for angle in np.linspace(0, np.pi, 37)
        for width in (2.0, 5.0, 9.0)
        for offset in (-3.0, 0.0, 4.0)
    ]
    assert max(sizes) <= 40
    assert np.mean(sizes) <= 24


@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.integers(0, 600),
    st.lists(st.tuples(st.integers(0, 699), st.integers(0, 699)), max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_a_patch_is_blade_if_a_blade_pixel_is_near(
    height: int, width: int, dilation: int, points: list[tuple[int, int]]
) -> None:
    points = [(y % height, x % width) for y, x in points]
    blade = np.zeros((height, width), bool)
    for point in points:
        blade[point] = True
    found = blade_patches(blade, dilation)
    assert found.shape == (-(-height // 256), -(-width // 256))
    for (row, column), value in np.ndenumerate(found):
        near = any(
            256 * row - dilation <= y < 256 * (row + 1) + dilation
            and 256 * column - dilation <= x < 256 * (column + 1) + dilation
            for y, x in points
        )
        assert value == near
