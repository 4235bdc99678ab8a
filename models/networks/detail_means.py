"""Means of a wavelet's detail bands, predicted from the coarser picture that is decoded already.

A symbol is round(gain * (y - mean)): its table depends on the scale alone, so the mean may come
from any float network, and a device's last bits move a pixel, never a symbol. An edge that shows
in a level's low-pass picture goes on in its bands; what of it can be foretold need not be coded.

    LL_k, quality --> blocks --> state --> mean of half a
                                   + <---- half a, decoded
                                 block --> mean of half b
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.restoration import ResidualBlock, step_of

UNIT = 16.0  # latents to what a network computes with
LOW_UNIT = 32.0  # low-pass pictures at their pixels' size, likewise


class LevelMeans(nn.Module):
    """Means of one level's two checkerboard halves, n channels each, on the grid of its group.

    Each patch is looked at alone, as its streams are.
    """

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        # Four phases of three axes, quality and step. Padded with zeros, so that it can tell a
        # patch's border, where the low-pass picture is a guess.
        self.enter = nn.Conv2d(3 * 4 + 2, width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.leave_a = nn.Conv2d(width, channels, 1)
        self.absorb = nn.Conv2d(channels, width, 3, padding=1)
        self.block = ResidualBlock(width)
        self.leave_b = nn.Conv2d(width, channels, 1)
        for leave in (self.leave_a, self.leave_b):
            assert leave.bias is not None
            nn.init.zeros_(leave.weight)
            nn.init.zeros_(leave.bias)

    def first(self, low: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Means of half a, (P, n, h, w), and the state.

        low (P, 3, 2 h, 2 w): the level's low-pass picture, at its pixels' size; quality (P,).
        """
        folded = F.pixel_unshuffle(low, 2) / LOW_UNIT
        plane = quality[:, None, None, None].expand(-1, 1, *folded.shape[2:])
        state = self.blocks(self.enter(torch.cat([folded, plane / 8.0, step_of(plane)], 1)))
        return self.leave_a(state) * UNIT, state

    def second(self, state: Tensor, half: Tensor) -> Tensor:
        """Means of half b, (P, n, h, w), given half a as it was decoded, of the same shape."""
        mean: Tensor = self.leave_b(self.block(state + self.absorb(half / UNIT)))
        return mean * UNIT


class DetailMeans(nn.Module):
    """The networks of levels 3, 2 and 1.

    channels, widths, blocks : of each, coarse to fine.
    """

    def __init__(
        self, channels: tuple[int, ...], widths: tuple[int, ...], blocks: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            LevelMeans(*each) for each in zip(channels, widths, blocks, strict=True)
        )

    def level(self, number: int) -> LevelMeans:
        """The network of level 3 - number."""
        return cast(LevelMeans, self.levels[number])
