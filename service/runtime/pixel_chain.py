"""Lossless patches, level by level: which table each value is coded with, given those before it.

Encoder and decoder take the same walk, so they see the same tables: the encoder answers each step
with the symbols that lead to its pixels, the decoder with those it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.runtime.lossless_model import COMPONENTS, FRACTIONS, SCALES, PixelModel
from service.runtime.sessions import Session

PATCH = 256
LEVELS = 6
PHASES = ("d", "b", "c")
_OFFSETS = {"a": (0, 0), "d": (1, 1), "b": (0, 1), "c": (1, 0)}  # row, column in the 2x2 cell
_START_CENTRES = (128, 0, 0)
_LOWEST = np.array((0, -255, -255), np.int32)
_HIGHEST = np.array((255, 255, 255), np.int32)
_RUN_POSITIONS = 128 * 128  # a run's activations should fit a CPU's caches


@dataclass(frozen=True)
class Step:
    """One coding step: a component of a phase of a level, over all patches.

    Attributes
    ----------
    level
        5 the coarsest, coded first, to 0.
    phase
        "a" for the start (4x4 values of the coarsest picture, level 5 alone), else "d", "b", "c".
    component
        0 Y, 1 Co, 2 Cg.
    """

    level: int
    phase: str
    component: int


Code = Callable[[Step, NDArray[np.int32], NDArray[np.uint8]], NDArray[np.int32]]
"""(step, centres (P, h, w), tables (P, h, w)) -> symbols (P, h, w): value less centre."""


def slice_of(step: Step) -> tuple[slice, slice, slice, int]:
    """Where a step's values (P, h, w) lie in (P, 256, 256, 3)."""
    row, column = _OFFSETS[step.phase]
    unit, stride = 2**step.level, 2 ** (step.level + 1)
    rows, columns = slice(row * unit, None, stride), slice(column * unit, None, stride)
    return slice(None), rows, columns, step.component


def steps(grey: bool) -> Iterator[Step]:
    """All steps in coding order."""
    components = range(1 if grey else COMPONENTS)
    for level in reversed(range(LEVELS)):
        for phase in ("a", *PHASES) if level == LEVELS - 1 else PHASES:
            for component in components:
                yield Step(level, phase, component)


class PixelChain:
    """The walk through P patches.

    Parameters
    ----------
    model
        Networks and tables for the colours that the values are.
    patches
        Number of patches P, all coded alike and each on its own.
    grey
        Co and Cg are 0 and not coded.
    """

    def __init__(self, model: PixelModel, patches: int, grey: bool) -> None:
        self._model = model
        self._components = 1 if grey else COMPONENTS
        self._values = np.zeros((patches, PATCH, PATCH, COMPONENTS), np.int32)

    def walk(self, code: Code) -> NDArray[np.int32]:
        """Go through all steps.

        Returns
        -------
        NDArray[np.int32]
            (P, 256, 256, 3) values that the symbols stand for. Symbols that lead out of
            the values' range (only a damaged stream has such) are clipped to it.

        Raises
        ------
        ModelUnavailable
            A network failed.
        """
        self._values[:] = 0
        for component in range(self._components):
            step = Step(LEVELS - 1, "a", component)
            shape = self._values[slice_of(step)].shape
            centres = np.full(shape, _START_CENTRES[component], np.int32)
            tables = np.full(shape, self._model.start_tables[component], np.uint8)
            self._settle(step, centres, code(step, centres, tables))
        for level in reversed(range(LEVELS)):
            self._level(level, code)
        return self._values

    def _settle(
        self, step: Step, centres: NDArray[np.int32], symbols: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Write a step's values; the symbols that they stand for, as a network sees them."""
        low, high = _LOWEST[step.component], _HIGHEST[step.component]
        values = np.clip(centres.astype(np.int64) + symbols, low, high).astype(np.int32)
        self._values[slice_of(step)] = values
        seen: NDArray[np.float32] = (values - centres).astype(np.float32)
        return seen

    def _level(self, level: int, code: Code) -> None:
        networks = self._model.network(level)
        planes = {"a": self._plane(level, "a")}
        feeds = {"coarse": planes["a"].astype(np.float32)}
        for phase, session in zip(PHASES, networks.phases, strict=True):
            base = predict(phase, planes)
            answers = _run(session, feeds)
            index = answers.pop("index")
            symbols: list[NDArray[np.float32]] = []
            for component in range(self._components):
                if component:
                    seen = np.stack(symbols, -1)
                    hidden = answers[f"hidden_{component}"]
                    chroma = networks.chroma[component - 1]
                    index = _run(chroma, {"hidden": hidden, "symbols": seen})["index"]
                step = Step(level, phase, component)
                centres, tables = centres_and_tables(base[..., component], index)
                symbols.append(self._settle(step, centres, code(step, centres, tables)))
            planes[phase] = self._plane(level, phase)
            if "next_state" in answers:
                residual = (planes[phase] - base).astype(np.float32)
                feeds = {"state": answers["next_state"], "residual": residual}

    def _plane(self, level: int, phase: str) -> NDArray[np.int32]:
        patches, rows, columns, _ = slice_of(Step(level, phase, 0))
        return np.ascontiguousarray(self._values[patches, rows, columns])


def predict(phase: str, planes: dict[str, NDArray[np.int32]]) -> NDArray[np.int32]:
    """Prediction of a phase (P, h, w, 3) from its four nearest neighbours, edges repeated.

    d from four of a; b and c from two of a and two of d.
    """
    a = planes["a"]
    if phase == "d":
        below = _moved(a, 1, 0)
        total = a + below + _moved(a, 0, 1) + _moved(below, 0, 1)
    elif phase == "b":
        total = a + _moved(a, 0, 1) + planes["d"] + _moved(planes["d"], -1, 0)
    else:
        total = a + _moved(a, 1, 0) + planes["d"] + _moved(planes["d"], 0, -1)
    return (total + 2) >> 2


def centres_and_tables(
    base: NDArray[np.int32], index: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """What a network's answer (P, h, w, 2) means, given the prediction (P, h, w)."""
    mean16 = 16 * base + index[..., 0].astype(np.int32)
    scale = np.clip(index[..., 1].astype(np.int32) >> 4, 0, SCALES - 1)
    fraction = (mean16 & 15) // (16 // FRACTIONS)
    return mean16 >> 4, (scale * FRACTIONS + fraction).astype(np.uint8)


def _moved(x: NDArray[np.int32], rows: int, columns: int) -> NDArray[np.int32]:
    """x[:, i + rows, j + columns], edges repeated; one of both is 1 or -1, the other 0."""
    moved = np.empty_like(x)
    if rows == 1:
        moved[:, :-1], moved[:, -1] = x[:, 1:], x[:, -1]
    elif rows == -1:
        moved[:, 1:], moved[:, 0] = x[:, :-1], x[:, 0]
    elif columns == 1:
        moved[:, :, :-1], moved[:, :, -1] = x[:, :, 1:], x[:, :, -1]
    else:
        moved[:, :, 1:], moved[:, :, 0] = x[:, :, :-1], x[:, :, 0]
    return moved


def _run(session: Session, feeds: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Run a network on a few patches at a time."""
    patches, height, width, _ = next(iter(feeds.values())).shape
    count = max(1, _RUN_POSITIONS // (height * width))
    parts = [
        session.run(**{name: array[start : start + count] for name, array in feeds.items()})
        for start in range(0, patches, count)
    ]
    joined = parts[0]
    if len(parts) > 1:
        joined = [np.concatenate(each) for each in zip(*parts, strict=True)]
    return dict(zip(session.outputs, joined, strict=True))
