"""Pictures to look at: what was found, what was missed, what is no blade at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LONGEST = 1536
_FOUND, _MISSED, _MISTAKEN = (0, 200, 120), (255, 0, 60), (40, 90, 255)
_TINT = 0.45


def write_overlay(
    path: Path, pixels: NDArray[np.uint8], found: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> None:
    """Write a picture of at most 1536 pixels a side as JPEG.

    Blade that was found is tinted green, blade that was missed red, and what was taken for blade
    by mistake blue.

    Parameters
    ----------
    path
        Its folder is made.
    pixels
        (H, W, 3) or (H, W).
    found, truth
        (H, W), true for blade.
    """
    height, width = truth.shape
    scale = min(1.0, _LONGEST / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shown = np.asarray(Image.fromarray(pixels).convert("RGB").resize(size), np.float32).copy()
    for mask, colour in (
        (found & truth, _FOUND),
        (truth & ~found, _MISSED),
        (found & ~truth, _MISTAKEN),
    ):
        # The mean of an area, so that a miss of single pixels is still seen.
        share = np.asarray(
            Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BOX)
        )
        tint = np.where(share > 0, np.maximum(share, 0.2), 0)[..., None] * _TINT
        shown += tint * (np.array(colour, np.float32) - shown)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shown.round().astype(np.uint8)).save(path, quality=88)
