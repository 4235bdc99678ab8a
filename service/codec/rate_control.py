"""Meeting a size: the background gives way first, then the blade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.codec.options import HIGHEST_QUALITY, LOWEST_QUALITY, QUALITY_STEPS, Checkpoint
from service.errors import TargetUnreachable

TOLERANCE = 0.03  # the file is at least this near below its target
SAMPLE = 96  # patches that stand for a large picture while searching
ROUNDS = 8

_LOW = int(LOWEST_QUALITY * QUALITY_STEPS)
_HIGH = int(HIGHEST_QUALITY * QUALITY_STEPS)


@dataclass(frozen=True)
class Rate:
    """Qualities of background and blade in steps of 1/64."""

    background64: int
    blade64: int

    def quality_map(self, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Quality of each patch, (rows, columns)."""
        return np.where(mask, self.blade64, self.background64).astype(np.int32)


class Job(Protocol):
    """A picture that can be coded at any rate (``encoder._Job``)."""

    def code(self, rate: Rate, checkpoint: Checkpoint) -> bytes: ...

    def size_of(
        self, rate: Rate, numbers: list[int], checkpoint: Checkpoint
    ) -> tuple[int, int]: ...


class Ladder:
    """All rates of a picture on one line, size rising from step to step.

    First the blade climbs from the lowest quality to the one asked for while the background
    stays lowest; then the background climbs to the highest, and lifts the blade with it.
    """

    def __init__(self, blade64: int, mask: NDArray[np.bool_]) -> None:
        self._blade = blade64 if mask.any() else _LOW
        self._knee = self._blade - _LOW
        self.top = self._knee + (_HIGH - _LOW)

    def rate(self, step: int) -> Rate:
        """Qualities at a step, 0 to ``top``."""
        if step <= self._knee:
            return Rate(_LOW, _LOW + step)
        background = _LOW + step - self._knee
        return Rate(background, max(self._blade, background))


def meet_target(
    job: Job,
    wanted: Rate,
    mask: NDArray[np.bool_],
    target: int,
    checkpoint: Checkpoint,
) -> tuple[Rate, bytes]:
    """The best rate whose whole file is at most ``target`` bytes.

    The size is searched on a sample of patches, then settled on whole files. More than the
    highest quality needs is answered with the highest quality.

    Raises
    ------
    TargetUnreachable
        Even the lowest qualities need more; ``minimum_bytes`` says how much.
    """
    ladder = Ladder(wanted.blade64, mask)
    numbers = _sample(mask)
    scale = mask.size / len(numbers)

    def estimate(step: int) -> float:
        patches, fixed = job.size_of(ladder.rate(step), numbers, checkpoint)
        return fixed + patches * scale

    step = _highest_within(estimate, ladder.top, target)
    best: tuple[int, bytes] | None = None
    too_large = ladder.top + 1
    for _ in range(ROUNDS):
        data = job.code(ladder.rate(step), checkpoint)
        if len(data) > target:
            if step == 0:
                raise TargetUnreachable(
                    f"{target} bytes are too few: this picture needs {len(data)}.",
                    minimum_bytes=len(data),
                )
            too_large = min(too_large, step)
        elif best is None or step > best[0]:
            best = (step, data)
        floor = best[0] if best else -1
        near = best is not None and len(best[1]) >= (1 - TOLERANCE) * target
        if near or floor + 1 >= too_large:
            break
        # About 2.3 % of size a sixteenth of q, so 0.6 % a step.
        jump = int(np.log(target * (1 - TOLERANCE / 3) / len(data)) / 0.006)
        step = min(max(step + jump, floor + 1), too_large - 1)
    else:
        if best is None:
            best = (0, job.code(ladder.rate(0), checkpoint))
    if best is None or len(best[1]) > target:
        data = job.code(ladder.rate(0), checkpoint)
        if len(data) > target:
            raise TargetUnreachable(
                f"{target} bytes are too few: this picture needs {len(data)}.",
                minimum_bytes=len(data),
            )
        best = (0, data)
    return ladder.rate(best[0]), best[1]


def _sample(mask: NDArray[np.bool_]) -> list[int]:
    """Numbers of evenly spread patches, blade and background in their shares."""
    order = np.argsort(~mask.ravel(), kind="stable")
    count = min(SAMPLE, mask.size)
    chosen = (np.arange(count) + 0.5) * mask.size / count
    return sorted(int(order[int(position)]) for position in chosen)


def _highest_within(estimate, top: int, target: int) -> int:  # type: ignore[no-untyped-def]
    """The highest step whose estimate is within the target, by bisection; 0 if none is."""
    low, high = 0, top
    while low < high:
        middle = (low + high + 1) // 2
        if estimate(middle) <= target:
            low = middle
        else:
            high = middle - 1
    return low
