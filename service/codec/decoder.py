"""From a `.blade` file to a picture, whole or by region; mirrors the encoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.bands import decode_band
from service.codec.container.layout import Header
from service.codec.container.parser import Blade, parse
from service.codec.grid import LATENT, TOP, Grid, Window
from service.codec.lossy import UpperLevel, derive_upper, synthesise
from service.codec.options import (
    QUALITY_STEPS,
    Checkpoint,
    DecompressOptions,
    no_checkpoint,
)
from service.codec.patch_mask import PATCH
from service.codec.patches import BATCH, PatchCoder
from service.codec.rate_control import Rate
from service.codec.timing import Stages
from service.errors import BadStream, DamagedStream
from service.pictures import Metadata
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo

_METADATA = ("exif", "xmp", "icc")  # chunks whose bytes are handed out


@dataclass(frozen=True)
class Decoded:
    """A picture or region, its metadata, and a JSON-able report."""

    pixels: NDArray[np.uint8]
    metadata: Metadata
    report: dict[str, object]


class Decoder:
    """Decompresses files with the models of a zoo; safe to share between threads."""

    def __init__(self, zoo: Zoo, max_pixels: int = 120_000_000) -> None:
        self._zoo = zoo
        self._max_pixels = max_pixels

    def decompress(
        self,
        data: bytes | memoryview,
        options: DecompressOptions = DecompressOptions(),  # noqa: B008 (frozen)
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Decoded:
        """Decode a file, or as much of it as there is.

        Parameters
        ----------
        data
            The file; a prefix that holds the index will do.
        options
            Region, blade only, strict.
        checkpoint
            Called between tiles.

        Raises
        ------
        BadStream, UnsupportedStream
            This is no file that can be read.
        UnknownModel, ModelUnavailable
            Its model is not here, or cannot run.
        BadParameter
            The region is not within the picture.
        DamagedStream
            ``strict``, and something that is shown, or metadata, is damaged or missing.
        """
        blade = parse(data, max_pixels=self._max_pixels)
        header = blade.header
        grid = Grid(header.width, header.height)
        shown = grid.region(options.region)
        model = self._zoo.by_digest(header.model.digest, header.model.name)
        if header.top_quality >= model.anchors:
            raise BadStream(f"The file's upper level has quality {header.top_quality}.")
        stages = Stages()
        with stages.stage("upper_level"):
            upper, bad_bands = _decode_upper(model, blade, grid)
        quality = Rate(header.quality64, header.roi_quality64).quality_map(header.mask)
        needed = self._needed(model, header, grid, shown, options.roi_only)
        y = np.zeros(
            (grid.coded_height // LATENT, grid.coded_width // LATENT, model.anatomy.channels),
            np.float32,
        )
        with stages.stage("patches"):
            coder = PatchCoder(model, grid, upper, quality)
            damaged = _decode_patches(coder, blade, needed, y, checkpoint)
        damaged = sorted({*damaged, *_under(bad_bands, header, needed)})
        lost = [label for label in blade.check_chunks() if label in _METADATA]
        if options.strict and (damaged or lost):
            what = ", ".join(([f"{len(damaged)} patches"] if damaged else []) + lost)
            raise DamagedStream(f"Damaged or missing: {what}.", patches=damaged, metadata=lost)
        with stages.stage("synthesis"):
            pixels = synthesise(model, y, quality, grid, shown, checkpoint)
        if options.roi_only:
            _blacken(pixels, header.mask, shown)
        if header.grey:
            pixels = ((pixels.sum(axis=2, dtype=np.uint16) + 1) // 3).astype(np.uint8)
        touched = _touched(damaged, grid, shown)
        if options.roi_only:
            touched = [number for number in touched if header.mask.flat[number]]
        report = _report(blade, shown, stages, touched, damaged, lost)
        return Decoded(pixels, blade.metadata(), report)

    @staticmethod
    def _needed(
        model: LossyModel, header: Header, grid: Grid, shown: Window, roi_only: bool
    ) -> list[int]:
        """Patches within the synthesis halo of what is shown."""
        halo = model.anatomy.synthesis_halo
        if not roi_only:
            wanted = grid.patches_in(shown.grown(halo, grid))
            return [int(number) for number in np.flatnonzero(wanted)]
        wanted = np.zeros_like(header.mask)
        for row, column in np.argwhere(header.mask & grid.patches_in(shown)):
            top, left = int(row) * PATCH, int(column) * PATCH
            window = Window(top, top + PATCH, left, left + PATCH)
            wanted |= grid.patches_in(window.grown(halo, grid))
        return [int(number) for number in np.flatnonzero(wanted)]


def _decode_upper(model: LossyModel, blade: Blade, grid: Grid) -> tuple[UpperLevel, list[int]]:
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


def _decode_patches(
    coder: PatchCoder,
    blade: Blade,
    needed: list[int],
    y: NDArray[np.float32],
    checkpoint: Checkpoint,
) -> list[int]:
    """Decode patches into y; returns those that are damaged or missing."""
    damaged = []
    for start in range(0, len(needed), BATCH):
        checkpoint("patches", start, len(needed))
        numbers = needed[start : start + BATCH]
        streams: list[tuple[bytes | memoryview, int]] = []
        for number in numbers:
            data = blade.patch(number)
            groups = blade.patches[number].groups
            streams.append((b"", 0) if data is None else (data, groups))
            if data is None:
                damaged.append(number)
        damaged += coder.decode(streams, numbers, y)
    return sorted(set(damaged))


def _under(bad_bands: list[int], header: Header, needed: list[int]) -> list[int]:
    """Patches of damaged bands, and a row on each side: as far as z reaches (under one patch)."""
    rows = {
        row
        for band in bad_bands
        for row in range(band * header.band_rows - 1, (band + 1) * header.band_rows + 1)
    }
    return [number for number in needed if number // header.patch_columns in rows]


def _touched(damaged: list[int], grid: Grid, shown: Window) -> list[int]:
    """Damaged patches, widened by the synthesis halo (under one patch), within what is shown."""
    marked = np.zeros((grid.rows + 2, grid.columns + 2), bool)
    for number in damaged:
        row, column = divmod(number, grid.columns)
        marked[row : row + 3, column : column + 3] = True
    seen = marked[1:-1, 1:-1] & grid.patches_in(shown)
    return [int(number) for number in np.flatnonzero(seen)]


def _blacken(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], shown: Window) -> None:
    """Leave blade patches alone, in place."""
    for row, column in np.argwhere(~mask):
        top = max(int(row) * PATCH, shown.top)
        left = max(int(column) * PATCH, shown.left)
        bottom = min((int(row) + 1) * PATCH, shown.bottom)
        right = min((int(column) + 1) * PATCH, shown.right)
        if top < bottom and left < right:
            pixels[Window(top, bottom, left, right).within(shown)] = 0


def _report(
    blade: Blade,
    shown: Window,
    stages: Stages,
    touched: list[int],
    damaged: list[int],
    lost: list[str],
) -> dict[str, object]:
    header = blade.header
    return {
        "width": shown.right - shown.left,
        "height": shown.bottom - shown.top,
        "region": [shown.left, shown.top, shown.right - shown.left, shown.bottom - shown.top],
        "mode": header.mode,
        "model": f"{header.model.name}/{header.model.version}",
        "quality": header.quality64 / QUALITY_STEPS,
        "roi_quality": header.roi_quality64 / QUALITY_STEPS,
        "bytes": len(blade.data),
        "bpp": round(8 * len(blade.data) / (header.width * header.height), 4),
        # Lossy pixels are never exact, however well they decode.
        "exact": False,
        "damaged": touched,
        "damaged_streams": damaged,
        "damaged_metadata": lost,
        "truncated": blade.truncated,
        "seconds": stages.report(),
    }
