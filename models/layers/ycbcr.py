"""The colours of JPEG files (JFIF's YCbCr, full range), chroma centred on 0."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
# Cb and Cr are scaled to one full range each (JFIF 1.02, page 3).
_MATRIX = (
    LUMA,
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)
# The way back in 1/65536, as decoders agree on it: 1.402, 0.71414, 0.34414 and 1.772.
RED_CR, GREEN_CR, GREEN_CB, BLUE_CB = 91881, 46802, 22554, 116130


def to_ycbcr(rgb: Tensor) -> Tensor:
    """Nearest integers of Y, Cb and Cr, (B, 3, H, W) to the same shape, float32.

    Of pixels that a JPEG decoder made, these are the values it made them of, since three rounding
    errors of a half never add up to more than a half; but for pixels that it had to clip.
    """
    matrix = torch.tensor(_MATRIX, device=rgb.device, dtype=torch.float64)
    return torch.round(torch.einsum("ij,bjhw->bihw", matrix, rgb.double())).float()


def from_ycbcr(values: Tensor) -> Tensor:
    """RGB 0..255 as JPEG decoders round and clip it; (B, 3, H, W), float32."""
    y, cb, cr = values.double().unbind(1)

    def rounded(sixteen_bits: Tensor) -> Tensor:
        return torch.floor((sixteen_bits + 2**15) / 2**16)

    red = y + rounded(RED_CR * cr)
    green = y + rounded(-GREEN_CB * cb - GREEN_CR * cr)
    blue = y + rounded(BLUE_CB * cb)
    return torch.stack([red, green, blue], 1).clamp(0, 255).float()
