"""Photographs as cameras leave them at their own resolution, made of sharper and cleaner ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.layers.ycbcr import LUMA
from models.training.noise import with_sensor_noise

SOFTEST = 0.4  # of a neighbour on each side, for each of the picture's own samples


def as_taken(rgb: Tensor, share: float) -> Tensor:
    """Soft luma, chroma of half the resolution and noise on about ``share`` of the pictures.

    Pictures that were scaled down are like none of these. What learns from them alone takes a
    photograph's softness for a loss.

    Parameters
    ----------
    rgb : (B, 3, H, W), 0..255, sides even.
    share : probability of each picture; how soft and how noisy, each draws.

    Returns integers 0..255, as floats.
    """
    chosen = torch.rand(len(rgb), 1, 1, 1, device=rgb.device) < share
    with torch.autocast(rgb.device.type, enabled=False):  # which would round to bfloat16
        return torch.where(chosen, _taken(rgb), rgb)


def _taken(rgb: Tensor) -> Tensor:
    weights = torch.tensor(LUMA, device=rgb.device)[:, None, None]
    luma = (rgb * weights).sum(1, keepdim=True)
    chroma = F.avg_pool2d(rgb - luma, 2)
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    soft = (_softened(luma) + chroma).clamp(0, 255).round()
    return with_sensor_noise(soft, 1.0, correlated=True)


def _softened(luma: Tensor) -> Tensor:
    """(B, 1, H, W), each blurred by three taps a side, of a width of its own."""
    side = SOFTEST * torch.rand(len(luma), 1, 1, 1, device=luma.device)
    row = torch.cat([side, torch.ones_like(side), side], 3) / (1 + 2 * side)
    planes = F.pad(luma.transpose(0, 1), (1, 1, 1, 1), mode="replicate")
    return F.conv2d(planes, row.transpose(2, 3) * row, groups=len(luma)).transpose(0, 1)
