"""Means of a wavelet's detail bands, predicted from the coarser picture that is decoded already.

A symbol is round(gain * (y - mean)): its table depends on the scale alone, so the mean may come
from any float network, and a device's last bits move a pixel, never a symbol. An edge that shows
in a level's low-pass picture goes on in its bands; what of it can be foretold need not be coded.

    LL_k, quality --> blocks --> state --> mean of the level's first group
                                   + <---- that group, decoded
                                 block --> mean of the second group, and so on
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
    """Means of one level's groups, n channels each, on their common grid.

    Each patch is looked at alone, as its streams are.

    channels : n of each group, in coding order.
    """

    def __init__(self, channels: tuple[int, ...], width: int, blocks: int) -> None:
        super().__init__()
        # Four phases of three axes, quality and step. Padded with zeros, so that it can tell a
        # patch's border, where the low-pass picture is a guess.
        self.enter = nn.Conv2d(3 * 4 + 2, width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.absorb = nn.ModuleList(nn.Conv2d(n, width, 3, padding=1) for n in channels[:-1])
        self.turn = nn.ModuleList(ResidualBlock(width) for _ in channels[:-1])
        self.leave = nn.ModuleList(nn.Conv2d(width, n, 1) for n in channels)
        for leave in self.leave:
            assert isinstance(leave, nn.Conv2d) and leave.bias is not None
            nn.init.zeros_(leave.weight)
            nn.init.zeros_(leave.bias)

    @property
    def width(self) -> int:
        """Channels of the state."""
        return self.enter.out_channels

    def first(self, low: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        """Means of the first group, (P, n, h, w), and the state (P, W, h, w).

        low (P, 3, 2 h, 2 w): the level's low-pass picture, at its pixels' size; quality (P,).
        """
        folded = F.pixel_unshuffle(low, 2) / LOW_UNIT
        plane = quality[:, None, None, None].expand(-1, 1, *folded.shape[2:])
        state = self.blocks(self.enter(torch.cat([folded, plane / 8.0, step_of(plane)], 1)))
        return self.leave[0](state) * UNIT, state

    def following(self, number: int, state: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Means of group ``number`` of the level, and the state.

        before (P, n, h, w): the group before, as it was decoded.
        """
        state = self.turn[number - 1](state + self.absorb[number - 1](before / UNIT))
        return self.leave[number](state) * UNIT, state


class DetailMeans(nn.Module):
    """The networks of levels 3, 2 and 1.

    channels, widths, blocks : of each, coarse to fine.
    """

    def __init__(
        self,
        channels: tuple[tuple[int, ...], ...],
        widths: tuple[int, ...],
        blocks: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            LevelMeans(*each) for each in zip(channels, widths, blocks, strict=True)
        )

    def level(self, number: int) -> LevelMeans:
        """The network of level 3 - number."""
        return cast(LevelMeans, self.levels[number])
