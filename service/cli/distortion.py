"""How far a decoded picture is from its original."""

import math

import numpy as np
from numpy.typing import NDArray

# Rows compared at a time: a 30 megapixel picture is never held a second time as integers.
_ROWS = 256


def psnr(
    original: NDArray[np.uint8],
    decoded: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None = None,
) -> float | None:
    """Peak signal-to-noise ratio over all samples (the three channels taken together).

    Parameters
    ----------
    original, decoded : ndarray of uint8, (H, W, 3) or (H, W)
        Pictures of one shape.
    mask : ndarray of bool, (H, W), optional
        Pixels that count; all of them by default.

    Returns
    -------
    float or None
        In dB. None where there is no error to measure: equal pictures or an empty mask.

    Raises
    ------
    ValueError
        When the shapes differ.
    """
    if original.shape != decoded.shape:
        raise ValueError(f"shapes differ: {original.shape} and {decoded.shape}")
    squares = 0
    samples = 0
    for top in range(0, original.shape[0], _ROWS):
        rows = slice(top, top + _ROWS)
        difference = original[rows].astype(np.int32) - decoded[rows]
        if mask is not None:
            difference = difference[mask[rows]]
        squares += int(np.square(difference).sum(dtype=np.int64))
        samples += difference.size
    if squares == 0:
        return None
    return 10 * math.log10(255**2 * samples / squares)
