"""What stands beyond a picture's right and lower border, up to whole patches.

A mirror image keeps the border free of a false edge, and fades to one colour over FADE pixels:
what no one will see should cost no bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.codec.grid import Window

FADE = 48


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
        border = np.concatenate(
            [pixels[-1].reshape(self._width, -1), pixels[:, -1].reshape(self._height, -1)]
        )
        self._colour = border.mean(axis=0)

    def window(self, window: Window) -> NDArray[np.uint8]:
        """Pixels of a window of the coded picture, (h, w, 3)."""
        part = self._pixels[window.top : window.bottom, window.left : window.right]
        if window.bottom > self._height or window.right > self._width:
            part = self._padded(window)
        return part if part.ndim == 3 else np.repeat(part[:, :, None], 3, axis=2)

    def _padded(self, window: Window) -> NDArray[np.uint8]:
        rows = np.arange(window.top, window.bottom)
        columns = np.arange(window.left, window.right)
        inside = self._pixels[
            _mirror(rows, self._height)[:, None], _mirror(columns, self._width)
        ]
        below = np.clip((rows - self._height + 1) / FADE, 0, 1)
        beside = np.clip((columns - self._width + 1) / FADE, 0, 1)
        share = np.maximum(below[:, None], beside[None, :]).astype(np.float32)
        share = share if inside.ndim == 2 else share[..., None]
        mixed = inside + share * (self._colour.astype(np.float32) - inside)
        return np.rint(mixed).astype(np.uint8)


def _mirror(index: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Reflect indices back into 0..size-1, the border sample repeated; any distance."""
    phase = index % (2 * size)
    return np.minimum(phase, 2 * size - 1 - phase)
