"""How many more bits one codec needs than another for the same quality."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

Curve = Sequence[tuple[float, float]]
"""(rate, quality) pairs: bits a pixel and PSNR in dB, in any order."""


def bd_rate(curve: Curve, anchor: Curve) -> float | None:
    """Bjontegaard's delta rate, in percent; negative where ``curve`` needs fewer bits.

    The logarithm of the rate is interpolated over quality by piecewise cubic Hermite polynomials
    (PCHIP, which never overshoots, unlike the cubic of VCEG-M33), and the mean difference is
    taken over the range of qualities that both curves reach.

    Parameters
    ----------
    curve, anchor
        Any number of points each.

    Returns
    -------
    float or None
        None where the curves share no range of qualities.
    """
    ours, theirs = _points(curve), _points(anchor)
    if len(ours) < 2 or len(theirs) < 2:
        return None
    low = max(min(ours), min(theirs))
    high = min(max(ours), max(theirs))
    if low >= high:
        return None
    areas = [
        PchipInterpolator(list(points), np.log(list(points.values()))).integrate(low, high)
        for points in (ours, theirs)
    ]
    return 100 * math.expm1(float(areas[0] - areas[1]) / (high - low))


def _points(curve: Curve) -> dict[float, float]:
    """Rate by rising quality; of equal qualities the cheapest."""
    best: dict[float, float] = {}
    for rate, quality in curve:
        best[quality] = min(rate, best.get(quality, rate))
    return dict(sorted(best.items()))
