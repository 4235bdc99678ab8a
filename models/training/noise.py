"""Sensor noise on photographs that have none left: camera originals are noisier than crops."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

GAMMA = 2.2
SHOT = (-4.5, -2.8)  # log10 of the variance a unit of light, full scale 1
READ = (-6.5, -4.5)  # log10 of the variance in the dark


def with_sensor_noise(rgb: Tensor, share: float, *, correlated: bool = False) -> Tensor:
    """Poisson-Gaussian noise in linear light on about ``share`` of the pictures.

    Parameters
    ----------
    rgb : (B, 3, H, W), 0..255.
    share : probability of each picture to get noise, of a strength of its own.
    correlated : between neighbours and colours, as demosaicing and film leave it; how much, each
        picture draws.

    Returns integers 0..255, as floats.
    """
    chosen = (torch.rand(len(rgb), 1, 1, 1, device=rgb.device) < share).to(rgb.dtype)
    linear = (rgb / 255) ** GAMMA
    variance = linear * _drawn(rgb, SHOT) + _drawn(rgb, READ)
    noise = torch.randn_like(linear)
    if correlated:
        noise = _correlated(noise)
    noisy = linear + noise * variance.sqrt()
    shown = 255 * noisy.clamp(0, 1) ** (1 / GAMMA)
    return torch.round(rgb + chosen * (shown - rgb))


def _drawn(rgb: Tensor, logarithms: tuple[float, float]) -> Tensor:
    low, high = logarithms
    return 10 ** (low + (high - low) * torch.rand(len(rgb), 1, 1, 1, device=rgb.device))


def _correlated(noise: Tensor) -> Tensor:
    """White noise (B, 3, H, W) of variance 1, blurred and mixed between colours; still of 1."""
    b, c = noise.shape[:2]
    common, side = torch.rand(2, b, 1, 1, 1, device=noise.device)
    shared = torch.randn_like(noise[:, :1])
    mixed = (1 - common).sqrt() * noise + common.sqrt() * shared
    row = torch.cat([side, torch.ones_like(side), side], 3) / (1 + 2 * side**2).sqrt()
    kernel = (row.transpose(2, 3) * row).repeat_interleave(c, 0)
    planes = F.pad(mixed.flatten(0, 1)[None], (1, 1, 1, 1), mode="circular")
    return F.conv2d(planes, kernel, groups=b * c).view_as(noise)
