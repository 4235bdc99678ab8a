"""Acceptance-ratio curves: how many pictures are good enough (paper roi-eml, section VII-A)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class AcceptanceCurve:
    """Share of pictures whose value is above a threshold, for every threshold from 0 to 1.

    A staircase: the ratio is ``ratios[0]`` = 1 below ``thresholds[0]``, the smallest value, and
    ``ratios[n]`` from ``thresholds[n - 1]`` on.
    """

    thresholds: tuple[float, ...]
    ratios: tuple[float, ...]

    @property
    def area(self) -> float:
        """Area under the curve from 0 to 1."""
        edges = (0.0, *self.thresholds, 1.0)
        return math.fsum(
            (right - left) * ratio
            for left, right, ratio in zip(edges[:-1], edges[1:], self.ratios, strict=True)
        )


def acceptance_curve(values: Sequence[float]) -> AcceptanceCurve:
    """The curve of one value a picture.

    Parameters
    ----------
    values
        From 0 to 1, at least one.

    Raises
    ------
    ValueError
        There is none, or one is not from 0 to 1.
    ArithmeticError
        The area is not the mean of the values (equation 5 of the paper).
    """
    if not values or not all(0 <= value <= 1 for value in values):
        raise ValueError("an acceptance-ratio curve needs values from 0 to 1")
    thresholds = tuple(sorted(values))
    count = len(thresholds)
    curve = AcceptanceCurve(thresholds, tuple((count - n) / count for n in range(count + 1)))
    if not math.isclose(curve.area, fmean(values), abs_tol=1e-9):
        raise ArithmeticError(f"area {curve.area} of a curve whose mean is {fmean(values)}")
    return curve
