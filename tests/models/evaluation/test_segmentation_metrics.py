import numpy as np
import pytest

from models.evaluation.segmentation_metrics import (
    Confusion,
    band_of,
    confusion,
    off_boundary,
    patches,
)


def half(rows: int, columns: int, blade: int) -> np.ndarray:
    """Blade left of a column."""
    mask = np.zeros((rows, columns), bool)
    mask[:, :blade] = True
    return mask


def test_every_measure_by_hand():
    counted = confusion(half(10, 10, 5), half(10, 10, 4))
    assert counted == Confusion(40, 10, 0, 50)
    assert counted.accuracy == pytest.approx(0.9)
    assert counted.recall == 1
    assert counted.f1 == pytest.approx(80 / 90)
    assert counted.miou == pytest.approx((40 / 50 + 50 / 60) / 2)


def test_a_picture_without_blade_has_an_accuracy_only():
    counted = confusion(half(10, 10, 1), half(10, 10, 0))
    assert (counted.recall, counted.f1) == (None, None)
    assert counted.accuracy == pytest.approx(0.9)
    # One class was never there: its union is what was mistaken for it.
    assert counted.miou == pytest.approx(0.45)
    assert confusion(half(10, 10, 0), half(10, 10, 0)).miou == 1


def test_a_picture_that_is_all_blade_has_no_background_to_average():
    assert confusion(half(4, 4, 4), half(4, 4, 4)).miou == 1
    assert confusion(half(4, 4, 3), half(4, 4, 4)).miou == pytest.approx((0.75 + 0) / 2)


@pytest.mark.parametrize("band", [1, 4])
def test_the_band_lies_on_both_sides_of_the_boundary(band):
    truth = half(30, 40, 20)
    inner = off_boundary(truth, band)
    assert not inner[:, 20 - band : 20 + band].any()
    assert inner[:, : 20 - band].all()
    assert inner[:, 20 + band :].all()


def test_errors_in_the_band_do_not_count():
    truth, found = half(30, 40, 20), half(30, 40, 23)
    inner = off_boundary(truth, 4)
    assert confusion(found, truth).f1 < 1
    assert confusion(found, truth, inner).f1 == 1
    assert confusion(half(30, 40, 26), truth, inner).f1 < 1


def test_the_border_of_the_picture_is_no_boundary():
    assert off_boundary(np.ones((20, 20), bool), 4).all()


def test_large_pictures_have_a_wider_band():
    assert band_of((1080, 1920)) == 4
    assert band_of((3456, 4608)) == 8


def test_a_patch_counts_once_a_pixel_of_it_is_blade():
    truth = np.zeros((600, 600), bool)
    truth[255:258, 100] = True  # one pixel in the upper patch, two in the lower
    found = np.zeros_like(truth)
    found[256, 100] = True
    counted = patches(found, truth, 0)
    assert (counted.blade, counted.found, counted.kept, counted.total) == (2, 1, 1, 9)
    assert counted.recall == 0.5
    # The margin reaches over the patches' border.
    assert patches(found, truth, 1).recall == 1


def test_patches_that_are_kept_for_nothing_are_counted():
    truth, found = half(512, 512, 10), half(512, 512, 300)
    counted = patches(found, truth, 0)
    assert (counted.blade, counted.found, counted.kept) == (2, 2, 4)
    assert counted.all_kept().kept == counted.total == 4


def test_without_blade_no_patch_can_be_missed():
    assert patches(half(300, 300, 5), half(300, 300, 0), 0).recall is None
