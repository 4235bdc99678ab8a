"""What stands beyond a picture's right and lower border, up to whole patches.

A mirror image keeps the border free of a false edge. Over FADE pixels it fades to the border's
own colours, smoothed along it: what no one will see should cost next to no bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.codec.grid import Window

FADE = 24
SMOOTH = 64  # pixels to each side along the border


class PaddedPicture:
    """A picture that answers for every pixel of its coded rectangle.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W) uint8; grey is repeated for three channels. Not copied.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = pixels
        self._height, self._width = pixels.shape[:2]
        self._below = _smoothed(pixels[-1].reshape(self._width, -1))
        self._beside = _smoothed(pixels[:, -1].reshape(self._height, -1))

    def window(self, window: Window) -> NDArray[np.uint8]:
        """Pixels of a window of the coded picture, (h, w, 3)."""
        part = self._pixels[window.top : window.bottom, window.left : window.right]
        if window.bottom > self._height or window.right > self._width:
            part = self._padded(window)
        part = part.reshape(*part.shape[:2], -1)
        return part if part.shape[2] == 3 else np.repeat(part, 3, axis=2)

    def _padded(self, window: Window) -> NDArray[np.uint8]:
        rows = np.arange(window.top, window.bottom)
        columns = np.arange(window.left, window.right)
        inner_rows, inner_columns = _mirror(rows, self._height), _mirror(columns, self._width)
        picture = self._pixels[inner_rows[:, None], inner_columns].astype(np.float32)
        picture = picture.reshape(len(rows), len(columns), -1)
        below = np.clip((rows - self._height + 1) / FADE, 0, 1).astype(np.float32)
        beside = np.clip((columns - self._width + 1) / FADE, 0, 1).astype(np.float32)
        picture += below[:, None, None] * (self._below[inner_columns] - picture)
        picture += beside[None, :, None] * (self._beside[inner_rows][:, None] - picture)
        return np.rint(picture).astype(np.uint8).reshape(len(rows), len(columns), -1)


def _smoothed(line: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means over SMOOTH samples to each side, (n, channels); fewer at the ends."""
    sums = np.concatenate([np.zeros((1, line.shape[1])), np.cumsum(line, axis=0, dtype=float)])
    index = np.arange(len(line))
    low, high = np.maximum(index - SMOOTH, 0), np.minimum(index + SMOOTH + 1, len(line))
    means: NDArray[np.float32] = ((sums[high] - sums[low]) / (high - low)[:, None]).astype(
        np.float32
    )
    return means


def _mirror(index: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Reflect indices back into 0..size-1, the border sample repeated; any distance."""
    phase = index % (2 * size)
    return np.minimum(phase, 2 * size - 1 - phase)
