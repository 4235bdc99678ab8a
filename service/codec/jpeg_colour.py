"""The colours that JPEG files store, of pixels that came out of one (docs/FORMAT.md, section 8).

A JPEG decoder makes R, G, B of integers Y, Cb, Cr, each 0 to 255. It can make less than a quarter
of all colours, so a picture that has only such colours is cheaper as Y, Cb, Cr; and its chroma is
as smooth as the JPEG left it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RED_CR, GREEN_CR, GREEN_CB, BLUE_CB = 91881, 46802, 22554, 116130
"""1.402, 0.71414, 0.34414 and 1.772 in 1/65536, as decoders have them (JFIF 1.02, page 3)."""
_HALF = 1 << 15
_REACHES = (6, 48)  # how far from the nearest Cb and Cr those of a clipped colour are looked for


def from_ycbcr(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Y, Cb, Cr to R, G, B.

    Parameters
    ----------
    values
        (..., 3) integers; Cb and Cr are centred on 0.

    Returns
    -------
    NDArray[np.int32]
        (..., 3), 0 to 255: what lies beyond is clipped, as decoders do.
    """
    unclipped = values[..., :1] + _shifts(values[..., 1], values[..., 2])
    clipped: NDArray[np.int32] = np.clip(unclipped, 0, 255).astype(np.int32)
    return clipped


def to_ycbcr(rgb: NDArray[np.uint8]) -> NDArray[np.int32] | None:
    """R, G, B to Y, Cb, Cr that ``from_ycbcr`` makes exactly them of.

    Parameters
    ----------
    rgb
        (..., 3).

    Returns
    -------
    NDArray[np.int32] | None
        (..., 3): Y from 0 to 255, Cb and Cr from -128 to 127; None if there are none for a pixel.
    """
    values = _nearest(rgb.astype(np.float64))
    wrong = (from_ycbcr(values) != rgb).any(-1)
    # The nearest are the right ones, and the only ones, where nothing was clipped.
    if not ((rgb[wrong] == 0) | (rgb[wrong] == 255)).any(-1).all():
        return None
    colours, places = np.unique(rgb[wrong], axis=0, return_inverse=True)
    found = np.zeros((len(colours), 3), np.int32)
    for place, colour in enumerate(colours.tolist()):
        made = _of_clipped(*colour)
        if made is None:
            return None
        found[place] = made
    values[wrong] = found[places.reshape(-1)]
    return values


def _nearest(rgb: NDArray[np.float64]) -> NDArray[np.int32]:
    """The integers nearest to the exact transform.

    Three errors of at most a half, from rounding R, G and B, move none of them by more.
    """
    red, green, blue = np.moveaxis(rgb, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    exact = np.stack([luma, (blue - luma) / 1.772, (red - luma) / 1.402], axis=-1)
    within: NDArray[np.float64] = np.clip(np.rint(exact), (0, -128, -128), (255, 127, 127))
    return within.astype(np.int32)


@lru_cache(1 << 15)
def _of_clipped(red: int, green: int, blue: int) -> tuple[int, int, int] | None:
    """Y, Cb, Cr of a colour with clipped components: of all there are, the nearest."""
    colour = np.array([red, green, blue])
    centre = _nearest(colour.astype(np.float64))
    for reach in _REACHES:
        around = np.arange(-reach, reach + 1)
        cb, cr = (c + around for c in centre[1:])
        cb, cr = (each[(each >= -128) & (each <= 127)] for each in (cb, cr))
        cb, cr = cb.repeat(len(cr)), np.tile(cr, len(cb))
        # A component is right from one luma to another: the same one, or open where it clips.
        shifts = _shifts(cb, cr)
        low = np.where(colour == 0, 0, colour - shifts).max(-1).clip(0)
        high = np.where(colour == 255, 255, colour - shifts).min(-1).clip(max=255)
        luma = np.clip(centre[0], low, high)
        distance = sum(np.abs(a - b) for a, b in zip((luma, cb, cr), centre, strict=True))
        fits = np.flatnonzero(low <= high)
        if fits.size:
            best = fits[np.argmin(distance[fits])]
            return int(luma[best]), int(cb[best]), int(cr[best])
    return None


def _shifts(cb: NDArray[np.int32], cr: NDArray[np.int32]) -> NDArray[np.int32]:
    """What chroma adds to Y for R, G and B, (..., 3)."""
    red = (RED_CR * cr + _HALF) >> 16
    green = (_HALF - GREEN_CB * cb - GREEN_CR * cr) >> 16
    blue = (BLUE_CB * cb + _HALF) >> 16
    return np.stack([red, green, blue], axis=-1)
