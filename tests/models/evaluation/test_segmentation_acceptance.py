import numpy as np
import pytest

from models.evaluation.segmentation_acceptance import acceptance_curve


def test_the_ratio_is_the_share_above_each_threshold():
    curve = acceptance_curve([0.9, 0.5, 0.9, 1.0])
    assert curve.thresholds == (0.5, 0.9, 0.9, 1.0)
    assert curve.ratios == (1.0, 0.75, 0.5, 0.25, 0.0)


def test_the_area_is_the_mean():
    values = np.random.default_rng(0).uniform(size=200).tolist()
    assert acceptance_curve(values).area == pytest.approx(np.mean(values), abs=1e-12)
    for value in (0.0, 0.25, 1.0):
        assert acceptance_curve([value]).area == value


@pytest.mark.parametrize("values", [[], [1.01], [-0.1, 0.5], [float("nan")]])
def test_what_is_no_share_is_refused(values):
    with pytest.raises(ValueError, match="0 to 1"):
        acceptance_curve(values)
