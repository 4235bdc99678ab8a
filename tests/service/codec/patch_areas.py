"""Where the blade lies in the picture of 600x700 that the tests of exact blades share."""

from __future__ import annotations

import numpy as np

HEIGHT, WIDTH = 600, 700
BLADE = (1, 4, 5)
Region = tuple[int, int, int, int]


def blade_area(patches: tuple[int, ...] = BLADE) -> np.ndarray:
    """(H, W) true on the pixels of these patches."""
    chosen = np.zeros(9, bool)
    chosen[list(patches)] = True
    return np.kron(chosen.reshape(3, 3), np.ones((256, 256), bool))[:HEIGHT, :WIDTH]


def crop(pixels: np.ndarray, region: Region) -> np.ndarray:
    x, y, width, height = region
    return pixels[y : y + height, x : x + width]
