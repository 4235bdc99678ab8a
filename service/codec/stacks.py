"""Blade patches on stacks, with a model that has latents: many stacks, a block of each at a time.

A stack holds a loan, and on it patch after patch, block after block (docs/FORMAT.md, section 9).
`encode_stacks` goes up; `stack_reader` comes down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.bits_back import (
    Extent,
    Integers,
    StackBatch,
    encode_block,
    settle_blocks,
)
from service.codec.colour import to_ycocg
from service.codec.container.layout import RAW_CHECK_BYTES
from service.codec.grid import Grid, Window
from service.codec.integrity import crc32c
from service.codec.lending import Plan
from service.codec.lossless import Samples
from service.codec.options import Checkpoint
from service.runtime.latent_model import BLOCK, LatentModel

LANES = 32  # stacks that advance together; what more would bring is less than the memory it takes


@dataclass(frozen=True)
class CodedStack:
    """A stack after it was coded.

    Attributes
    ----------
    data
        What is stored; None if the loan was too short and the stack must be coded again.
    patches
        Those that are on it, in the order of the plan. The others would not have shrunk.
    """

    data: bytes | None
    patches: tuple[int, ...]


def encode_stacks(
    model: LatentModel,
    pixels: Samples,
    grid: Grid,
    plans: Sequence[Plan],
    loans: Sequence[NDArray[np.uint32]],
    checkpoint: Checkpoint,
) -> list[CodedStack]:
    """Code stacks as they were planned.

    Parameters
    ----------
    model
        The model.
    pixels
        The picture, (H, W, 3) or (H, W).
    grid
        Its geometry.
    plans
        What goes on each stack.
    loans
        The words that each stack starts with.
    checkpoint
        Called between blocks, counting stacks.
    """
    grey = pixels.ndim == 2
    coded = []
    for start in range(0, len(plans), LANES):
        lanes = [
            _Lane(pixels, grid, plan, loan)
            for plan, loan in zip(
                plans[start : start + LANES], loans[start : start + LANES], strict=True
            )
        ]
        while active := [lane for lane in lanes if lane.advance()]:
            checkpoint("lossless", start, len(plans))
            blocks = np.stack([block_values(pixels, lane.window) for lane in active])
            batch = StackBatch([lane.stack for lane in active])
            encode_block(model, batch, blocks, [extent_of(lane.window) for lane in active], grey)
            for lane, sound in zip(active, batch.sound, strict=True):
                lane.short = not sound
        coded += [
            CodedStack(None if lane.short else lane.stack.to_bytes(), tuple(lane.coded))
            for lane in lanes
        ]
    return coded


class _Lane:
    """A stack on its way up: patch after patch, those that would not shrink taken off again."""

    def __init__(self, pixels: Samples, grid: Grid, plan: Plan, loan: NDArray[np.uint32]) -> None:
        self.stack = Stack.on_loan(loan)
        self.coded: list[int] = []
        self.short = False
        self._pixels = pixels
        self._grid = grid
        self._windows = self._walk(plan.patches)

    def advance(self) -> bool:
        """Go on to the next block, ``window``; False after the last one."""
        window = None if self.short else next(self._windows, None)
        if window is None:
            return False
        self.window = window
        return True

    def _walk(self, patches: Sequence[int]) -> Iterator[Window]:
        for number in patches:
            samples = np.ascontiguousarray(self._pixels[self._grid.patch(number).slices])
            before, room = self.stack.copy(), 8 * (samples.size + RAW_CHECK_BYTES)
            self.stack.push_check(crc32c(samples.tobytes()))
            yield from blocks_of(self._grid, number)
            if self.stack.bits - before.bits < room:
                self.coded.append(number)
            else:
                self.stack = before


def blocks_of(grid: Grid, number: int) -> list[Window]:
    """Blocks of a patch in raster order, cut to the picture; none wholly outside."""
    patch = grid.patch(number)
    return [
        Window(top, min(top + BLOCK, patch.bottom), left, min(left + BLOCK, patch.right))
        for top in range(patch.top, patch.bottom, BLOCK)
        for left in range(patch.left, patch.right, BLOCK)
    ]


def extent_of(window: Window) -> Extent:
    """Size of a block's window."""
    return Extent(window.bottom - window.top, window.right - window.left)


def block_values(pixels: Samples, window: Window) -> Integers:
    """YCoCg-R of a block, (64, 64, 3), that goes on outside of the picture as it ended."""
    part = pixels[window.slices]
    extent = extent_of(window)
    values = np.zeros((1, BLOCK, BLOCK, 3), np.int32)
    inside = values[0, : extent.rows, : extent.columns]
    if part.ndim == 2:
        inside[..., 0] = part
    else:
        inside[:] = to_ycocg(part)
    settle_blocks(values, [extent])
    block: Integers = values[0]
    return block
