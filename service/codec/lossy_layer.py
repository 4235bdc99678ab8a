"""A file's lossy streams, back to latents; damage is told, not raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.bands import decode_band
from service.codec.container.layout import Header
from service.codec.container.parser import Blade
from service.codec.grid import LATENT, TOP, Grid, Window
from service.codec.lossy import UpperLevel, derive_upper
from service.codec.options import Checkpoint
from service.codec.patch_mask import PATCH
from service.codec.patches import BATCH, PatchCoder
from service.codec.rate_control import Rate
from service.errors import BadStream
from service.runtime.lossy_model import LossyModel


@dataclass(frozen=True)
class LossyLayer:
    """Latents of some patches, ready for synthesis.

    Attributes
    ----------
    model
        What they were coded with.
    y
        (h, w, C) on the 1/16 grid, 0 outside of those patches.
    quality
        (rows, columns) of each patch, in steps of 1/64.
    damaged
        Those of the patches whose stream, or whose band, is damaged or missing.
    """

    model: LossyModel
    y: NDArray[np.float32]
    quality: NDArray[np.int32]
    damaged: list[int]


def needed_patches(halo: int, grid: Grid, shown: Window, wanted: NDArray[np.bool_]) -> list[int]:
    """Patches within the synthesis halo of what a window shows of the wanted patches."""
    needed = np.zeros_like(wanted)
    if wanted[grid.patches_in(shown)].all():
        needed = grid.patches_in(shown.grown(halo, grid))
    else:
        for number in np.flatnonzero(wanted):
            part = grid.patch(int(number)).common(shown)
            needed |= grid.patches_in(part.grown(halo, grid))
    return [int(number) for number in np.flatnonzero(needed)]


def decode_upper(model: LossyModel, blade: Blade, grid: Grid) -> tuple[UpperLevel, list[int]]:
    """The upper level, zero where a band is damaged or missing; and those bands."""
    header = blade.header
    shape = (grid.coded_height // TOP, grid.coded_width // TOP, model.anatomy.top_channels)
    symbols = np.zeros(shape, np.int32)
    height = header.band_rows * (PATCH // TOP)
    bad = []
    for number in range(header.band_count):
        rows = slice(number * height, min((number + 1) * height, shape[0]))
        data = blade.band(number)
        try:
            if data is None:
                raise BadStream("A band is missing.")
            symbols[rows] = decode_band(
                model,
                data,
                blade.bands[number].groups,
                header.top_quality,
                (rows.stop - rows.start, shape[1], shape[2]),
            )
        except BadStream:
            bad.append(number)
    return derive_upper(model, symbols, header.top_quality), bad


def decode_patches(
    model: LossyModel,
    blade: Blade,
    grid: Grid,
    upper: UpperLevel,
    bad_bands: list[int],
    numbers: list[int],
    lent: Mapping[int, bytes],
    checkpoint: Checkpoint,
) -> LossyLayer:
    """Decode some patches; what is damaged shows what the upper level tells.

    ``lent`` has the streams that came back from stacks, by patch; those that did not are damaged.
    """
    header = blade.header
    quality = Rate(header.quality64, header.roi_quality64).quality_map(header.mask)
    shape = (grid.coded_height // LATENT, grid.coded_width // LATENT, model.anatomy.channels)
    y = np.zeros(shape, np.float32)
    coder = PatchCoder(model, grid, upper, quality)
    damaged = set(_under(bad_bands, header, numbers))
    for start in range(0, len(numbers), BATCH):
        checkpoint("patches", start, len(numbers))
        batch = numbers[start : start + BATCH]
        streams: list[tuple[bytes | memoryview, int]] = []
        for number in batch:
            data = lent.get(number, blade.patch(number))
            streams.append((b"", 0) if data is None else (data, blade.patches[number].groups))
            if data is None:
                damaged.add(number)
        damaged.update(coder.decode(streams, batch, y))
    return LossyLayer(model, y, quality, sorted(damaged))


def _under(bad_bands: list[int], header: Header, needed: list[int]) -> list[int]:
    """Patches of damaged bands, and a row on each side: as far as z reaches (under one patch)."""
    rows = {
        row
        for band in bad_bands
        for row in range(band * header.band_rows - 1, (band + 1) * header.band_rows + 1)
    }
    return [number for number in needed if number // header.patch_columns in rows]
