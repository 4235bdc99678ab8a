"""Generalised divisive normalisation (Balle, Laparra and Simoncelli, ICLR 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAST_BETA = 1e-6
START_DIAGONAL = 0.1
START_BESIDE = 1e-4  # above zero: the gradient of a square vanishes at zero


class GDN(nn.Module):
    """x / sqrt(beta + gamma x^2), gamma a matrix over channels; its inverse multiplies.

    beta > 0 and gamma >= 0 by reparametrisation: the parameters are square roots. The
    normalisation looks at one position, so it widens no receptive field.

    Parameters
    ----------
    channels : channels of input and output.
    inverse : multiply in place of dividing (IGDN, for synthesis).

    Shapes: (B, channels, H, W), any height and width.
    """

    def __init__(self, channels: int, *, inverse: bool = False) -> None:
        super().__init__()
        gamma = torch.full((channels, channels), START_BESIDE)
        gamma.fill_diagonal_(START_DIAGONAL)
        self.inverse = inverse
        self.root_beta = nn.Parameter(torch.ones(channels))
        self.root_gamma = nn.Parameter(gamma.sqrt())

    def beta(self) -> Tensor:
        """(channels,), at least LEAST_BETA."""
        return self.root_beta.square() + LEAST_BETA

    def gamma(self) -> Tensor:
        """(channels, channels), output by input, never negative."""
        return self.root_gamma.square()

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each position by the energy of its channels."""
        norm = torch.sqrt(F.conv2d(x.square(), self.gamma()[:, :, None, None], self.beta()))
        return x * norm if self.inverse else x / norm
