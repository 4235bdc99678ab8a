import numpy as np
import pytest
import torch
from torch import nn

from models.export.platt import UNCHANGED, Platt, fit_platt, fit_to_pictures


def drawn(slope, offset, count=200_000):
    """Logits, and pixels that are blade as often as slope and offset say."""
    rng = np.random.default_rng(0)
    logit = rng.normal(-0.5, 1.0, count)
    chance = 1 / (1 + np.exp(-(slope * logit + offset)))
    return logit, rng.random(count) < chance


@pytest.mark.parametrize("truth", [Platt(1.0, 0.0), Platt(3.0, -1.6), Platt(0.4, 2.0)])
def test_slope_and_offset_are_found_again(truth):
    assert fit_platt(*drawn(*truth)) == pytest.approx(truth, abs=0.05)


def test_classes_that_do_not_overlap_leave_a_finite_slope():
    logit = np.array([-2.0, -1.0, 1.0, 2.0])
    slope, offset = fit_platt(logit, logit > 0)
    assert 1 < slope < 1e3
    assert abs(offset) < 1e-6


def test_a_network_that_is_sure_of_wrong_labels_learns_to_doubt():
    logit, blade = np.repeat([-30.0, 30.0], 1000), np.arange(2000) >= 1000
    wrong = np.arange(2000) % 100 == 0
    # One label in a hundred is wrong on either side: the odds are 99 to 1 at logit 30.
    assert fit_platt(logit, blade ^ wrong) == pytest.approx((np.log(99) / 30, 0.0), abs=1e-4)


def test_one_kind_of_pixel_is_refused():
    with pytest.raises(ValueError, match="one kind"):
        fit_platt(np.zeros(3), np.ones(3, bool))


class Brightness(nn.Module):
    """A logit that rises by one for every 50 levels of grey above 100."""

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        return (rgb.mean(1, keepdim=True) - 100) / 50


def test_pictures_give_their_pixels():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (2, 512, 768, 1))
    chance = 1 / (1 + np.exp(-(2 * (grey - 100) / 50 - 1)))
    blade = (rng.random(grey.shape) < chance) * 255
    pairs = np.concatenate([grey, grey, grey, blade], 3).astype(np.uint8)
    found = fit_to_pictures(Brightness(), [pairs[:1], pairs[1:]])
    assert found == pytest.approx((2.0, -1.0), abs=0.1)


def test_without_blade_nothing_is_changed():
    assert fit_to_pictures(Brightness(), []) == UNCHANGED
    assert fit_to_pictures(Brightness(), [np.zeros((1, 8, 8, 4), np.uint8)]) == UNCHANGED
