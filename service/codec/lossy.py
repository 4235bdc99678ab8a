"""The lossy layer: pixels to latents and back, in tiles; what follows from the upper level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.grid import LATENT, TOP, Grid, Window
from service.codec.options import Checkpoint
from service.codec.padding import PaddedPicture
from service.codec.patch_mask import PATCH
from service.runtime.lossy_model import LossyModel


def analyse(
    model: LossyModel, pixels: NDArray[np.uint8], grid: Grid, checkpoint: Checkpoint
) -> NDArray[np.float32]:
    """Pixels (H, W, 3) or (H, W) to y (h, w, C) on the 1/16 grid, tile by tile.

    The halo covers the network's receptive field, so tiles leave no trace.
    """
    shape = (grid.coded_height // LATENT, grid.coded_width // LATENT, model.anatomy.channels)
    y = np.empty(shape, np.float32)
    padded = PaddedPicture(pixels)
    cores = list(grid.tiles(Window(0, grid.coded_height, 0, grid.coded_width)))
    for done, core in enumerate(cores):
        checkpoint("analysis", done, len(cores))
        window = core.grown(model.anatomy.analysis_halo, grid)
        (tile,) = model.analysis.run(picture=padded.window(window)[None])
        rows, columns = core.within(window)
        y[core.scaled(LATENT)] = tile[
            0,
            rows.start // LATENT : rows.stop // LATENT,
            columns.start // LATENT : columns.stop // LATENT,
        ]
    return y


def synthesise(
    model: LossyModel,
    y: NDArray[np.float32],
    quality64: NDArray[np.int32],
    grid: Grid,
    shown: Window,
    checkpoint: Checkpoint,
) -> NDArray[np.uint8]:
    """y (h, w, C) to the pixels (H, W, 3) of a window; y need only hold its halo.

    ``quality64`` is (rows, columns) of patches.
    """
    picture = np.empty((shown.bottom - shown.top, shown.right - shown.left, 3), np.uint8)
    side = PATCH // LATENT
    cores = list(grid.tiles(shown.aligned(LATENT)))
    for done, core in enumerate(cores):
        checkpoint("synthesis", done, len(cores))
        window = core.grown(model.anatomy.synthesis_halo, grid)
        rows, columns = window.scaled(LATENT)
        quality = quality64[
            np.arange(rows.start, rows.stop)[:, None] // side,
            np.arange(columns.start, columns.stop) // side,
        ]
        (tile,) = model.synthesis.run(
            y=y[rows, columns][None], quality=quality[None].astype(np.float32) / 64
        )
        visible = Window(
            max(core.top, shown.top),
            min(core.bottom, shown.bottom),
            max(core.left, shown.left),
            min(core.right, shown.right),
        )
        picture[visible.within(shown)] = tile[0][visible.within(window)]
    return picture


@dataclass(frozen=True)
class UpperLevel:
    """z, coded: its symbols, and what they tell of y.

    Attributes
    ----------
    symbols
        (h/4, w/4, Cz) int32.
    means
        (h, w, K) float32, the predicted first channels of y.
    features
        (h, w, F) float32 of integers, what the exact networks see.
    """

    symbols: NDArray[np.int32]
    means: NDArray[np.float32]
    features: NDArray[np.float32]


def quantise_upper(model: LossyModel, y: NDArray[np.float32], anchor: int) -> UpperLevel:
    """From y (h, w, C): round z at an anchor's gain, and derive what follows from it."""
    (z,) = model.hyper_analysis.run(y=y[None, :, :, : model.anatomy.hyper_channels])
    symbols = np.floor(z[0] * model.top_gain(anchor) + 0.5).astype(np.int32)
    return derive_upper(model, symbols, anchor)


def derive_upper(model: LossyModel, symbols: NDArray[np.int32], anchor: int) -> UpperLevel:
    """Means and features from the symbols of z (h/4, w/4, Cz); encoder and decoder alike."""
    h, w = symbols.shape[0] * (TOP // LATENT), symbols.shape[1] * (TOP // LATENT)
    means = np.zeros((h, w, model.anatomy.mean_channels), np.float32)
    if model.means is not None:
        z = symbols / model.top_gain(anchor)
        means = model.means.run(z=z[None].astype(np.float32))[0][0]
    (features,) = model.features.run(symbols=symbols[None].astype(np.float32))
    return UpperLevel(symbols, means, features[0])
