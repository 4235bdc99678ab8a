"""Where a patch's chroma samples lie in a JPEG's picture, and the ring of those just around them.

Upsampling looks one sample beyond the patch. A patch is coded without its neighbours, so it
brings these samples itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from service.codec.chroma_upsampling import Samples
from service.codec.grid import Grid
from service.codec.patch_mask import PATCH

Positions = NDArray[np.intp]

_PASSES = ((0, 4, 0), (2, 4, 2), (1, 2, 1))
"""First number in a line, and how many on to the next, and to the neighbours that are known."""


@dataclass(frozen=True)
class RingPass:
    """Samples of the ring that are coded together, and the neighbours that guess them.

    All are places in the ring, 0 to R - 1, of n samples. Where a sample has one neighbour, before
    and after are the same; where it is alone, they mean nothing.
    """

    samples: Positions
    before: Positions
    after: Positions
    alone: NDArray[np.bool_]


@dataclass(frozen=True)
class ChromaPlace:
    """A patch among the chroma samples of its picture.

    Positions are rows and columns of samples, counted from the patch's first. Those that a file
    has beyond the picture's edge, to fill its blocks, are not the picture's.
    """

    sampling: tuple[int, int]
    grid: Grid
    number: int

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the patch's samples, those beyond the picture included."""
        across, down = self.sampling
        return PATCH // down, PATCH // across

    @property
    def first(self) -> tuple[int, int]:
        """Row and column of the patch's first sample among the picture's."""
        row, column = divmod(self.number, self.grid.columns)
        rows, columns = self.size
        return row * rows, column * columns

    @property
    def picture_size(self) -> tuple[int, int]:
        """Rows and columns of the picture's samples."""
        across, down = self.sampling
        return -(-self.grid.height // down), -(-self.grid.width // across)

    @cached_property
    def ring(self) -> tuple[Positions, Positions]:
        """Rows and columns of the ring's samples, (R,) each.

        At (2, 2) the row above, with corners, the one below, the column left, the column right;
        at (2, 1) the columns alone; at (1, 1) none.
        """
        grids = [
            np.mgrid[top:end, left:right].reshape(2, -1) for top, end, left, right in self._lines
        ]
        positions = np.concatenate([np.empty((2, 0), np.intp), *grids], axis=1)
        return positions[0], positions[1]

    @cached_property
    def _lines(self) -> list[tuple[int, int, int, int]]:
        """Of each line of the ring the first row, the last and one more, and columns likewise."""
        rows, columns = self.size
        if self.sampling == (1, 1):
            return []
        lines = [(0, rows, -1, 0), (0, rows, columns, columns + 1)]
        if self.sampling == (2, 2):
            whole = -1, columns + 1
            lines = [(-1, 0, *whole), (rows, rows + 1, *whole), *lines]
        return lines

    @cached_property
    def coded(self) -> NDArray[np.bool_]:
        """Which samples of the ring are the picture's, (R,); the others repeat its edge."""
        rows, columns = self.ring
        near_rows, near_columns = self.in_picture(rows, columns)
        inside: NDArray[np.bool_] = (near_rows == rows) & (near_columns == columns)
        return inside

    @cached_property
    def passes(self) -> tuple[RingPass, ...]:
        """Passes in which the ring's coded samples are coded, each from those before."""
        lengths = [(end - top) * (right - left) for top, end, left, right in self._lines]
        nothing = np.empty(0, np.intp)
        in_line = np.concatenate([nothing, *map(np.arange, lengths)])
        length = np.repeat(lengths, lengths) if lengths else nothing

        def neighbours(samples: Positions, distance: int) -> tuple[Positions, NDArray[np.bool_]]:
            """Where they are, and whether they are in the line and coded."""
            number = in_line[samples] + distance
            there = (number >= 0) & (number < length[samples])
            places = np.where(there, samples + distance, samples)
            return places, there & self.coded[places]

        found = []
        for first, spacing, distance in _PASSES:
            samples = np.flatnonzero(self.coded & (in_line % spacing == first))
            before, is_before = neighbours(samples, -distance)
            after, is_after = neighbours(samples, distance)
            alone = ~(is_before | is_after) if distance else np.ones(samples.size, np.bool_)
            before, after = np.where(is_before, before, after), np.where(is_after, after, before)
            found.append(RingPass(samples, before, after, alone))
        return tuple(found)

    def in_picture(self, rows: Positions, columns: Positions) -> tuple[Positions, Positions]:
        """The nearest positions that the picture has."""
        top, left = self.first
        height, width = self.picture_size
        return (
            np.clip(rows, -top, height - 1 - top),
            np.clip(columns, -left, width - 1 - left),
        )

    def in_patch(self, rows: Positions, columns: Positions) -> tuple[Positions, Positions]:
        """The nearest positions that the patch and the picture have."""
        height, width = self.size
        return self.in_picture(np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1))

    def framed(self, samples: NDArray[np.integer], ring: NDArray[np.integer]) -> Samples:
        """The patch's samples with the ring around them; beyond the picture its edge repeated.

        Parameters
        ----------
        samples
            (n, rows, columns) of the patch, each 0 to 255.
        ring
            (n, R), each 0 to 255. Samples that are not coded may be anything.

        Returns
        -------
        Samples
            (n, rows + 2, columns + 2).
        """
        height, width = self.size
        frame = np.zeros((len(samples), height + 2, width + 2), np.int16)
        frame[:, 1:-1, 1:-1] = samples
        rows, columns = self.ring
        frame[:, rows + 1, columns + 1] = ring
        rows, columns = self.in_picture(np.arange(-1, height + 1), np.arange(-1, width + 1))
        return frame.take(rows + 1, axis=1).take(columns + 1, axis=2)
