"""Exact convolutions of signed integers: differences and residuals, moved into u8."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.layers.exact import ExactConv

ZERO = 128  # the u8 that stands for 0
FINE = 8  # a signed integer's fine feature counts eighths of what its coarse one counts
BITS = 3  # real units of both: u8 * 2^-BITS


def signed_features(values: Tensor) -> Tensor:
    """Two u8 features of a signed integer, (B, C, H, W) to (B, 2 C, H, W), in real units.

    The fine ones tell -16..15 apart in eighths, so that small values are large enough to matter
    among quantised weights; the coarse ones reach -128..127.
    """
    both = torch.cat([values * FINE, values], 1)
    return (both.clamp(-ZERO, ZERO - 1) + ZERO) * 2.0**-BITS


class CentredConv(ExactConv):
    """A convolution of ``signed_features``: an input of ``ZERO`` counts as 0.

    Beyond the border lies u8 0, the least value, so a border is something the network can see.
    Shapes as in ``ExactConv``.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, input_bits=BITS, raw=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W), multiples of 2^-BITS, to (B, outputs, H, W)."""
        if self.exact:
            return super().forward(x)
        # Not by way of the bias, as in ``integers``: bfloat16 would round it too coarsely.
        zero = ZERO * 2.0**-BITS
        margin = self.kernel // 2
        centred = F.pad(x - zero, (margin,) * 4, value=-zero)
        return F.conv2d(centred, self.weight, self.bias)

    def integers(self) -> tuple[Tensor, Tensor, Tensor]:
        """As in ``ExactConv``, with the inputs' zero taken off by the bias."""
        weight, bias, bits = super().integers()
        return weight, bias - ZERO * weight.sum((1, 2, 3)), bits
