"""Geometry: pixels, patches of 256x256, latents on the 1/16 grid, tiles with a halo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.patch_mask import PATCH
from service.errors import BadParameter

LATENT = 16  # pixels on a side of a position of y
TOP = 64  # pixels on a side of a position of z
TILE = 1024  # pixels on a side of a tile's core; at twice that, tensors outgrow the caches


@dataclass(frozen=True)
class Window:
    """A rectangle in pixels: rows top..bottom, columns left..right, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of pixels."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def scaled(self, unit: int) -> tuple[slice, slice]:
        """Rows and columns on a grid of ``unit`` pixels; edges are multiples of it."""
        return (
            slice(self.top // unit, self.bottom // unit),
            slice(self.left // unit, self.right // unit),
        )

    def grown(self, halo: int, grid: Grid) -> Window:
        """The window and a halo around it, within the coded picture."""
        return Window(
            max(self.top - halo, 0),
            min(self.bottom + halo, grid.coded_height),
            max(self.left - halo, 0),
            min(self.right + halo, grid.coded_width),
        )

    def aligned(self, unit: int) -> Window:
        """The smallest window of whole units that holds this one."""
        return Window(
            self.top // unit * unit,
            -(-self.bottom // unit) * unit,
            self.left // unit * unit,
            -(-self.right // unit) * unit,
        )

    def common(self, other: Window) -> Window:
        """What two windows share; they must share something."""
        return Window(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )

    def within(self, outer: Window) -> tuple[slice, slice]:
        """Where this window lies in an array that holds ``outer``."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )


@dataclass(frozen=True)
class Grid:
    """A picture's patches; the coded picture is padded to whole patches."""

    width: int
    height: int

    @property
    def rows(self) -> int:
        """Rows of patches."""
        return -(-self.height // PATCH)

    @property
    def columns(self) -> int:
        """Columns of patches."""
        return -(-self.width // PATCH)

    @property
    def coded_height(self) -> int:
        """Rows of pixels, padding included."""
        return self.rows * PATCH

    @property
    def coded_width(self) -> int:
        """Columns of pixels, padding included."""
        return self.columns * PATCH

    def region(self, region: tuple[int, int, int, int] | None) -> Window:
        """A caller's x, y, width, height as a window.

        Raises
        ------
        BadParameter
            It is empty or not within the picture.
        """
        if region is None:
            return Window(0, self.height, 0, self.width)
        x, y, width, height = region
        inside = x >= 0 and y >= 0 and x + width <= self.width and y + height <= self.height
        if width < 1 or height < 1 or not inside:
            raise BadParameter(
                f"Region {x},{y},{width},{height} is not within {self.width}x{self.height} pixels."
            )
        return Window(y, y + height, x, x + width)

    def patch(self, number: int) -> Window:
        """Pixels of a patch that lie within the picture."""
        row, column = divmod(number, self.columns)
        whole = Window(row * PATCH, (row + 1) * PATCH, column * PATCH, (column + 1) * PATCH)
        return whole.common(Window(0, self.height, 0, self.width))

    def patches_in(self, window: Window) -> NDArray[np.bool_]:
        """Patches that share a pixel with a window, (rows, columns)."""
        found = np.zeros((self.rows, self.columns), bool)
        found[window.aligned(PATCH).scaled(PATCH)] = True
        return found

    def tiles(self, window: Window) -> Iterator[Window]:
        """Cores of the tiles that cover a window of whole units, cut to it."""
        for top in range(window.top, window.bottom, TILE):
            for left in range(window.left, window.right, TILE):
                yield Window(
                    top, min(top + TILE, window.bottom), left, min(left + TILE, window.right)
                )
