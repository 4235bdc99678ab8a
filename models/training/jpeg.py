"""Photographs as they come out of a camera's JPEG: native, often smooth, with a block grid."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from models.layers.ycbcr import from_ycbcr, to_ycbcr
from models.training.noise import with_sensor_noise

QUALITIES = (70, 98)  # from, below
SUBSAMPLINGS = ("4:2:0", "4:2:0", "4:2:2", "4:4:4")  # drawn alike: 4:2:0 is twice as likely
MAGNIFICATIONS = (1.0, 3.0)
STORED_AGAIN = 0.3  # share of the pictures from JPEGs that go through another one
SMOOTH_SHARE = 0.4  # of the pictures that are stored here
NOISY_SHARE = 0.4  # likewise
FROM_JPEG = 0.8  # share of pixels with a JPEG's colours that only a JPEG's picture has


def as_stored(rgb: Tensor) -> Tensor:
    """Every picture out of a JPEG: as it is, if it comes from one, but for a share of these.

    What is stored here is, by chance, magnified and made noisy before.

    Parameters
    ----------
    rgb : (B, 3, H, W), integers 0..255.

    Returns integers 0..255, as floats.
    """
    again = _chance(rgb, STORED_AGAIN) | ~comes_from_jpeg(rgb)
    shown = torch.round(magnified(rgb, again & _chance(rgb, SMOOTH_SHARE)))
    noisy = with_sensor_noise(shown, 1.0)
    chosen = again & _chance(rgb, NOISY_SHARE)
    return with_jpeg(torch.where(chosen[:, None, None, None], noisy, shown), again)


def comes_from_jpeg(rgb: Tensor) -> Tensor:
    """Whether a JPEG decoder made a picture, (B,) bool: few colours are ones that it can make."""
    possible = (from_ycbcr(to_ycbcr(rgb)) == rgb).all(1)
    return possible.float().mean((1, 2)) > FROM_JPEG


def magnified(rgb: Tensor, chosen: Tensor) -> Tensor:
    """The middle of the chosen pictures, magnified: no detail as fine as a pixel is left.

    Native photographs of a close, smooth surface look so; downscaled ones do not.

    Parameters
    ----------
    rgb : (B, 3, H, W), 0..255.
    chosen : (B,) bool; each of them gets a factor of its own, 1 to 3.

    Returns 0..255, not rounded.
    """
    height, width = rgb.shape[2:]
    made = []
    for picture, magnify in zip(rgb, chosen.tolist(), strict=True):
        low, high = MAGNIFICATIONS
        factor = low + (high - low) * float(torch.rand(())) if magnify else 1.0
        rows, columns = round(height / factor), round(width / factor)
        top, left = (height - rows) // 2, (width - columns) // 2
        part = picture[None, :, top : top + rows, left : left + columns]
        if factor > 1:
            part = F.interpolate(part, (height, width), mode="bicubic", align_corners=False)
        made.append(part.clamp(0, 255))
    return torch.cat(made)


def with_jpeg(rgb: Tensor, chosen: Tensor) -> Tensor:
    """The chosen pictures coded as JPEG and decoded, the block grid at their first pixel.

    Parameters
    ----------
    rgb : (B, 3, H, W), integers 0..255.
    chosen : (B,) bool; each of them gets a quality and a subsampling of its own.

    Returns integers 0..255, as floats.
    """
    coded = rgb.clone()
    for place in chosen.nonzero().flatten().tolist():
        quality = int(torch.randint(*QUALITIES, ()))
        subsampling = SUBSAMPLINGS[int(torch.randint(len(SUBSAMPLINGS), ()))]
        pixels = rgb[place].permute(1, 2, 0).to(torch.uint8).cpu().numpy()
        data = io.BytesIO()
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image.save(data, "JPEG", quality=quality, subsampling=subsampling)
        with Image.open(data) as decoded:
            back = torch.from_numpy(np.array(decoded))
        coded[place] = back.permute(2, 0, 1).to(rgb)
    return coded


def _chance(rgb: Tensor, share: float) -> Tensor:
    return torch.rand(len(rgb), device=rgb.device) < share
