import numpy as np
import pytest
import torch

from models.networks.patches import (
    PATCH,
    by_quality,
    draw_qualities,
    from_patches,
    on_grid,
    patch_mse,
    to_patches,
)
from service.codec.rate_control import Rate


def test_patches_are_undone_and_in_raster_order():
    grid = torch.arange(2 * 3 * 32 * 48.0).reshape(2, 3, 32, 48)
    patches = to_patches(grid)
    assert torch.equal(patches[1], grid[0, :, :16, 16:32])
    assert torch.equal(patches[6 + 3], grid[1, :, 16:, :16])
    assert torch.equal(from_patches(patches, 2, 3), grid)


def test_a_patch_has_its_quality_and_its_error_where_it_lies():
    quality = torch.arange(6.0).reshape(1, 2, 3)
    assert torch.equal(to_patches(on_grid(quality)[:, None]).amax((1, 2, 3)), quality.flatten())
    rgb = torch.zeros(1, 3, 2 * PATCH, 3 * PATCH)
    rgb[:, :, PATCH:, 2 * PATCH :] = 3.0
    error = patch_mse(rgb, torch.zeros_like(rgb))
    assert error[0].tolist() == [[0, 0, 0], [0, 0, pytest.approx(9.0)]]


def test_qualities_are_coded_steps_and_two_valued():
    quality, top = draw_qualities(torch.zeros(64, 3, 2 * PATCH, 3 * PATCH))
    assert quality.shape == (64, 2, 3)
    assert quality.min() >= 0
    assert quality.max() <= 8
    assert torch.equal(quality * 64, (quality * 64).round())
    counts = [len(picture.unique()) for picture in quality]
    assert set(counts) == {1, 2}
    # What training draws is what an encoder chooses.
    mask = np.array([[True, False]])
    for picture, anchor in zip(quality, top.tolist(), strict=True):
        low, high = (int(64 * each) for each in (picture.min(), picture.max()))
        if low > 0:  # an encoder does not look at the base quality
            assert anchor == Rate(low, high).top_quality(mask)


def test_figures_are_sorted_by_quality():
    found = by_quality(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([1.0, 1.5, 7.2]))
    assert found == {"q1": 2.0, "q7": 5.0}
