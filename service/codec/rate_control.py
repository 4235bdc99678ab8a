"""Meeting a size: the background gives way first, then the blade."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.codec.container.layout import MAX_TOP_QUALITY
from service.codec.options import (
    BASE_QUALITY64,
    HIGHEST_QUALITY,
    LOWEST_QUALITY,
    QUALITY_STEPS,
    Checkpoint,
)
from service.errors import TargetUnreachable

TOLERANCE = 0.03  # the file is at least this near below its target
SAMPLE = 64  # patches that stand for a large picture while searching
GUESSES = 4  # sizes that are looked at before the search halves what is left
LARGEST_TARGET = 2**60  # beyond any file, and still a number for logarithms

_LOW = int(LOWEST_QUALITY * QUALITY_STEPS)
_HIGH = int(HIGHEST_QUALITY * QUALITY_STEPS)
_SLOPES = (0.0005, 0.05)  # of a size's logarithm, a step: what is believed


@dataclass(frozen=True)
class Rate:
    """Qualities of background and blade in steps of 1/64, and a bound of the upper level's."""

    background64: int
    blade64: int
    highest_top: int = MAX_TOP_QUALITY

    def quality_map(self, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Quality of each patch, (rows, columns)."""
        return np.where(mask, self.blade64, self.background64).astype(np.int32)

    def top_quality(self, mask: NDArray[np.bool_]) -> int:
        """Anchor of the upper level's gain: the whole quality nearest to the lowest there is.

        ``mask`` is (rows, columns) of patches.

        What lies below lossless streams does not count: nobody looks at it.
        """
        quality = self.quality_map(mask)
        lowest = int(quality[quality != BASE_QUALITY64].min())
        return min((lowest + QUALITY_STEPS // 2) // QUALITY_STEPS, self.highest_top)


class Job(Protocol):
    """A picture that can be coded at any rate (``jobs.LossyJob``)."""

    def code(self, rate: Rate, checkpoint: Checkpoint) -> bytes:
        """The whole file."""

    def estimate(self, rate: Rate, numbers: list[int], checkpoint: Checkpoint) -> float:
        """Bytes of the whole file, from some patches; exact if these are all."""


class Ladder:
    """All rates of a picture on one line, size rising from step to step.

    First the blade climbs from the lowest quality to the one asked for while the background
    stays lowest; then the background climbs to the highest, and lifts the blade with it. Where
    there is nothing but blade, or none, the one quality there is climbs. A blade at the base
    quality, below its lossless streams, stays there.
    """

    def __init__(self, blade64: int, mask: NDArray[np.bool_]) -> None:
        self._at_base = blade64 == BASE_QUALITY64
        mixed = mask.any() and not mask.all() and not self._at_base
        self._blade = blade64 if mixed else _LOW
        self._knee = self._blade - _LOW
        self.top = self._knee + (_HIGH - _LOW)

    def rate(self, step: int, highest_top: int = MAX_TOP_QUALITY) -> Rate:
        """Qualities at a step, 0 to ``top``."""
        background = _LOW + max(step - self._knee, 0)
        if self._at_base:
            return Rate(background, BASE_QUALITY64, highest_top)
        return Rate(background, max(min(_LOW + step, self._blade), background), highest_top)


def meet_target(
    job: Job,
    wanted: Rate,
    mask: NDArray[np.bool_],
    target: int,
    checkpoint: Checkpoint,
    fixed: int = 0,
) -> tuple[Rate, bytes]:
    """The best rate whose whole file is at most ``target`` bytes.

    Searched on a sample of patches, then settled on whole files, of which few are made: the
    sample is seldom wrong by more than the tolerance. More than the highest quality needs is
    answered with the highest quality. ``mask`` is (rows, columns) of patches. ``fixed`` bytes of
    every file are the same at all rates; the tolerance is that of the rest.

    Raises
    ------
    TargetUnreachable
        Even the lowest qualities need more; ``minimum_bytes`` says how much.
    """
    ladder = Ladder(wanted.blade64, mask)
    search = Search(min(max(target - fixed, 1), LARGEST_TARGET), ladder.top)
    numbers = _sample(mask)
    files: dict[Rate, bytes] = {}

    def estimate(step: int) -> float:
        return job.estimate(ladder.rate(step), numbers, checkpoint) - fixed

    def size(step: int, highest_top: int = MAX_TOP_QUALITY) -> float:
        rate = ladder.rate(step, highest_top)
        if rate not in files:
            files[rate] = job.code(rate, checkpoint)
        return len(files[rate]) - fixed

    start = search.highest_within(estimate, ladder.top // 2)
    step = search.highest_within(size, max(start, 0))
    if step < 0:
        minimum = len(files[ladder.rate(0)])
        raise TargetUnreachable(
            f"{target} bytes are too few: this picture needs {minimum}.", minimum_bytes=minimum
        )
    rate = ladder.rate(step)
    if step < ladder.top and not search.near(len(files[rate]) - fixed):
        # The upper level's gain moves by whole qualities, and one such move can be worth more
        # than the tolerance: leave it where it is, and let the patches alone climb on.
        held = rate.top_quality(mask)
        step = search.highest_within(lambda step: size(step, held), step)
        rate = ladder.rate(step, held)
    return rate, files[rate]


class Search:
    """Looks along a ladder for a size; what it learns of the slope serves the next search.

    Parameters
    ----------
    target
        Bytes.
    top
        Highest step; the lowest is 0.
    """

    def __init__(self, target: int, top: int) -> None:
        self._target = target
        self._top = top
        self._slope = 0.0055  # of a size's logarithm, a step; usual for a whole picture

    def near(self, size: float) -> bool:
        """Whether a size meets the target."""
        return (1 - TOLERANCE) * self._target <= size <= self._target

    def highest_within(self, size: Callable[[int], float], start: int) -> int:
        """A step whose size is within the tolerance below the target.

        If there is none, a step that fits with one above it that does not: the top if that fits,
        -1 if 0 does not. The answer was asked of ``size``, and 0 before an answer of -1. A secant
        on the logarithm of the size, which is nearly straight; then bisection, so that at most
        GUESSES + log2(top) sizes are asked for.
        """
        aim = math.log(self._target * (1 - TOLERANCE / 2))
        fits, exceeds, step = -1, self._top + 1, start
        last: tuple[int, float] | None = None
        for asked in count(1):
            found = size(step)
            log = math.log(found)
            if found > self._target:
                exceeds = step
            else:
                fits = step
            if exceeds - fits == 1 or self.near(found):
                break
            if last is not None:
                slope = (log - last[1]) / (step - last[0])
                self._slope = min(max(slope, _SLOPES[0]), _SLOPES[1])
            last = step, log
            jump = round((aim - log) / self._slope)
            step = min(max(step + jump, fits + 1), exceeds - 1)
            if asked >= GUESSES:
                step = (fits + exceeds) // 2
        return fits


def _sample(mask: NDArray[np.bool_]) -> list[int]:
    """Numbers of evenly spread patches, blade and background in their shares."""
    order = np.argsort(~mask.ravel(), kind="stable")
    size = min(SAMPLE, mask.size)
    chosen = ((np.arange(size) + 0.5) * mask.size / size).astype(int)
    return sorted(order[chosen].tolist())
