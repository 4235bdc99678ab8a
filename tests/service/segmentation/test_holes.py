"""Hole filling: what is enclosed is filled, what is open stays open, nothing is ever lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from service.segmentation.holes import border_gaps, fill_holes, is_vertical

H, W = 60, 90


def canvas(*areas: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((H, W), bool)
    for area in areas:
        mask[area] = True
    return mask


def upright() -> np.ndarray:
    """A blade from the top to the bottom, 40 wide."""
    return canvas(np.s_[:, 20:60])


def filled_of(mask: np.ndarray) -> np.ndarray:
    """Of a mask without doubt."""
    return fill_holes(mask, mask.astype(np.float32))


def test_a_hole_in_doubtful_blade_stays_open() -> None:
    holed = upright()
    holed[25:30, 35:45] = False
    for sure, filled in ((0.61, True), (0.59, False)):
        probability = np.where(holed, sure, 0.0).astype(np.float32)
        # What lies farther away says nothing about the hole.
        probability[:, :25] = 1 - sure
        found = fill_holes(holed, probability)
        np.testing.assert_array_equal(found, upright() if filled else holed)


def test_the_orientation_is_that_of_the_edges() -> None:
    assert is_vertical(upright())
    assert not is_vertical(upright().T)


def test_a_hole_in_the_blade_is_filled() -> None:
    blade = upright()
    holed = blade.copy()
    holed[20:30, 30:45] = False
    np.testing.assert_array_equal(filled_of(holed), blade)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("rows", [np.s_[:12], np.s_[-12:]])
def test_a_hole_open_to_a_border_that_the_blade_crosses_is_filled(rows, turned: bool) -> None:
    blade = upright()
    holed = blade.copy()
    holed[rows, 30:45] = False
    if turned:
        blade, holed = blade.T, holed.T
    np.testing.assert_array_equal(filled_of(holed), blade)


def test_a_notch_in_the_side_stays_open() -> None:
    """It is open to the sky; so is one at a border that the blade does not cross."""
    notched = upright()
    notched[20:30, 45:60] = False
    np.testing.assert_array_equal(filled_of(notched), notched)
    at_the_border = canvas(np.s_[:, :40])
    at_the_border[20:30, :15] = False
    np.testing.assert_array_equal(filled_of(at_the_border), at_the_border)


def test_a_gap_between_two_blades_stays_open() -> None:
    two = canvas(np.s_[:, 10:35], np.s_[:, 45:70])
    assert not border_gaps(two).any()
    np.testing.assert_array_equal(filled_of(two), two)


def test_a_gap_too_wide_stays_open() -> None:
    """Two legs of 5 that meet: 15 is 1.5 times the blade there, 16 is more."""
    for width, closed in ((15, True), (16, False)):
        legs = canvas(np.s_[:, 20:25], np.s_[:, 25 + width : 30 + width], np.s_[40:45, 20:45])
        assert border_gaps(legs)[0].any() == closed


def test_a_gap_that_leads_out_through_the_side_stays_open() -> None:
    """Closing it would enclose nothing."""
    leaky = upright()
    leaky[:12, 30:45] = False
    leaky[6:9, 45:60] = False
    assert not border_gaps(leaky).any()
    np.testing.assert_array_equal(filled_of(leaky), leaky)


def test_a_border_with_hardly_any_blade_is_not_crossed() -> None:
    wide = np.zeros((100, 1000), bool)
    wide[20:, 400:600] = True
    wide[:20, 500:504] = wide[:20, 506:510] = True  # 8 of 1000 on the upper border
    assert not border_gaps(wide)[0].any()
    wide[:20, 498:500] = wide[:20, 510:512] = True  # 12 of 1000
    assert border_gaps(wide)[0].any()


def test_a_region_over_a_fifth_of_the_picture_is_not_filled() -> None:
    frame = canvas(np.s_[5:55, 5:85])
    for rows, filled in ((12, True), (40, False)):
        ring = frame.copy()
        ring[10 : 10 + rows, 10:80] = False  # 70 wide: 12 rows are 0.16, 40 rows 0.52
        assert filled_of(ring)[15, 40] == filled


@pytest.mark.parametrize("mask", [np.zeros((H, W), bool), np.ones((H, W), bool)])
def test_nothing_and_everything_stay_as_they_are(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(filled_of(mask), mask)


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_the_law(mask: np.ndarray) -> None:
    """Blade stays blade; what no border touches is filled as everyone fills it, if it is small."""
    filled = filled_of(mask)
    assert not (mask & ~filled).any()
    enclosed = ndimage.binary_fill_holes(mask) & ~mask
    if enclosed.sum() <= 0.2 * mask.size:
        assert filled[enclosed].all()
    gaps = border_gaps(mask)
    assert not gaps[1:-1, 1:-1].any()
    assert not (gaps & mask).any()
    assert ndimage.binary_fill_holes(mask | gaps)[filled].all()
