"""Contrast masking: where a picture varies much, more error goes unseen.

A subband is divided by what its low-pass band tells of local contrast before it is quantised, and
multiplied by it after, so quantiser steps grow where there is texture. The decoder has the
low-pass band before it needs the factor: nothing is sent (as in JPEG 2000's visual masking,
Zeng, Daly and Lei, Signal Processing: Image Communication 17, 2002, but by the coarser
resolution rather than by neighbours in the band).

MS-SSIM asks for this. Where an error e is small beside a window's variance v, its structure term
is 1 - e^2 / (2 v + C2), so the best step grows like (v + C2 / 2)^(1/2); the decoder sees v through
quantisation, and a lower power, a higher floor lose less by that.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

FLOOR = 70.0  # of variances, in squared 8-bit units; below it nothing is masked
POWER = 0.35
REACH = 1  # samples to each side that a window covers


class ContrastMasking(nn.Module):
    """Factors of the subbands of a level, 1 where the picture is flat; no parameters."""

    def forward(self, low: Tensor, level: int) -> Tensor:
        """The factor at every position of a level's subbands.

        Parameters
        ----------
        low
            Low-pass band of a level, all axes (B, 3, h, w), scaled to unit cost in RGB.
        level
            1 is the finest. Such bands are 2^level times larger than pixels.

        Returns
        -------
        Tensor
            (B, 1, h, w), at least 1.
        """
        square = low.square().sum(1, keepdim=True)
        side = 2 * REACH + 1
        padded = F.pad(low, (REACH,) * 4, mode="replicate")
        mean = F.avg_pool2d(padded, side, 1)
        mean_square = F.avg_pool2d(F.pad(square, (REACH,) * 4, mode="replicate"), side, 1)
        spread = mean_square - mean.square().sum(1, keepdim=True)
        variance = spread.clamp_min(0) / (3 * 4**level)
        factor: Tensor = (1 + variance / FLOOR) ** POWER
        return factor
