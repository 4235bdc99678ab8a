import math

import pytest

from models.evaluation.bjontegaard import bd_rate

ANCHOR = [(0.1, 27.0), (0.25, 30.5), (0.6, 33.0), (1.1, 36.5), (2.0, 39.0)]


@pytest.mark.parametrize("percent", [10.0, -10.0, 75.0])
def test_a_curve_of_so_many_percent_more_bits_has_that_rate(percent):
    curve = [(rate * (1 + percent / 100), quality) for rate, quality in ANCHOR]
    assert bd_rate(curve, ANCHOR) == pytest.approx(percent, rel=1e-12)


def test_turning_the_question_round_inverts_the_ratio():
    curve = [(0.2, 28.0), (0.5, 31.0), (1.5, 38.0)]
    there, back = bd_rate(curve, ANCHOR), bd_rate(ANCHOR, curve)
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1)


def test_straight_lines_are_compared_on_their_shared_range_alone():
    # log rate a + b q against c + d q: the mean difference is that at the middle of the range.
    ours = [(math.exp(-6 + 0.15 * q), q) for q in (26.0, 30.0, 31.0, 36.0)]
    theirs = [(math.exp(-7 + 0.20 * q), q) for q in (30.0, 33.0, 34.0, 42.0)]
    middle = (30 + 36) / 2
    expected = 100 * math.expm1(1 - 0.05 * middle)
    assert bd_rate(ours, theirs) == pytest.approx(expected)


def test_points_may_come_in_any_order_and_repeat():
    shuffled = [ANCHOR[2], ANCHOR[0], ANCHOR[4], ANCHOR[1], ANCHOR[3], (1.3, 36.5)]
    assert bd_rate(shuffled, ANCHOR) == pytest.approx(0)


@pytest.mark.parametrize(
    "curve", [[], [(0.5, 31.0)], [(0.5, 31.0), (0.6, 31.0)], [(3.0, 39.0), (4.0, 45.0)]]
)
def test_without_a_shared_range_there_is_no_figure(curve):
    assert bd_rate(curve, ANCHOR) is None
    assert bd_rate(ANCHOR, curve) is None
