"""The lossy layer: pixels to latents and back, and the upper level's streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.container.layout import Stream
from service.codec.grid import LATENT, TOP, Grid, Window
from service.codec.integrity import crc32c_of_symbols
from service.codec.options import Checkpoint
from service.codec.padding import PaddedPicture
from service.codec.patch_mask import PATCH
from service.errors import BadStream
from service.runtime.lossy_model import LossyModel

BAND_PATCHES = 256  # an upper-level stream covers about this many patches


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
    """Round z at an anchor's gain and derive what follows from it."""
    (z,) = model.hyper_analysis.run(y=y[None, :, :, : model.anatomy.hyper_channels])
    symbols = np.floor(z[0] * model.top_gain(anchor) + 0.5).astype(np.int32)
    return derive_upper(model, symbols, anchor)


def derive_upper(model: LossyModel, symbols: NDArray[np.int32], anchor: int) -> UpperLevel:
    """Means and features from the symbols of z; encoder and decoder alike."""
    h, w = symbols.shape[0] * (TOP // LATENT), symbols.shape[1] * (TOP // LATENT)
    means = np.zeros((h, w, model.anatomy.mean_channels), np.float32)
    if model.means is not None:
        z = symbols / model.top_gain(anchor)
        means = model.means.run(z=z[None].astype(np.float32))[0][0]
    (features,) = model.features.run(symbols=symbols[None].astype(np.float32))
    return UpperLevel(symbols, means, features[0])


def band_rows(grid: Grid) -> int:
    """Rows of patches in a band."""
    return min(max(1, BAND_PATCHES // grid.columns), grid.rows)


def encode_bands(
    model: LossyModel, symbols: NDArray[np.int32], anchor: int, rows_of_patches: int
) -> list[Stream]:
    """One stream a band of z; an all-zero band is an empty stream."""
    streams = []
    for band in _bands(symbols, rows_of_patches):
        if not band.any():
            streams.append(Stream(b"", 0))
            continue
        stack = Stack(crc32c_of_symbols(band))
        stack.push_step(band.ravel(), _band_tables(model, band, anchor), model.tables)
        streams.append(Stream(stack.to_bytes(), 1))
    return streams


def decode_band(
    model: LossyModel,
    data: bytes | memoryview,
    groups: int,
    anchor: int,
    shape: tuple[int, int, int],
) -> NDArray[np.int32]:
    """Symbols of one band, (h, w, Cz).

    Raises
    ------
    BadStream
        The stream is damaged.
    """
    band = np.zeros(shape, np.int32)
    if groups == 0:
        return band
    if groups != 1:
        raise BadStream(f"A band has {groups} levels; this model has one.")
    stack = Stack.from_bytes(data)
    flat = stack.pop_step(_band_tables(model, band, anchor), model.tables)
    if not stack.ends_on(crc32c_of_symbols(flat)):
        raise BadStream("A band of the upper level is damaged.")
    return flat.reshape(shape)


def _bands(symbols: NDArray[np.int32], rows_of_patches: int) -> list[NDArray[np.int32]]:
    height = rows_of_patches * (PATCH // TOP)
    return [
        np.ascontiguousarray(symbols[top : top + height]) for top in range(0, len(symbols), height)
    ]


def _band_tables(model: LossyModel, band: NDArray[np.int32], anchor: int) -> NDArray[np.uint8]:
    return np.broadcast_to(model.top_tables(anchor), band.shape).ravel()
