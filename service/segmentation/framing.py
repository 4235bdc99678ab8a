"""From a picture of any size to the network's size, and masks back again."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 512, 768
"""The working size: rows and columns that the network takes."""
BLADE_LEVEL = 128
"""Least `certainty` of a blade's pixel."""

_Kind = TypeVar("_Kind", bound=np.generic)
# Rows of the working picture that are made in one go, so that no second copy of a large picture
# is ever held.
_BAND_ROWS = 64


def to_working(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a picture to the network's size.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W), any size from 1x1.

    Returns
    -------
    NDArray[np.uint8]
        (512, 768, 3): turned by a quarter counter-clockwise if the picture stands, means of areas
        (so that thin tips survive), grey repeated. Other proportions than 3:2 are stretched.
    """
    if pixels.shape[0] > pixels.shape[1]:
        working = np.rot90(_resized(pixels, HEIGHT, WIDTH))
    else:
        working = _resized(pixels, WIDTH, HEIGHT)
    if working.ndim == 2:
        working = np.repeat(working[..., None], 3, axis=2)
    return np.ascontiguousarray(working)


def as_it_stands(working: NDArray[_Kind], size: tuple[int, int]) -> NDArray[_Kind]:
    """Turn what has the working size back for a picture of (height, width) pixels."""
    return np.rot90(working, -1) if size[0] > size[1] else working


def certainty(
    mask: NDArray[np.bool_], probability: NDArray[np.float32], threshold: float
) -> NDArray[np.uint8]:
    """Merge a mask with what it was decided by, so that its border can be placed within a pixel.

    Parameters
    ----------
    mask
        (h, w), true for blade.
    probability
        (h, w). Where it contradicts the mask (a filled hole), the mask holds.
    threshold
        The probability on the border.

    Returns
    -------
    NDArray[np.uint8]
        (h, w), 128 or more exactly where the mask is true.
    """
    decided = np.where(mask == (probability >= threshold), probability, mask)
    above = BLADE_LEVEL + (decided - threshold) * ((255 - BLADE_LEVEL) / (1 - threshold))
    below = decided * ((BLADE_LEVEL - 1) / threshold)
    return np.where(mask, above, below).astype(np.uint8)


def to_picture_size(levels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Enlarge a mask.

    Parameters
    ----------
    levels
        A `certainty`, as the picture stands.
    size
        Rows and columns of the picture.

    Returns
    -------
    NDArray[np.bool_]
        (rows, columns), true for blade.
    """
    image = Image.fromarray(np.ascontiguousarray(levels))
    enlarged = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    result: NDArray[np.bool_] = np.asarray(enlarged) >= BLADE_LEVEL
    return result


def leaves_a_trace(levels: NDArray[np.uint8], size: tuple[int, int]) -> bool:
    """Whether a mask that has blade still has some at the picture's size.

    Parameters
    ----------
    levels, size
        As for `to_picture_size`.
    """
    if size[0] >= levels.shape[0] and size[1] >= levels.shape[1]:
        blade = levels >= BLADE_LEVEL
        square = blade[1:, 1:] & blade[1:, :-1] & blade[:-1, 1:] & blade[:-1, :-1]
        # Between four pixels of blade there is a pixel of the larger picture, and it is blade.
        if square.any():
            return True
    return bool(to_picture_size(levels, size).any())


def _resized(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    rows, columns = pixels.shape[:2]
    if rows < height or columns < width:
        # The mean of less than a pixel is that pixel: an enlarged picture would be all blocks.
        small = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(small)
    result = np.empty((height, width, *pixels.shape[2:]), np.uint8)
    for top in range(0, height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, height)
        first, last = top * rows / height, bottom * rows / height
        start, stop = int(first), min(int(np.ceil(last)), rows)
        result[top:bottom] = np.asarray(
            Image.fromarray(np.ascontiguousarray(pixels[start:stop])).resize(
                (width, bottom - top),
                Image.Resampling.BOX,
                box=(0, first - start, columns, last - start),
            )
        )
    return result
