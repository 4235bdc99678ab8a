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
_REACHES = (6, 48)  # how far from the nearest Cb and Cr those of a clipped colour are looked for
_MOST_TRIED = 1 << 22  # colours times chroma: some tenths of a second
_AT_ONCE = 1 << 18


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
    if not wrong.any():
        return values
    # The nearest are the right ones, and the only ones, where nothing was clipped.
    if not ((rgb[wrong] == 0) | (rgb[wrong] == 255)).any(-1).all():
        return None
    colours, places = np.unique(rgb[wrong], axis=0, return_inverse=True)
    found = _of_clipped(colours.astype(np.int32))
    if found is None:
        return None
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


def _of_clipped(colours: NDArray[np.int32]) -> NDArray[np.int32] | None:
    """Y, Cb, Cr of colours (n, 3) with clipped components: of all that would do, the nearest.

    None if one of them has none that is near; or too few have, to look farther for the others.
    """
    found = np.zeros_like(colours)
    left = np.arange(len(colours))
    for reach in _REACHES:
        side = 2 * reach + 1
        if len(left) * side**2 > _MOST_TRIED:
            return None
        missing = []
        for start in range(0, len(left), _AT_ONCE // side**2):
            part = left[start : start + _AT_ONCE // side**2]
            found[part], there = _nearest_fit(colours[part], reach)
            missing.append(part[~there])
        left = np.concatenate(missing)
        if not left.size:
            return found
    return None


def _nearest_fit(
    colours: NDArray[np.int32], reach: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Y, Cb, Cr of colours (n, 3), chroma no farther off than ``reach``; and whether they fit."""
    centre = _nearest(colours.astype(np.float64))
    around = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2), -1).reshape(-1, 2)
    chroma = centre[:, None, 1:] + around
    shifts = _shifts(chroma[..., 0], chroma[..., 1])
    # A component is right from one luma to another: the same one, or open where it clips.
    wanted = colours[:, None]
    low = np.where(wanted == 0, 0, wanted - shifts).max(-1).clip(0)
    high = np.where(wanted == 255, 255, wanted - shifts).min(-1).clip(max=255)
    luma = np.clip(centre[:, None, 0], low, high)
    distance = np.abs(luma - centre[:, None, 0]) + np.abs(around).sum(-1)
    fits = (low <= high) & (chroma >= -128).all(-1) & (chroma <= 127).all(-1)
    best = np.where(fits, distance, 10_000).argmin(1)[:, None]
    values = np.concatenate([luma[..., None], chroma], -1)
    return np.take_along_axis(values, best[..., None], 1)[:, 0], fits.any(1)


def _shifts(cb: NDArray[np.int32], cr: NDArray[np.int32]) -> NDArray[np.int32]:
    """What chroma adds to Y for R, G and B, (..., 3)."""
    red = (RED_CR * cr + _HALF) >> 16
    green = (_HALF - GREEN_CB * cb - GREEN_CR * cr) >> 16
    blue = (BLUE_CB * cb + _HALF) >> 16
    return np.stack([red, green, blue], axis=-1)
