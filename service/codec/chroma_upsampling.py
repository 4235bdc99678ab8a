"""Chroma of a JPEG at the size of its luma, to the bit as decoders have it.

A chroma sample covers one or two pixels across and down. Pixels get theirs "fancily", as decoders
call it: three quarters of the nearest sample and a quarter of the next nearest, across and down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_LEAST_FANCY_WIDTH = 3  # chroma samples in a row of the picture


def is_fancy(chroma_width: int, sampling: tuple[int, int]) -> bool:
    """Whether pixels get chroma of two samples in a row, not of the nearest alone."""
    return sampling != (1, 1) and chroma_width >= _LEAST_FANCY_WIDTH


def repeated(samples: Samples, sampling: tuple[int, int]) -> Samples:
    """Chroma of narrow pictures: each sample for all the pixels that it covers.

    Parameters
    ----------
    samples
        (n, rows, columns).
    sampling
        (h, v), pixels that a sample covers across and down.

    Returns
    -------
    Samples
        (n, v * rows, h * columns).
    """
    across, down = sampling
    return samples.repeat(down, axis=1).repeat(across, axis=2)


def upsampled(framed: Samples, sampling: tuple[int, int]) -> Samples:
    """Chroma of all other pictures.

    Parameters
    ----------
    framed
        (n, rows + 2, columns + 2), each 0 to 255: with a frame of the samples around, that
        repeats the edge where the picture ends. The frame's rows count at (2, 2) alone.
    sampling
        (2, 1) or (2, 2).

    Returns
    -------
    Samples
        (n, v * rows, 2 * columns), of the samples within the frame.
    """
    if sampling == (2, 1):
        rows = framed[:, 1:-1]
        return _across(rows, left_half=1, right_half=2, bits=2)
    near = 3 * framed[:, 1:-1]
    sums = np.stack([near + framed[:, :-2], near + framed[:, 2:]], axis=2)
    rows = sums.reshape(len(framed), -1, framed.shape[2])
    return _across(rows, left_half=8, right_half=7, bits=4)


def _across(rows: Samples, left_half: int, right_half: int, bits: int) -> Samples:
    """Two pixels for each value but the first and the last of a row, (n, rows, columns + 2).

    Halves are rounded up in one of the two pixels and down in the other, so that none drifts.
    """
    near = 3 * rows[..., 1:-1]
    left = (near + rows[..., :-2] + left_half) >> bits
    right = (near + rows[..., 2:] + right_half) >> bits
    pairs: Samples = np.stack([left, right], axis=-1)
    return pairs.reshape(*rows.shape[:2], -1)
