"""The learned residual of the synthesis: it takes back what quantisation left in the picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FOLD = 4  # the network works on the 1/4 grid


def step_of(quality: Tensor) -> Tensor:
    """Roughly the quantiser's step at a quality, 1 at q = 4."""
    return torch.exp((4.0 - quality) * 0.35)


class ResidualBlock(nn.Module):
    """x + conv1x1(relu(conv3x3(relu(x)))), W channels, replicate padding.

    At equal multiply-adds and equal time a full 3x3 trained faster here than a depthwise 5x5 with
    two wide 1x1 layers.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate")
        self.mix = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.mix.weight)  # a fresh block adds nothing
        assert self.mix.bias is not None
        nn.init.zeros_(self.mix.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, W, h, w) to the same shape."""
        y: Tensor = self.mix(F.relu(self.wide(F.relu(x))))
        return x + y


class Detour(nn.Module):
    """What blocks on a grid half as fine add to a state (B, W, h, w), h and w even.

    A quantiser's error at low rates is as wide as the filters of the coarse levels.
    """

    def __init__(self, width: int, coarse_width: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(4 * width, coarse_width, 1)
        self.blocks = nn.Sequential(*(ResidualBlock(coarse_width) for _ in range(blocks)))
        self.leave = nn.Conv2d(coarse_width, 4 * width, 1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, state: Tensor) -> Tensor:
        """(B, W, h, w) to the same shape."""
        coarse = self.blocks(self.enter(F.pixel_unshuffle(state, 2)))
        return F.pixel_shuffle(self.leave(coarse), 2)


class Restoration(nn.Module):
    """linear (B, 3, H, W) RGB 0..255 and qualities on the 1/16 grid to restored RGB.

    The last layer starts at zero, so training starts from the linear path. Receptive field:
    (2 + blocks) * FOLD pixels on each side at most, cells counted whole. A detour of
    ``coarse_blocks``, behind half of the others, reaches 2 * FOLD more with each, and FOLD at once.
    """

    def __init__(
        self, width: int, blocks: int, coarse_width: int = 96, coarse_blocks: int = 0
    ) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3 * FOLD**2 + 2, width, 3, padding=1, padding_mode="replicate")
        self.blocks = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.detour = Detour(width, coarse_width, coarse_blocks) if coarse_blocks else None
        self.leave = nn.Conv2d(width, 3 * FOLD**2, 1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, linear: Tensor, quality: Tensor) -> Tensor:
        """The linear path (B, 3, H, W) restored, given quality (B, H/16, W/16); not clipped."""
        grid = F.interpolate(quality[:, None], scale_factor=16 // FOLD, mode="nearest")
        folded = F.pixel_unshuffle(linear, FOLD) / 128.0 - 1.0
        planes = [grid / 8.0, step_of(grid)]
        state = self.enter(torch.cat([folded, *planes], 1))
        half = len(self.blocks) // 2
        state = self.blocks[:half](state)
        if self.detour is not None:
            state = state + self.detour(state)
        residual = self.leave(self.blocks[half:](state))
        out: Tensor = linear + F.pixel_shuffle(residual, FOLD) * 16.0
        return out
