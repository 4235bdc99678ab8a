"""A picture with its blade marked, for people to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TINT = np.array([0, 255, 160], np.uint16)
_OUTLINE = np.array([255, 0, 144], np.uint8)
_TINT_SHARE = 64  # of 256
# The outline is this much of the picture's longer side, so that it is seen on any screen.
_OUTLINE_SHARE = 1 / 600
_BAND_ROWS = 256


def overlay(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Tint the blade and draw a line around it.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W).
    mask
        (H, W), true for blade.

    Returns
    -------
    NDArray[np.uint8]
        (H, W, 3); pixels outside of the blade are as they were.
    """
    marked = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels.copy()
    # In bands: the sums of a whole large picture would take its memory twice again.
    for top in range(0, len(marked), _BAND_ROWS):
        band, blade = marked[top : top + _BAND_ROWS], mask[top : top + _BAND_ROWS]
        if not blade.any():
            continue
        own = band[blade].astype(np.uint16)
        band[blade] = (own * (256 - _TINT_SHARE) + _TINT * _TINT_SHARE) >> 8
    marked[_outline(mask, max(1, round(max(mask.shape) * _OUTLINE_SHARE)))] = _OUTLINE
    return marked


def _outline(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Blade within `width` pixels of background in one of the four directions."""
    inner = mask.copy()
    inner[width:] &= mask[:-width]
    inner[:-width] &= mask[width:]
    inner[:, width:] &= mask[:, :-width]
    inner[:, :-width] &= mask[:, width:]
    line: NDArray[np.bool_] = mask & ~inner
    return line
