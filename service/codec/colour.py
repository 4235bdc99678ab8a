"""YCoCg-R: a reversible colour transform on integers (docs/FORMAT.md, section 8).

Lifting steps: each adds to one component something that the others alone decide, so each can be
undone whatever its rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOWEST: NDArray[np.int32] = np.array([0, -255, -255], np.int32)
"""Smallest Y, Co and Cg of 8-bit samples."""
HIGHEST: NDArray[np.int32] = np.array([255, 255, 255], np.int32)
"""Largest Y, Co and Cg of 8-bit samples."""


def to_ycocg(rgb: NDArray[np.uint8]) -> NDArray[np.int32]:
    """R, G, B to Y, Co, Cg.

    Parameters
    ----------
    rgb
        (..., 3).

    Returns
    -------
    NDArray[np.int32]
        (..., 3): Y from 0 to 255, Co and Cg from -255 to 255.
    """
    red, green, blue = np.moveaxis(rgb.astype(np.int32), -1, 0)
    co = red - blue
    middle = blue + (co >> 1)
    cg = green - middle
    return np.stack([middle + (cg >> 1), co, cg], axis=-1)


def from_ycocg(ycocg: NDArray[np.int32]) -> NDArray[np.int32]:
    """Y, Co, Cg to R, G, B.

    Parameters
    ----------
    ycocg
        (..., 3).

    Returns
    -------
    NDArray[np.int32]
        (..., 3): within 0 to 255 where the values came from 8-bit samples, and only there.
    """
    luma, co, cg = np.moveaxis(ycocg, -1, 0)
    middle = luma - (cg >> 1)
    green = cg + middle
    blue = middle - (co >> 1)
    return np.stack([blue + co, green, blue], axis=-1)
