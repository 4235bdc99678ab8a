"""Blade patches of a JPEG by its coefficients: one ANS stack a patch, all advancing together.

Encoder and decoder walk the same chain (``JpegChain``), then come the chroma samples around the
patch. What decoding gives back are pixels: docs/FORMAT.md, section 10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.container.jpeg_fields import JpegSteps
from service.codec.container.layout import RAW_CHECK_BYTES, LosslessStream
from service.codec.grid import Grid
from service.codec.integrity import crc32c
from service.codec.inverse_dct import BLOCK
from service.codec.jpeg_pixels import PatchBlocks, cut, patch_pixels, ring_residuals, with_ring
from service.codec.lossless import Samples, raw_stream, unpack_raw
from service.errors import BadStream
from service.pictures.jpeg_blocks import JpegBlocks
from service.runtime.jpeg_chain import ACTIVITIES, CELLS, JpegChain, symbols_of
from service.runtime.jpeg_model import CHANNELS, COMPONENTS, FREQUENCIES, PHASES, JpegModel

_Integers = NDArray[np.int32]
_Tables = NDArray[np.uint8]
_Cell = TypeVar("_Cell", np.int32, np.bool_)
_Steps = list[tuple[_Integers, _Tables]]
_LUMA = PHASES * FREQUENCIES  # channels


class JpegCoder:
    """Codes blade patches of one picture with one model.

    Parameters
    ----------
    model
        The model.
    grid
        The picture's geometry.
    jpeg
        Sampling and steps of the picture's JPEG.
    """

    def __init__(self, model: JpegModel, grid: Grid, jpeg: JpegSteps) -> None:
        self._model = model
        self._grid = grid
        self._steps, self._sampling = jpeg.steps, jpeg.sampling

    def encode(
        self, blocks: JpegBlocks, pixels: Samples, numbers: Sequence[int]
    ) -> list[LosslessStream]:
        """Streams of some patches of a picture (H, W, 3) or (H, W), of which blocks give these."""
        patches = [cut(blocks, self._grid, number) for number in numbers]
        activities, coded = self._symbols(patches, numbers)
        return [
            self._pack(pixels[self._grid.patch(number).slices], activity, steps)
            for number, activity, steps in zip(numbers, activities, coded, strict=True)
        ]

    def bits(self, blocks: JpegBlocks, numbers: Sequence[int]) -> float:
        """What some patches cost by the tables alone; the bits of their streams, but for ends."""
        patches = [cut(blocks, self._grid, number) for number in numbers]
        _, coded = self._symbols(patches, numbers)
        steps = sum(self._model.tables.bits(*step) for steps in coded for step in steps)
        return steps + math.log2(ACTIVITIES) * len(numbers)

    def _symbols(
        self, patches: Sequence[PatchBlocks], numbers: Sequence[int]
    ) -> tuple[list[int], list[_Steps]]:
        """Activities, and symbols and tables of every step, by patch."""
        there = self._coded(numbers)
        truth = np.stack([to_cells(patch, self._sampling) for patch in patches])
        first = self._model.groups[0]
        of_first = symbols_of(first, np.zeros((), np.int32), truth[..., first.channels])
        activities = [
            activity_of(symbols[within])
            for symbols, within in zip(of_first, there[..., first.channels], strict=True)
        ]
        chain = JpegChain(self._model, self._steps, self._sampling, activities)
        coded: list[_Steps] = [[] for _ in numbers]

        def code(number: int, centres: _Integers, tables: _Tables) -> _Integers:
            group = chain.groups[number]
            within = there[..., group.channels]
            symbols = symbols_of(group, centres, truth[..., group.channels])
            for patch, steps in enumerate(coded):
                steps.append((symbols[patch][within[patch]], tables[patch][within[patch]]))
            return np.where(within, symbols, np.int32(0))

        chain.walk(code)
        for number, patch, steps in zip(numbers, patches, coded, strict=True):
            ring = ring_residuals(patch, self._steps, self._sampling, self._grid, number)
            for tables, (symbols, contexts) in zip(self._model.ring_tables, ring, strict=False):
                steps.append((symbols, tables[contexts]))
        return activities, coded

    def decode(
        self, streams: Sequence[tuple[bytes | memoryview, bool]], numbers: Sequence[int]
    ) -> list[Samples | None]:
        """Samples of some patches from their streams (data, raw); mirrors ``encode``.

        Returns
        -------
        list[NDArray[np.uint8] | None]
            (h, w, 3) or (h, w), what of the patch lies within the picture; None if it is damaged.
        """
        found: list[Samples | None] = [None] * len(numbers)
        live: list[tuple[int, int, Stack]] = []
        for place, (data, raw) in enumerate(streams):
            if raw:
                found[place] = unpack_raw(data, self._shape(numbers[place]))
                continue
            try:
                stack = Stack.from_bytes(data)
                live.append((place, stack.pop_choice(ACTIVITIES), stack))
            except BadStream:
                continue
        if live:
            places, activities, stacks = zip(*live, strict=True)
            values, sound = self._coefficients(
                stacks, activities, [numbers[place] for place in places]
            )
            for patch, (place, _, stack) in enumerate(live):
                if sound[patch]:
                    found[place] = self._samples(values[patch], stack, numbers[place])
        return found

    def _coefficients(
        self, stacks: Sequence[Stack], activities: Sequence[int], numbers: Sequence[int]
    ) -> tuple[_Integers, list[bool]]:
        """Coefficients (P, 16, 16, 768) from stacks, and whether they could be read at all."""
        sound = [True] * len(stacks)
        there = self._coded(numbers)
        chain = JpegChain(self._model, self._steps, self._sampling, activities)

        def code(number: int, centres: _Integers, tables: _Tables) -> _Integers:
            within = there[..., chain.groups[number].channels]
            symbols = np.zeros(tables.shape, np.int32)
            for patch, stack in enumerate(stacks):
                if not sound[patch]:
                    continue
                try:
                    chosen = tables[patch][within[patch]]
                    symbols[patch][within[patch]] = stack.pop_step(chosen, self._model.tables)
                except BadStream:
                    sound[patch] = False
            return symbols

        return chain.walk(code), sound

    def _samples(self, values: _Integers, stack: Stack, number: int) -> Samples | None:
        """Samples from coefficients (16, 16, 768) and what is left of the stack, if it is whole."""

        def read(number_of_pass: int, contexts: NDArray[np.uint8]) -> _Integers:
            tables = self._model.ring_tables[number_of_pass, contexts]
            return stack.pop_step(tables, self._model.tables)

        bare = from_cells(values, self._sampling, len(self._steps))
        try:
            patch = with_ring(bare, self._steps, self._sampling, self._grid, number, read)
        except BadStream:
            return None
        samples = self._pixels(patch, number)
        return samples if stack.ends_on(crc32c(samples.tobytes())) else None

    def _coded(self, numbers: Sequence[int]) -> NDArray[np.bool_]:
        """Which coefficients of patches are coded, (P, 16, 16, 768)."""
        return np.stack([coded_cells(self._grid, number, self._sampling) for number in numbers])

    def _pixels(self, patch: PatchBlocks, number: int) -> Samples:
        found = patch_pixels(patch, self._steps, self._sampling, self._grid, number)
        return np.ascontiguousarray(found)

    def _shape(self, number: int) -> tuple[int, ...]:
        patch = self._grid.patch(number)
        shape = (patch.bottom - patch.top, patch.right - patch.left)
        return shape if len(self._steps) == 1 else (*shape, 3)

    def _pack(self, samples: Samples, activity: int, coded: _Steps) -> LosslessStream:
        plain = samples.tobytes()
        stack = Stack(crc32c(plain))
        for symbols, tables in reversed(coded):
            stack.push_step(symbols, tables, self._model.tables)
        stack.push_choice(activity, ACTIVITIES)
        data = stack.to_bytes()
        if len(data) < len(plain) + RAW_CHECK_BYTES:
            return LosslessStream(data, raw=False)
        return raw_stream(samples)


def activity_of(symbols: _Integers) -> int:
    """How busy a patch is, 0 to 15, by its first group's symbols, (n,).

    A reader is told, and any number would do: networks have learnt with this one.
    """
    size = float(np.abs(symbols).mean()) if symbols.size else 0.0
    return min(math.floor(2 * math.log2(1 + 8 * size) + 0.5), ACTIVITIES - 1)


def to_cells(patch: PatchBlocks, sampling: tuple[int, int]) -> _Integers:
    """Coefficients of a patch by channel, (16, 16, 768); 0 where a channel is not there."""
    cells = np.zeros((CELLS, CELLS, CHANNELS), np.int32)
    for component, blocks in enumerate([patch.luma, *patch.chroma]):
        _by_phase(cells, component, sampling)[...] = _split(blocks)
    return cells


def from_cells(cells: _Integers, sampling: tuple[int, int], components: int) -> PatchBlocks:
    """Coefficients by block, and no ring; mirrors ``to_cells``."""
    luma, *chroma = (
        _joined(_by_phase(cells, component, sampling)) for component in range(components)
    )
    nothing = np.zeros((0, *luma.shape), np.int32)
    return PatchBlocks(luma, np.stack(chroma) if chroma else nothing, np.zeros((2, 0), np.int32))


def coded_cells(grid: Grid, number: int, sampling: tuple[int, int]) -> NDArray[np.bool_]:
    """Which coefficients of a patch are coded, (16, 16, 768): those of blocks in the picture.

    A block is in the picture if its first pixel is. Channels that are not there may be either.
    """
    window = grid.patch(number)
    coded = np.zeros((CELLS, CELLS, CHANNELS), np.bool_)
    for component in range(COMPONENTS):
        across, down = sampling if component else (1, 1)
        rows = BLOCK * down * np.arange(2 * CELLS // down) < window.bottom - window.top
        columns = BLOCK * across * np.arange(2 * CELLS // across) < window.right - window.left
        blocks = np.repeat((rows[:, None] & columns)[..., None], FREQUENCIES, axis=-1)
        _by_phase(coded, component, sampling)[...] = _split(blocks)
    return coded


def _by_phase(cells: NDArray[_Cell], component: int, sampling: tuple[int, int]) -> NDArray[_Cell]:
    """A component's part of cells (16, 16, 768), as a view: (16, 16, rows, columns, 64)."""
    across, down = sampling if component else (1, 1)
    part = cells[..., component * _LUMA : (component + 1) * _LUMA]
    phases = part.reshape(CELLS, CELLS, 2, 2, FREQUENCIES)
    return phases[:, :, : 2 // down, : 2 // across]


def _split(blocks: NDArray[_Cell]) -> NDArray[_Cell]:
    """Blocks (r, c, 64) of a patch by cell, (16, 16, r / 16, c / 16, 64)."""
    rows, columns = blocks.shape[0] // CELLS, blocks.shape[1] // CELLS
    return blocks.reshape(CELLS, rows, CELLS, columns, FREQUENCIES).swapaxes(1, 2)


def _joined(phases: _Integers) -> _Integers:
    """Mirrors ``_split``."""
    rows, columns = phases.shape[2:4]
    return phases.swapaxes(1, 2).reshape(CELLS * rows, CELLS * columns, FREQUENCIES)
