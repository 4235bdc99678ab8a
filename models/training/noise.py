"""Sensor noise on photographs that have none left: camera originals are noisier than crops."""

from __future__ import annotations

import torch
from torch import Tensor

GAMMA = 2.2
SHOT = (-4.5, -2.8)  # log10 of the variance a unit of light, full scale 1
READ = (-6.5, -4.5)  # log10 of the variance in the dark


def with_sensor_noise(rgb: Tensor, share: float) -> Tensor:
    """Poisson-Gaussian noise in linear light on about ``share`` of the pictures.

    Parameters
    ----------
    rgb : (B, 3, H, W), 0..255.
    share : probability of each picture to get noise, of a strength of its own.

    Returns integers 0..255, as floats.
    """
    chosen = (torch.rand(len(rgb), 1, 1, 1, device=rgb.device) < share).to(rgb.dtype)
    linear = (rgb / 255) ** GAMMA
    variance = linear * _drawn(rgb, SHOT) + _drawn(rgb, READ)
    noisy = linear + torch.randn_like(linear) * variance.sqrt()
    shown = 255 * noisy.clamp(0, 1) ** (1 / GAMMA)
    return torch.round(rgb + chosen * (shown - rgb))


def _drawn(rgb: Tensor, logarithms: tuple[float, float]) -> Tensor:
    low, high = logarithms
    return 10 ** (low + (high - low) * torch.rand(len(rgb), 1, 1, 1, device=rgb.device))
