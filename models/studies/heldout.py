"""Held-out pictures: folders of them, cut to what every network takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.evaluation.rate_distortion import read_folder
from service.settings import Settings

SIDE = 256  # whose multiples networks take

Pictures = dict[str, NDArray[np.uint8]]
"""RGB (H, W, 3) by the name of the file."""


def read_heldout(folder: Path, settings: Settings) -> Pictures:
    """The middles of all pictures of a folder, sides the largest multiples of 256.

    Raises
    ------
    ValueError
        There is no picture, or one is smaller than that.
    BladestreamError
        One is damaged.
    """
    found = {}
    for each in read_folder(folder, settings):
        pixels = each.picture.pixels
        rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
        height, width = (length // SIDE * SIDE for length in rgb.shape[:2])
        if not height or not width:
            raise ValueError(f"{each.name}: a side has fewer than {SIDE} pixels")
        top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
        found[each.name] = rgb[top : top + height, left : left + width].copy()
    return found


def as_batch(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) to (1, 3, H, W), float32, 0..255."""
    return torch.from_numpy(pixels).permute(2, 0, 1).float()[None].contiguous()
