"""The colours that JPEG files store, of pixels that came out of one (docs/FORMAT.md, section 8).

A JPEG decoder makes R, G, B of integers Y, Cb, Cr, each 0 to 255. It can make less than a quarter
of all colours, so a picture that has only such colours is cheaper as Y, Cb, Cr; and its chroma is
as smooth as the JPEG left it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RED_CR, GREEN_CR, GREEN_CB, BLUE_CB = 91881, 46802, 22554, 116130
"""1.402, 0.71414, 0.34414 and 1.772 in 1/65536, as decoders have them (JFIF 1.02, page 3)."""
_HALF = 1 << 15
_REACH = 40  # how far from the nearest Cb and Cr those of a clipped colour are looked for


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
    luma, cb, cr = np.moveaxis(values, -1, 0)
    red = luma + ((RED_CR * cr + _HALF) >> 16)
    green = luma + ((_HALF - GREEN_CB * cb - GREEN_CR * cr) >> 16)
    blue = luma + ((BLUE_CB * cb + _HALF) >> 16)
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 255)


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
    if not wrong.any():
        return values
    colours, places = np.unique(rgb[wrong], axis=0, return_inverse=True)
    # Unclipped, the nearest are the right ones: there are no others.
    if not ((colours == 0) | (colours == 255)).any(-1).all():
        return None
    found = [_of_clipped(colour) for colour in colours.astype(np.int32)]
    if any(each is None for each in found):
        return None
    values[wrong] = np.array(found, np.int32)[places.reshape(-1)]
    return values


def _nearest(rgb: NDArray[np.float64]) -> NDArray[np.int32]:
    """The integers nearest to the exact transform.

    Three errors of at most a half, from rounding R, G and B, move none of them by more.
    """
    red, green, blue = np.moveaxis(rgb, -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    exact = np.stack([luma, (blue - luma) / 1.772, (red - luma) / 1.402], axis=-1)
    return np.clip(np.rint(exact), (0, -128, -128), (255, 127, 127)).astype(np.int32)


def _of_clipped(colour: NDArray[np.int32]) -> NDArray[np.int32] | None:
    """Y, Cb, Cr of a colour with clipped components, (3,); the least saturated there are."""
    centre = _nearest(colour.astype(np.float64))
    offset = np.arange(-_REACH, _REACH + 1)
    axes = [np.arange(256)] + [np.unique(np.clip(c + offset, -128, 127)) for c in centre[1:]]
    cb, cr = (axis.reshape(-1) for axis in np.meshgrid(*axes[1:], indexing="ij"))
    chroma = np.stack([np.zeros_like(cb), cb, cr], -1).astype(np.int32)
    shifts = np.stack(
        [
            (RED_CR * cr + _HALF) >> 16,
            (_HALF - GREEN_CB * cb - GREEN_CR * cr) >> 16,
            (BLUE_CB * cb + _HALF) >> 16,
        ],
        -1,
    )
    # Component c is right for luma from low_c to high_c; a clipped one is open on one side.
    low = np.where(colour == 0, -1000, colour - shifts).max(-1).clip(0)
    high = np.where(colour == 255, 1000, colour - shifts).min(-1).clip(max=255)
    fits = np.flatnonzero(low <= high)
    if not fits.size:
        return None
    best = fits[np.argmin(np.abs(cb[fits]) + np.abs(cr[fits]))]
    chroma[best, 0] = np.clip(centre[0], low[best], high[best])
    return chroma[best]
