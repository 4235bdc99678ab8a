"""Gain vectors: one model for every rate.

A latent is multiplied by its channel's gain before rounding and divided by it after (gain units,
Cui et al., CVPR 2021, section 3). There are nine anchors, q = 0 (the base layer) to 8; between
anchors gains are interpolated geometrically, g = g_a^(1-t) * g_b^t.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ANCHORS = 9
# Loss: lambda * 255^2 * MSE (pixels in 0..1) + bits a pixel. Anchors 1..8 are the customary eight
# of MSE-trained codecs (CompressAI's documentation, "Training"); 0 continues them downwards.
LAMBDAS = (0.0009, 0.0018, 0.0035, 0.0067, 0.013, 0.025, 0.0483, 0.0932, 0.18)


def lagrangian(quality: Tensor) -> Tensor:
    """lambda of the MSE at a real quality 0..8, interpolated geometrically like the gains."""
    return interpolated(LAMBDAS, quality)


def interpolated(anchors: tuple[float, ...], quality: Tensor) -> Tensor:
    """Geometric interpolation of one value an anchor at real qualities 0..8, of any shape."""
    logs = torch.log(torch.tensor(anchors, device=quality.device))
    low = quality.floor().clamp(0, ANCHORS - 2).long()
    t = quality - low
    return torch.exp(logs[low] * (1 - t) + logs[low + 1] * t)


class Gains(nn.Module):
    """Per-channel gains at every quality; starts at the optimum of a uniform quantiser.

    At high rate the best step of an orthonormal transform is step^2 = 18 / (ln 2 * lambda) in
    8-bit units, from d(lambda D + R) = 0 with D = step^2 / 12 and R falling by log2(step).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        start = 0.5 * torch.log(torch.tensor(LAMBDAS) / 26.0)
        self.logarithm = nn.Parameter(start[:, None].repeat(1, channels))

    def forward(self, quality: Tensor) -> Tensor:
        """Natural logarithm of the gains, (B, channels), at real qualities (B,) in 0..8."""
        low = quality.floor().clamp(0, ANCHORS - 2).long()
        t = (quality - low)[:, None]
        return self.logarithm[low] * (1 - t) + self.logarithm[low + 1] * t
