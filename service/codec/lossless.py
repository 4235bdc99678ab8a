"""Blade patches bit for bit: one ANS stack a patch, all advancing together.

Encoder and decoder walk the same chain (``PixelChain``): it tells a step's centres and tables, and
is told the step's symbols. Encoding answers with the symbols that lead to the picture and keeps
them for the stacks, which take them backwards; decoding pops them. docs/FORMAT.md, section 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.colour import HIGHEST, LOWEST, from_ycocg, to_ycocg
from service.codec.container.layout import RAW_CHECK_BYTES, LosslessStream
from service.codec.grid import Grid
from service.codec.integrity import crc32c
from service.codec.patch_mask import PATCH
from service.errors import BadStream
from service.runtime.lossless_model import LosslessModel
from service.runtime.pixel_chain import PixelChain, Step, slice_of

BATCH = 8  # patches that run through the networks together

Samples = NDArray[np.uint8]
_Integers = NDArray[np.int32]
_Tables = NDArray[np.uint8]


class LosslessCoder:
    """Codes blade patches of one picture with one model.

    Parameters
    ----------
    model
        The lossless model.
    grid
        The picture's geometry.
    grey
        Whether the picture has one channel.
    """

    def __init__(self, model: LosslessModel, grid: Grid, grey: bool) -> None:
        self._model = model
        self._grid = grid
        self._grey = grey

    def encode(self, pixels: Samples, numbers: Sequence[int]) -> list[LosslessStream]:
        """Streams of some patches of a picture (H, W, 3) or (H, W)."""
        samples = [np.ascontiguousarray(pixels[self._grid.patch(n).slices]) for n in numbers]
        extents = [Extent(*part.shape[:2]) for part in samples]
        truth = np.zeros((len(numbers), PATCH, PATCH, 3), np.int32)
        for patch, part in enumerate(samples):
            values = part[..., None] * np.array([1, 0, 0]) if self._grey else to_ycocg(part)
            truth[patch, : part.shape[0], : part.shape[1]] = values
        coded: list[list[tuple[_Integers, _Tables]]] = [[] for _ in numbers]

        def code(step: Step, centre: _Integers, tables: _Tables) -> _Integers:
            values = truth[slice_of(step)].copy()
            settle(step, centre, values, extents)
            symbols = values - centre
            for patch, extent in enumerate(extents):
                inside = extent.inside(step)
                coded[patch].append((symbols[patch][inside].ravel(), tables[patch][inside].ravel()))
            return symbols

        PixelChain(self._model, len(numbers), self._grey).walk(code)
        return [self._pack(*pair) for pair in zip(samples, coded, strict=True)]

    def decode(
        self, streams: Sequence[tuple[bytes | memoryview, bool]], numbers: Sequence[int]
    ) -> list[Samples | None]:
        """Samples of some patches from their streams (data, raw); mirrors ``encode``.

        Returns
        -------
        list[NDArray[np.uint8] | None]
            (h, w, 3) or (h, w), what of the patch lies within the picture; None if it is damaged.
        """
        shapes = [self._shape(number) for number in numbers]
        found: list[Samples | None] = [None] * len(numbers)
        stacks: list[Stack] = []
        live: list[int] = []
        for patch, (data, raw) in enumerate(streams):
            if raw:
                found[patch] = unpack_raw(data, shapes[patch])
                continue
            try:
                stacks.append(Stack.from_bytes(data))
                live.append(patch)
            except BadStream:
                continue
        if not live:
            return found
        extents = [Extent(*shapes[patch][:2]) for patch in live]
        sound = [True] * len(live)

        def code(step: Step, centre: _Integers, tables: _Tables) -> _Integers:
            values = centre.copy()
            for patch, extent in enumerate(extents):
                inside = extent.inside(step)
                chosen = tables[patch][inside]
                try:
                    flat = stacks[patch].pop_step(chosen.ravel(), self._model.tables)
                    values[patch][inside] += flat.reshape(chosen.shape)
                except BadStream:
                    sound[patch] = False
            settle(step, centre, values, extents)
            return values - centre

        values = PixelChain(self._model, len(live), self._grey).walk(code)
        for position, patch in enumerate(live):
            height, width = shapes[patch][:2]
            samples = samples_of(values[position, :height, :width], self._grey)
            if samples is None or not sound[position]:
                continue
            if stacks[position].ends_on(crc32c(samples.tobytes())):
                found[patch] = samples
        return found

    def _shape(self, number: int) -> tuple[int, ...]:
        patch = self._grid.patch(number)
        shape = (patch.bottom - patch.top, patch.right - patch.left)
        return shape if self._grey else (*shape, 3)

    def _pack(self, samples: Samples, coded: list[tuple[_Integers, _Tables]]) -> LosslessStream:
        plain = samples.tobytes()
        check = crc32c(plain)
        stack = Stack(check)
        for symbols, tables in reversed(coded):
            stack.push_step(symbols, tables, self._model.tables)
        data = stack.to_bytes()
        if len(data) < len(plain) + RAW_CHECK_BYTES:
            return LosslessStream(data, raw=False)
        return raw_stream(samples)


def samples_of(values: _Integers, grey: bool) -> Samples | None:
    """Samples that decoded values (h, w, 3) stand for; None if they stand for none."""
    integers = values[..., 0] if grey else from_ycocg(values)
    if integers.min() < 0 or integers.max() > 255:
        return None
    return np.ascontiguousarray(integers.astype(np.uint8))


def raw_stream(samples: Samples) -> LosslessStream:
    """A patch as it is, and its check."""
    plain = samples.tobytes()
    return LosslessStream(plain + crc32c(plain).to_bytes(RAW_CHECK_BYTES, "little"), raw=True)


def unpack_raw(data: bytes | memoryview, shape: tuple[int, ...]) -> Samples | None:
    """Samples of a patch that was stored raw; None if they do not have their check."""
    plain, check = data[:-RAW_CHECK_BYTES], data[-RAW_CHECK_BYTES:]
    if crc32c(plain) != int.from_bytes(check, "little"):
        return None
    return np.frombuffer(plain, np.uint8).reshape(shape)


@dataclass(frozen=True)
class Extent:
    """Pixels of a patch that lie within the picture, counted from its first."""

    height: int
    width: int

    def inside(self, step: Step) -> tuple[slice, slice]:
        """Positions of a step within the picture: its first rows and columns."""
        rows, columns = _coordinates(step)
        return (
            slice(int(np.searchsorted(rows, self.height))),
            slice(int(np.searchsorted(columns, self.width))),
        )


@cache
def _coordinates(step: Step) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row in the patch of each row of a step, and column of each column."""
    index = np.arange(PATCH)
    rows = np.broadcast_to(index[None, :, None, None], (1, PATCH, PATCH, 3))[slice_of(step)]
    columns = np.broadcast_to(index[None, None, :, None], (1, PATCH, PATCH, 3))[slice_of(step)]
    return rows[0, :, 0], columns[0, 0, :]


def settle(step: Step, centre: _Integers, values: _Integers, extents: Sequence[Extent]) -> None:
    """Bring a step's values (P, h, w) within their range, and settle those outside the picture.

    They go on as the picture ended; where the step has no position within, as the centre has it.
    In place. Values within the picture change only if their stream is damaged, and then cannot
    harm the patches beside it.
    """
    low, high = LOWEST[step.component], HIGHEST[step.component]
    for patch, extent in enumerate(extents):
        rows, columns = (part.stop for part in extent.inside(step))
        if not rows or not columns:
            values[patch] = centre[patch]
            continue
        part = values[patch]
        part[rows:] = part[rows - 1]
        part[:, columns:] = part[:, columns - 1 : columns]
    np.clip(values, low, high, out=values)
