"""Upsampling, against its rules sample by sample."""

import numpy as np
import pytest

from service.codec.chroma_upsampling import is_fancy, repeated, upsampled


@pytest.fixture
def framed():
    return np.random.default_rng(3).integers(0, 256, (2, 5, 7)).astype(np.int16)


def test_a_sample_for_two_pixels(framed):
    found = upsampled(framed, (2, 1))
    assert found.shape == (2, 3, 10)
    for n, row, column in np.ndindex(found.shape):
        near = framed[n, row + 1, column // 2 + 1]
        far = framed[n, row + 1, column // 2 + (2 if column % 2 else 0)]
        assert found[n, row, column] == (3 * near + far + 1 + column % 2) // 4


def test_a_sample_for_four_pixels(framed):
    found = upsampled(framed, (2, 2))
    assert found.shape == (2, 6, 10)
    for n, row, column in np.ndindex(found.shape):
        sums = 3 * framed[n, row // 2 + 1] + framed[n, row // 2 + (2 if row % 2 else 0)]
        near, far = sums[column // 2 + 1], sums[column // 2 + (2 if column % 2 else 0)]
        assert found[n, row, column] == (3 * near + far + 8 - column % 2) // 16


@pytest.mark.parametrize("sampling", [(2, 1), (2, 2)])
def test_the_highest_samples_do_not_overflow(sampling):
    assert (upsampled(np.full((2, 5, 7), 255, np.int16), sampling) == 255).all()


def test_narrow_pictures_repeat():
    samples = np.array([[[1, 2], [3, 4]]], np.int16)
    assert repeated(samples, (2, 1)).tolist() == [[[1, 1, 2, 2], [3, 3, 4, 4]]]
    assert repeated(samples, (2, 2)).tolist() == [[[1, 1, 2, 2]] * 2 + [[3, 3, 4, 4]] * 2]
    assert np.array_equal(repeated(samples, (1, 1)), samples)


def test_which_pictures_are_narrow():
    assert [is_fancy(width, (2, 2)) for width in (1, 2, 3)] == [False, False, True]
    assert is_fancy(3, (2, 1))
    assert not is_fancy(1000, (1, 1))
