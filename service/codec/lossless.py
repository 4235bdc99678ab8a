"""Blade patches bit for bit: one ANS stack a patch, all advancing together.

Encoder and decoder walk the same chain (``PixelChain``): it tells a step's centres and tables, and
is told the step's symbols. Encoding answers with the symbols that lead to the picture and keeps
them for the stacks, which take them backwards; decoding pops them. docs/FORMAT.md, section 8.

A model may have networks of its own for patches in the colours of a JPEG. Then the first thing that
a stack gives back is a bit that says whether the patch is one, and where its blocks begin: it is
coded turned round, so that one begins at its first pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.block_start import STARTS, Start, cheapest_start, turned, turned_back
from service.codec.colour import HIGHEST, LOWEST, from_ycocg, to_ycocg
from service.codec.container.layout import RAW_CHECK_BYTES, LosslessStream
from service.codec.grid import Grid
from service.codec.integrity import crc32c
from service.codec.jpeg_colour import from_ycbcr, to_ycbcr
from service.codec.patch_mask import PATCH
from service.errors import BadStream
from service.runtime.lossless_model import LosslessModel, PixelModel
from service.runtime.pixel_chain import PixelChain, Step, slice_of

BATCH = 8  # patches that run through the networks together

Samples = NDArray[np.uint8]
_Integers = NDArray[np.int32]
_Tables = NDArray[np.uint8]
_Steps = list[tuple[_Integers, _Tables]]
_Start = Start | None  # None: not in the colours of a JPEG


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
    block_start
        Where a JPEG's blocks begin, for encoding; found on a patch where it is not known.
    """

    def __init__(
        self, model: LosslessModel, grid: Grid, grey: bool, block_start: Start | None = None
    ) -> None:
        self._model = model
        self._grid = grid
        self._grey = grey
        self._found = block_start

    def encode(self, pixels: Samples, numbers: Sequence[int]) -> list[LosslessStream]:
        """Streams of some patches of a picture (H, W, 3) or (H, W)."""
        samples = [np.ascontiguousarray(pixels[self._grid.patch(n).slices]) for n in numbers]
        coded = {place: (start, steps) for place, start, steps in self._coded(samples)}
        return [self._pack(part, *coded[place]) for place, part in enumerate(samples)]

    def bits(self, pixels: Samples, numbers: Sequence[int]) -> float:
        """What some patches cost by the tables alone; the bits of their streams, but for ends."""
        samples = [pixels[self._grid.patch(n).slices] for n in numbers]
        return sum(self._cost(start, steps) for _, start, steps in self._coded(samples))

    def _coded(self, samples: Sequence[Samples]) -> Iterator[tuple[int, _Start, _Steps]]:
        """Place among ``samples``, where blocks begin, symbols and tables."""
        plain, stored = [], []
        for place, part in enumerate(samples):
            values = to_ycbcr(part) if self._jpeg else None
            if values is None:
                values = part[..., None] * np.array([1, 0, 0]) if self._grey else to_ycocg(part)
                plain.append((place, values))
            else:
                stored.append((place, values))
        start = self._block_start([values for _, values in stored]) if stored else None
        for start_, patches in ((None, plain), (start, stored)):
            if patches:
                coded = self._symbols(start_, [values for _, values in patches])
                for (place, _), steps in zip(patches, coded, strict=True):
                    yield place, start_, steps

    def _block_start(self, patches: Sequence[_Integers]) -> Start:
        """Where blocks begin in the picture, found on one of its first patches."""
        if self._found is None:
            probe = max(patches, key=lambda values: (values.size, float(values[..., 0].std())))
            self._found = cheapest_start(
                lambda start: self._cost(start, self._symbols(start, [probe])[0])
            )
        return self._found

    def _cost(self, start: _Start, steps: _Steps) -> float:
        tables = self._part(start).tables
        first = 0.0 if start is None else 2 * math.log2(STARTS)
        return sum(tables.bits(*step) for step in steps) + first + self._jpeg

    def _symbols(self, start: _Start, patches: Sequence[_Integers]) -> list[_Steps]:
        """Symbols and tables of every step, by patch, from values (h, w, 3)."""
        extents = [Extent(*values.shape[:2]) for values in patches]
        truth = np.zeros((len(patches), PATCH, PATCH, 3), np.int32)
        for patch, values in enumerate(patches):
            truth[patch, : values.shape[0], : values.shape[1]] = turned(values, start or (0, 0))
        coded: list[_Steps] = [[] for _ in patches]

        def code(step: Step, centre: _Integers, tables: _Tables) -> _Integers:
            values = truth[slice_of(step)].copy()
            settle(step, centre, values, extents)
            symbols = values - centre
            for patch, extent in enumerate(extents):
                inside = extent.inside(step)
                coded[patch].append((symbols[patch][inside].ravel(), tables[patch][inside].ravel()))
            return symbols

        PixelChain(self._part(start), len(patches), self._grey).walk(code)
        return coded

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
        live: dict[bool, list[tuple[int, _Start, Stack]]] = {False: [], True: []}
        for patch, (data, raw) in enumerate(streams):
            if raw:
                found[patch] = unpack_raw(data, shapes[patch])
                continue
            try:
                stack = Stack.from_bytes(data)
                start = self._pop_start(stack)
                live[start is not None].append((patch, start, stack))
            except BadStream:
                continue
        for patches in live.values():
            parts = self._samples([(shapes[n], start, stack) for n, start, stack in patches])
            for (patch, _, _), samples in zip(patches, parts, strict=True):
                found[patch] = samples
        return found

    def _samples(
        self, patches: Sequence[tuple[tuple[int, ...], _Start, Stack]]
    ) -> Iterator[Samples | None]:
        """Samples of patches of one kind, from shape and stack; mirrors ``_symbols``."""
        if not patches:
            return
        shapes, starts, stacks = zip(*patches, strict=True)
        extents = [Extent(*shape[:2]) for shape in shapes]
        sound = [True] * len(stacks)
        part = self._part(starts[0])

        def code(step: Step, centre: _Integers, tables: _Tables) -> _Integers:
            values = centre.copy()
            for patch, extent in enumerate(extents):
                inside = extent.inside(step)
                chosen = tables[patch][inside]
                try:
                    flat = stacks[patch].pop_step(chosen.ravel(), part.tables)
                    values[patch][inside] += flat.reshape(chosen.shape)
                except BadStream:
                    sound[patch] = False
            settle(step, centre, values, extents)
            return values - centre

        values = PixelChain(part, len(stacks), self._grey).walk(code)
        for patch, (_, start, stack) in enumerate(patches):
            inside = values[patch, : extents[patch].height, : extents[patch].width]
            samples = None
            if sound[patch]:
                straight = turned_back(inside, start or (0, 0))
                samples = samples_of(straight, self._grey, start is not None)
            whole = samples is not None and stack.ends_on(crc32c(samples.tobytes()))
            yield samples if whole else None

    @property
    def _jpeg(self) -> bool:
        """Whether a stack says of its patch if it is in the colours of a JPEG."""
        return self._model.jpeg is not None and not self._grey

    def _part(self, start: _Start) -> PixelModel:
        return self._model if start is None or self._model.jpeg is None else self._model.jpeg

    def _push_start(self, stack: Stack, start: _Start) -> None:
        if self._jpeg:
            for first in reversed(start or ()):
                stack.push_choice(first, STARTS)
            stack.push_choice(int(start is not None), 2)

    def _pop_start(self, stack: Stack) -> _Start:
        if not self._jpeg or not stack.pop_choice(2):
            return None
        return stack.pop_choice(STARTS), stack.pop_choice(STARTS)

    def _shape(self, number: int) -> tuple[int, ...]:
        patch = self._grid.patch(number)
        shape = (patch.bottom - patch.top, patch.right - patch.left)
        return shape if self._grey else (*shape, 3)

    def _pack(self, samples: Samples, start: _Start, coded: _Steps) -> LosslessStream:
        plain = samples.tobytes()
        check = crc32c(plain)
        stack = Stack(check)
        for symbols, tables in reversed(coded):
            stack.push_step(symbols, tables, self._part(start).tables)
        self._push_start(stack, start)
        data = stack.to_bytes()
        if len(data) < len(plain) + RAW_CHECK_BYTES:
            return LosslessStream(data, raw=False)
        return raw_stream(samples)


def samples_of(values: _Integers, grey: bool, jpeg: bool = False) -> Samples | None:
    """Samples that decoded values (h, w, 3) stand for; None if they stand for none."""
    integers = values[..., 0]
    if not grey:
        integers = from_ycbcr(values) if jpeg else from_ycocg(values)
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
