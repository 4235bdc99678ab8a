"""Patches of decoded JPEGs, turned round so that a block begins at their first pixel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

STARTS = 16
"""Rows or columns at which a block may begin: chroma has blocks of 16 pixels where it is halved."""
_LUMA = 8

Start = tuple[int, int]
"""Row and column at which a block begins."""


def cheapest_start(cost: Callable[[Start], float]) -> Start:
    """Where blocks begin, told by what a patch costs when it is turned there.

    Rows first, then columns, then 8 more of each; (0, 0) where nothing costs less.

    Parameters
    ----------
    cost
        Bits for a start.
    """
    row, _ = min(((row, 0) for row in range(_LUMA)), key=cost)
    _, column = min(((row, column) for column in range(_LUMA)), key=cost)
    return min(((r, c) for r in (row, row + _LUMA) for c in (column, column + _LUMA)), key=cost)


def turned(values: NDArray[np.int32], start: Start) -> NDArray[np.int32]:
    """Values (h, w, C) moved round, so that those at ``start`` come first."""
    return np.roll(values, (-start[0], -start[1]), axis=(0, 1))


def turned_back(values: NDArray[np.int32], start: Start) -> NDArray[np.int32]:
    """Undo ``turned``."""
    return np.roll(values, start, axis=(0, 1))
