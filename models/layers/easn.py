"""Expanded adaptive scaling normalisation (EASN; Shin et al., ECCV 2022).

Paper roi-eml, section IV-C: EASN(y) = m(y) * sigmoid(F(y)) + y, m and F learned. In place of
GDN's energy a small network sees the neighbourhood, with the sign of its values, and scales.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.layers.resampling import Down, Same, Up


def _scaling(first: nn.Module, channels: int) -> nn.Sequential:
    """F: its last layer starts at zero, so that each sigmoid starts at a half."""
    last = Same(channels, channels, 3)
    nn.init.zeros_(last.weight)
    return nn.Sequential(first, nn.LeakyReLU(), last)


class EASN(nn.Module):
    """m(x) * sigmoid(F(x)) + x, F = 3x3, LeakyReLU, 3x3; (B, channels, H, W), H and W > 2.

    It looks two positions to each side. m starts at zero: at first it hands on what it gets.

    Parameters
    ----------
    channels : channels of input and output.
    kernel : of m, 1 or (EASN-deep) 5.
    """

    def __init__(self, channels: int, kernel: int = 1) -> None:
        super().__init__()
        self.mapping = Same(channels, channels, kernel)
        nn.init.zeros_(self.mapping.weight)
        self.scaling = _scaling(Same(channels, channels, 3), channels)

    def forward(self, x: Tensor) -> Tensor:
        """Scale what m makes of each position by what F sees around it."""
        scaled: Tensor = self.mapping(x) * torch.sigmoid(self.scaling(x))
        return scaled + x


class EASNDown(nn.Module):
    """Downsampling of EASN-deep: 5x5, F of 3x3, LeakyReLU, 3x3, and a strided 1x1 beside them.

    (B, inputs, H, W) to (B, outputs, H / 2, W / 2), even H, W > 4.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mapping = Down(inputs, outputs)
        self.scaling = _scaling(Down(inputs, outputs, 3), outputs)
        self.skip = Same(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Halve the resolution."""
        scaled: Tensor = self.mapping(x) * torch.sigmoid(self.scaling(x))
        # Sliced, not strided: on CPUs PyTorch 2.13 writes beyond its memory in the gradient of a
        # strided 1x1 convolution of three channels that come last.
        skipped: Tensor = self.skip(x[:, :, ::2, ::2])
        return scaled + skipped


class EASNUp(nn.Module):
    """Upsampling of EASN-deep, mirrored; what is skipped goes through a transposed 3x3.

    (B, inputs, H, W) to (B, outputs, 2 H, 2 W).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mapping = Up(inputs, outputs)
        self.scaling = _scaling(Up(inputs, outputs, 3), outputs)
        self.skip = Up(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Double the resolution."""
        scaled: Tensor = self.mapping(x) * torch.sigmoid(self.scaling(x)) + self.skip(x)
        return scaled
