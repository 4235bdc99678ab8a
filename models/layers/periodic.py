"""A bias that repeats over the picture: the grid of a codec that the pixels once came through."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.layers.exact import STREAM_BITS, round_through


class PeriodicBias(nn.Module):
    """Adds to the stream what its position, modulo ``period`` in both directions, asks for.

    Integers on the stream's grid, 2^-STREAM_BITS, in float training as well; 0 at the start.
    The stream's first row and column are the period's first.

    Parameters
    ----------
    channels : of the stream.
    period : in positions of the stream.
    """

    def __init__(self, channels: int, period: int) -> None:
        super().__init__()
        self.period = period
        self.bias = nn.Parameter(torch.zeros(channels, period, period))

    def forward(self, stream: Tensor) -> Tensor:
        """(B, channels, H, W) to the same shape."""
        height, width = stream.shape[2:]
        rows, columns = -(-height // self.period), -(-width // self.period)
        tiled = self._rounded().tile(1, rows, columns)[:, :height, :width]
        return stream + tiled.to(stream.dtype)

    @torch.no_grad()
    def integers(self) -> Tensor:
        """The bias in steps of the stream's grid, (channels, period, period)."""
        return self._rounded() * 2.0**STREAM_BITS

    def _rounded(self) -> Tensor:
        scale = 2.0**STREAM_BITS
        return round_through(self.bias * scale) / scale
