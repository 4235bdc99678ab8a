"""Multi-scale structural similarity as a loss: the evaluation's figure, in torch.

Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003; the mean of the values of R, G and B, as learned codecs are usually compared.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.evaluation.ms_ssim import (
    CONTRAST_FLOOR,
    DEVIATION,
    EXPONENTS,
    LUMINANCE_FLOOR,
    SMALLEST_SIDE,
    WINDOW,
)

# A fractional power has no finite slope at zero, and early pictures may be opposed to theirs.
LEAST_SIMILARITY = 1e-4


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """MS-SSIM of each picture of a batch; 1 where they are equal. Differentiable.

    Computed in float32 whatever autocast is on: variances are differences of large squares.

    Parameters
    ----------
    a, b
        (B, C, H, W) of one shape, 0..255 and not necessarily whole or clipped, sides of 176
        pixels or more.

    Returns
    -------
    Tensor
        (B,), 0..1.

    Raises
    ------
    ValueError
        The shapes differ, or a side is shorter than the window at the fifth scale needs.
    """
    if a.shape != b.shape:
        raise ValueError(f"shapes differ: {tuple(a.shape)} and {tuple(b.shape)}")
    pictures, channels, height, width = a.shape
    if min(height, width) < SMALLEST_SIDE:
        raise ValueError(f"sides of {SMALLEST_SIDE} pixels are needed, not {height} x {width}")
    with torch.autocast(a.device.type, enabled=False):
        x, y = (planes.float().reshape(-1, 1, height, width) for planes in (a, b))
        product = torch.ones(pictures * channels, device=a.device)
        for scale, exponent in enumerate(EXPONENTS):
            if scale:
                x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
            luminance, structure = _compared(x, y)
            last = scale == len(EXPONENTS) - 1
            mean = (luminance * structure if last else structure).mean((1, 2, 3))
            product = product * mean.clamp_min(LEAST_SIMILARITY) ** exponent
        return product.reshape(pictures, channels).mean(1)


def _compared(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast with structure, in every window of planes (N, 1, h, w)."""
    # Variances don't depend on what is taken off both; without it float32 would lose them.
    away = 128.0
    u, v = x - away, y - away
    blurred = _blurred(torch.cat([u, v, u * u + v * v, u * v], 1))
    mean_u, mean_v, squares, products = blurred.split(1, 1)
    power = squares - mean_u**2 - mean_v**2
    shared = products - mean_u * mean_v
    mean_x, mean_y = mean_u + away, mean_v + away
    luminance = (2 * mean_x * mean_y + LUMINANCE_FLOOR) / (mean_x**2 + mean_y**2 + LUMINANCE_FLOOR)
    structure = (2 * shared + CONTRAST_FLOOR) / (power + CONTRAST_FLOOR)
    return luminance, structure


def _blurred(planes: Tensor) -> Tensor:
    """Means under the window, (N, C, h, w) to (N, C, h - 10, w - 10)."""
    away = torch.arange(WINDOW, device=planes.device) - WINDOW // 2
    bell = torch.exp(-0.5 * (away / DEVIATION) ** 2)
    weights = (bell / bell.sum()).expand(planes.shape[1], 1, 1, WINDOW)
    across = F.conv2d(planes, weights, groups=planes.shape[1])
    return F.conv2d(across, weights.transpose(2, 3), groups=planes.shape[1])
