"""Blade patches and lent streams out of stacks: from the top down, and no deeper than is wanted.

Mirrors `stacks.encode_stacks`; all stacks that are read come down together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from service.codec.ans import Stack
from service.codec.bits_back import Integers, StackBatch, decode_block
from service.codec.container.parser import Blade
from service.codec.grid import Grid
from service.codec.integrity import crc32c
from service.codec.lending import returned
from service.codec.lossless import Samples, samples_of
from service.codec.options import Checkpoint
from service.codec.patch_mask import PATCH
from service.codec.stacks import LANES, blocks_of, extent_of
from service.errors import BadStream
from service.runtime.latent_model import LatentModel


class StackReader:
    """Decodes a file's stacks.

    Parameters
    ----------
    model
        The model.
    blade
        The file.
    grid
        Its geometry.
    checkpoint
        Called between blocks, counting stacks.
    """

    def __init__(
        self, model: LatentModel, blade: Blade, grid: Grid, checkpoint: Checkpoint
    ) -> None:
        self._model = model
        self._blade = blade
        self._grid = grid
        self._checkpoint = checkpoint

    def read(
        self,
        patches: Iterable[int],
        donors: Iterable[int],
        show: Callable[[int, Samples], None],
    ) -> dict[int, bytes]:
        """Decode what some patches and lent streams are to be had for, and no stack deeper.

        Parameters
        ----------
        patches
            Blade patches on stacks.
        donors
            Background patches whose streams were lent.
        show
            Is given each patch that was wanted, and its samples, if they have their check.

        Returns
        -------
        dict[int, bytes]
            The lent streams by patch; those that are damaged or missing are not there.
        """
        wanted = set(patches)
        asked = {self._blade.patches[number].stack for number in donors}
        opened = asked | {self._blade.lossless[number].stack for number in wanted}
        numbers = sorted(number for number in opened if number is not None)
        streams: dict[int, bytes] = {}
        for start in range(0, len(numbers), LANES):
            # Lanes hold a patch each: those of the whole blade would be as large as the picture.
            part = [
                lane
                for number in numbers[start : start + LANES]
                if (lane := self._lane(number, wanted, number in asked)) is not None
            ]
            while active := [lane for lane in part if lane.advance()]:
                self._checkpoint("lossless", start, len(numbers))
                self._step(active)
                for lane in active:
                    if lane.found is not None and lane.found[0] in wanted:
                        show(*lane.found)
            for lane in part:
                streams.update(lane.loan())
        return streams

    def _step(self, active: Sequence[_DecodingLane]) -> None:
        """Decode one block of each lane."""
        batch = StackBatch([lane.stack for lane in active])
        extents = [extent_of(lane.window) for lane in active]
        blocks = decode_block(self._model, batch, extents, self._blade.header.grey)
        for lane, block, sound in zip(active, blocks, batch.sound, strict=True):
            lane.take(block, bool(sound))

    def _lane(self, number: int, wanted: set[int], to_the_end: bool) -> _DecodingLane | None:
        """A lane as deep as it must go; None if what is there is no stack."""
        entry = self._blade.stacks[number]
        chain = entry.patches[::-1]
        depth = max((place + 1 for place, patch in enumerate(chain) if patch in wanted), default=0)
        data = self._blade.stack(number)
        if data is None:
            return None
        try:
            stack = Stack.from_bytes(data)
        except BadStream:
            return None
        lengths = {donor: self._blade.patches[donor].length for donor in entry.donors}
        patches = chain if to_the_end else chain[:depth]
        grey = self._blade.header.grey
        return _DecodingLane(self._grid, stack, patches, lengths, entry.filler, to_the_end, grey)


class _DecodingLane:
    """A stack on its way down.

    Attributes
    ----------
    stack
        What is left.
    window
        The block to be decoded.
    found
        The patch that the last block completed, and its samples; else None.
    """

    def __init__(
        self,
        grid: Grid,
        stack: Stack,
        patches: Sequence[int],
        lengths: dict[int, int],
        filler: int,
        to_the_end: bool,
        grey: bool,
    ) -> None:
        self.stack = stack
        self.found: tuple[int, Samples] | None = None
        self._grid = grid
        self._lengths = lengths
        self._filler = filler
        self._to_the_end = to_the_end
        self._grey = grey
        self._sound = True
        self._steps = [
            (number, window) for number in patches for window in reversed(blocks_of(grid, number))
        ]
        self._place = -1
        self._values = np.empty((PATCH, PATCH, 3), np.int32)

    def advance(self) -> bool:
        """Go on to the next block; False after the last one, or damage."""
        if not self._sound or self._place + 1 == len(self._steps):
            return False
        self._place += 1
        self.window = self._steps[self._place][1]
        return True

    def take(self, block: Integers, sound: bool) -> None:
        """Take the block that was decoded; with the last one of a patch, check it."""
        self.found = None
        self._sound = sound
        number, window = self._steps[self._place]
        patch = self._grid.patch(number)
        where = window.within(patch)
        extent = extent_of(window)
        self._values[where] = block[: extent.rows, : extent.columns]
        following = self._steps[self._place + 1 : self._place + 2]
        if not sound or (following and following[0][0] == number):
            return
        shape = (patch.bottom - patch.top, patch.right - patch.left)
        samples = samples_of(self._values[: shape[0], : shape[1]], self._grey)
        try:
            check = self.stack.pop_check()
        except BadStream:
            samples = None
        if samples is None or crc32c(samples.tobytes()) != check:
            self._sound = False
        else:
            self.found = number, samples

    def loan(self) -> dict[int, bytes]:
        """The lent streams, if everything above them was sound."""
        if not (self._sound and self._to_the_end):
            return {}
        streams = returned(self.stack.loan(), list(self._lengths.values()), self._filler)
        return dict(zip(self._lengths, streams, strict=True)) if streams is not None else {}
