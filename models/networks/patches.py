"""Patches of 256x256 and their qualities, as training draws and measures them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PATCH = 256
LATENTS = PATCH // 16  # positions on a side of a patch on the 1/16 grid


def to_patches(grid: Tensor) -> Tensor:
    """(B, C, 16 r, 16 c) to (B r c, C, 16, 16), raster order within a picture."""
    b, c, h, w = grid.shape
    cut = grid.reshape(b, c, h // LATENTS, LATENTS, w // LATENTS, LATENTS)
    patches = b * (h // LATENTS) * (w // LATENTS)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(patches, c, LATENTS, LATENTS)


def from_patches(patches: Tensor, rows: int, columns: int) -> Tensor:
    """Inverse of ``to_patches`` for pictures of rows x columns patches."""
    c = patches.shape[1]
    cut = patches.reshape(-1, rows, columns, c, LATENTS, LATENTS).permute(0, 3, 1, 4, 2, 5)
    return cut.reshape(-1, c, rows * LATENTS, columns * LATENTS)


def on_grid(quality: Tensor) -> Tensor:
    """Patch qualities (B, rows, columns) on the 1/16 grid (B, 16 rows, 16 columns)."""
    return quality.repeat_interleave(LATENTS, 1).repeat_interleave(LATENTS, 2)


def patch_mse(a: Tensor, b: Tensor) -> Tensor:
    """MSE of each patch, (B, rows, columns), 8-bit units."""
    return F.avg_pool2d((a - b).float().square().mean(1), PATCH)


def draw_qualities(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Two-valued quality maps (B, rows, columns) in steps of 1/64, and the upper level's anchor.

    Half of the pictures have one quality; the others a second, higher one on random patches. The
    upper level follows the lower of the two, as the encoder chooses it.
    """
    b, _, h, w = rgb.shape
    rows, columns = h // PATCH, w // PATCH
    low = torch.rand(b, 1, 1, device=rgb.device) * 8.0
    high = low + torch.rand_like(low) * (8.0 - low)
    chosen = torch.rand(b, rows, columns, device=rgb.device) < 0.5
    mixed = torch.rand(b, 1, 1, device=rgb.device) < 0.5
    quality = torch.where(chosen & mixed, high, low)
    quality = torch.floor(quality * 64 + 0.5) / 64
    return quality, torch.floor(quality.amin((1, 2)) + 0.5)


def by_quality(values: Tensor, quality: Tensor) -> dict[str, float]:
    """Means over patches near q = 1, 4 and 7, for the log."""
    found = {}
    for q in (1, 4, 7):
        near = (quality.reshape(-1) - q).abs() < 0.75
        if near.any():
            found[f"q{q}"] = float(values.detach().reshape(-1)[near].mean())
    return found
