"""The inverse transform: near the exact one, in the right places, unmoved by damage."""

import warnings

import numpy as np
import pytest
from scipy.fft import dctn, idctn

from service.codec.inverse_dct import samples_of_blocks

ONES = np.ones(64, np.uint8)


def test_it_is_within_one_of_the_exact_transform():
    rng = np.random.default_rng(5)
    samples = rng.integers(0, 256, (40, 1, 8, 8)).astype(float)
    steps = rng.integers(1, 12, 64).astype(np.uint8)
    exact = dctn(samples - 128, axes=(2, 3), norm="ortho").reshape(40, 1, 64)
    coefficients = np.rint(exact / steps).astype(np.int16)
    again = idctn((coefficients * steps.astype(float)).reshape(40, 8, 8), axes=(1, 2), norm="ortho")
    found = samples_of_blocks(coefficients, steps)
    assert found.shape == (320, 8)
    assert found.dtype == np.uint8
    off = found.reshape(40, 8, 8) - np.clip(again + 128, 0, 255)
    assert np.abs(off).max() < 0.6  # a half for rounding, and a little for constants of 13 bits
    assert abs(off.mean()) < 0.02


@pytest.mark.parametrize(
    ("dc", "step", "sample"),
    [
        (0, 1, 128),
        (3, 1, 128),
        (4, 1, 129),
        (-4, 1, 128),
        (-5, 1, 127),
        (8, 10, 138),
        (2, 255, 192),
    ],
)
def test_a_flat_block_rounds_halves_up(dc, step, sample):
    block = np.zeros((1, 1, 64), np.int32)
    block[..., 0] = dc
    assert (samples_of_blocks(block, np.full(64, step, np.uint8)) == sample).all()


@pytest.mark.parametrize(("dc", "sample"), [(2000, 255), (-2000, 0), (9000, 255), (-9000, 0)])
def test_samples_are_limited(dc, sample):
    block = np.zeros((1, 1, 64), np.int32)
    block[..., 0] = dc
    assert (samples_of_blocks(block, ONES) == sample).all()


def test_frequencies_are_in_natural_order_and_have_their_own_steps():
    across, down = np.zeros((2, 1, 1, 64), np.int32)
    across[..., 1] = down[..., 8] = 10
    steps = ONES.copy()
    steps[1] = steps[8] = 10
    of_across, of_down = samples_of_blocks(across, steps), samples_of_blocks(down, steps)
    assert (of_across == of_across[:1]).all()
    assert of_across[0, 0] == 128 + round(100 / 8 * 2**0.5 * np.cos(np.pi / 16))
    assert np.array_equal(of_across.T, of_down)


def test_blocks_lie_where_they_belong():
    blocks = np.zeros((2, 3, 4, 64), np.int32)
    blocks[..., 0] = 8 * np.arange(24).reshape(2, 3, 4)
    found = samples_of_blocks(blocks, ONES)
    assert found.shape == (2, 24, 32)
    assert np.array_equal(found, (128 + np.arange(24).reshape(2, 3, 4)).repeat(8, 1).repeat(8, 2))


def test_damaged_coefficients_give_samples_and_no_warnings():
    rng = np.random.default_rng(6)
    wild = rng.integers(-32768, 32768, (5, 4, 64)).astype(np.int32)
    wild[0] = rng.choice([-32768, 32767], (4, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = samples_of_blocks(wild, np.full(64, 255, np.uint8))
    assert found.shape == (40, 32)
    assert found.dtype == np.uint8
