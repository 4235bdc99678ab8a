"""Hole filling that closes the blade's edge on the picture's borders first (paper, III-C1)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LARGEST_FILL = 0.2
"""No region over this share of the picture is filled: it would be sky between blades."""
WIDEST_GAP = 1.5
"""No gap on a border is closed that is wider than this many times the blade there."""
LEAST_BLADE = 0.01
"""A border with a smaller share of blade is not crossed by one."""
SURE_RIM = 0.6
"""Least mean probability of the blade around a hole: doubtful pixels enclose no blade."""

_RIM = 6  # pixels

_EIGHT = np.ones((3, 3), bool)


def fill_holes(mask: NDArray[np.bool_], probability: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Fill what blade encloses, and what blade and the border of the picture enclose together.

    Parameters
    ----------
    mask
        (H, W), true for blade.
    probability
        (H, W), how probable each pixel is blade.

    Returns
    -------
    NDArray[np.bool_]
        (H, W); every pixel that was blade still is. A region is left open if it is over 20 % of
        the picture, reaches a border that the blade does not cross, has a gap on a border that
        `border_gaps` does not close, or if the blade around it is in doubt.
    """
    closed = border_gaps(mask)
    regions, count = ndimage.label((_enclosed(mask | closed) | closed) & ~mask)
    if not count:
        return mask.copy()
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    filled = (sizes <= LARGEST_FILL * mask.size) & (_rims(regions, mask, probability) >= SURE_RIM)
    filled[0] = False
    result: NDArray[np.bool_] = mask | filled[regions]
    return result


def _rims(
    regions: NDArray[np.int32], mask: NDArray[np.bool_], probability: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Mean probability of the blade next to each region's pixels, by the region's number."""
    side = 2 * _RIM + 1
    certain = ndimage.uniform_filter(np.where(mask, probability, 0).astype(np.float64), side)
    blade = ndimage.uniform_filter(mask.astype(np.float64), side)
    sums, pixels = (np.bincount(regions.ravel(), part.ravel()) for part in (certain, blade))
    means: NDArray[np.float64] = sums / np.maximum(pixels, 1e-9)
    return means


def _enclosed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Background from which no path of background leads to the picture's border."""
    regions, count = ndimage.label(~mask)
    inside = np.ones(count + 1, bool)
    inside[0] = False
    for border in (regions[0], regions[-1], regions[:, 0], regions[:, -1]):
        inside[border] = False
    result: NDArray[np.bool_] = inside[regions]
    return result


def is_vertical(mask: NDArray[np.bool_]) -> bool:
    """Whether the blade runs from top to bottom: its edges are steep along the rows.

    The paper's accumulated gradient: the sum of |Sobel x| is above that of |Sobel y|.
    """
    levels = mask.astype(np.int16)
    along_x = np.abs(ndimage.sobel(levels, axis=1)).sum(dtype=np.int64)
    along_y = np.abs(ndimage.sobel(levels, axis=0)).sum(dtype=np.int64)
    return bool(along_x > along_y)


def border_gaps(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the pixels that close the blade's edge on the two borders that it crosses.

    Parameters
    ----------
    mask
        (H, W), true for blade.

    Returns
    -------
    NDArray[np.bool_]
        (H, W), true only on the borders, and only where background lies between pixels of one
        blade: a connected one, so that with the gap closed the hole behind it is enclosed. Never
        on a border with under 1 % of that blade, nor for a gap wider than 1.5 times the blade
        there.
    """
    gaps = np.zeros_like(mask)
    if not mask.any():
        return gaps
    blades, _ = ndimage.label(mask, _EIGHT)
    # Views, so that what is written into a line is written into the picture.
    across, crossed = (gaps, blades) if is_vertical(mask) else (gaps.T, blades.T)
    for border in (0, -1):
        across[border] = _gaps_on_a_line(crossed[border])
    return gaps


def _gaps_on_a_line(blades: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Close one border; the numbers tell which blade each pixel belongs to, 0 is background."""
    closed = np.zeros(blades.shape, bool)
    for blade in np.unique(blades[blades > 0]):
        places = np.flatnonzero(blades == blade)
        if places.size < LEAST_BLADE * blades.size:
            continue
        for left, right in pairwise(places):
            between = slice(left + 1, right)
            # Another blade in between would make two of this gap: its edges are not ours.
            is_free = not blades[between].any()
            if right - left > 1 and is_free and right - left - 1 <= WIDEST_GAP * places.size:
                closed[between] = True
    return closed
