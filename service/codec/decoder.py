"""From a `.blade` file to a picture, whole or by region; mirrors the encoder.

The blade comes first, from its lossless streams if it has them; what they leave open, because it
is background or because they are damaged, is shown from the lossy layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.codec.blade_layer import ShownBlade, decode_blade, recover, shown_patches
from service.codec.container.layout import ModelReference
from service.codec.container.parser import Blade, parse
from service.codec.grid import Grid, Window
from service.codec.lossy import synthesise
from service.codec.lossy_layer import LossyLayer, decode_patches, decode_upper, needed_patches
from service.codec.options import (
    QUALITY_STEPS,
    Checkpoint,
    DecompressOptions,
    no_checkpoint,
)
from service.codec.timing import Stages
from service.errors import BadStream, DamagedStream
from service.pictures import Metadata
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo

_METADATA = ("exif", "xmp", "icc", "digests")  # chunks that are told of when they are damaged


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
            ``strict``, and something that is shown, or metadata, is damaged or missing; extra:
            ``patches``, ``metadata``, and ``stacks`` with the patches and donors of each.
        """
        blade = parse(data, max_pixels=self._max_pixels)
        header = blade.header
        grid = Grid(header.width, header.height)
        shown = grid.region(options.region)
        stages = Stages()
        size = (shown.bottom - shown.top, shown.right - shown.left)
        picture = np.zeros(size if header.grey else (*size, 3), np.uint8)
        wanted = grid.patches_in(shown)
        if options.roi_only or not header.has_lossy_layer:
            wanted &= header.mask
        found = self._blade(blade, grid, shown, wanted, picture, stages, checkpoint)
        wanted.flat[found.exact] = False
        layer = None
        if header.has_lossy_layer and wanted.any():
            layer = self._lossy(blade, grid, shown, wanted, found.lent, stages, checkpoint)
        broken = sorted({*found.damaged, *(layer.damaged if layer else [])})
        lost = blade.check_chunks(_METADATA)
        if found.digest_matches is False:
            lost.append("digests")
        stacks = _stacks_with(blade, found, layer)
        if options.strict and (broken or lost):
            what = ", ".join(([f"{len(broken)} patches"] if broken else []) + lost)
            raise DamagedStream(
                f"Damaged or missing: {what}.",
                patches=broken,
                metadata=lost,
                stacks=[
                    {"patches": list(entry.patches), "donors": list(entry.donors)}
                    for entry in (blade.stacks[number] for number in stacks)
                ],
            )
        if layer is not None:
            with stages.stage("synthesis"):
                self._show(layer, grid, shown, wanted, picture, checkpoint)
        touched = sorted({*found.damaged, *_touched(layer, grid, wanted)})
        report = _report(blade, shown, stages, found, touched, broken, lost, stacks)
        return Decoded(picture, blade.metadata(), report)

    def _blade(
        self,
        blade: Blade,
        grid: Grid,
        shown: Window,
        wanted: NDArray[np.bool_],
        picture: NDArray[np.uint8],
        stages: Stages,
        checkpoint: Checkpoint,
    ) -> ShownBlade:
        """Decode the lossless streams of what is shown into its picture.

        And what stacks hold of the lossy layer for the rest of what is wanted.
        """
        reference = blade.header.lossless_model
        exact = shown_patches(blade.header, grid, shown)
        lent: list[int] = []
        if blade.stacks:
            rest = wanted.copy()
            rest.flat[exact] = False
            lent = self._lent(blade, grid, shown, rest)
        if reference is None or not (exact or lent):
            return ShownBlade([], [], None)
        model = self._zoo.lossless_by_digest(reference.digest, reference.name)
        with stages.stage("lossless"):
            found = decode_blade(model, blade, grid, shown, picture, checkpoint, lent)
            if not found.damaged or not blade.stacks:
                return found
            # What is damaged is shown from the lossy layer, which takes more of it than was known.
            rest.flat[found.damaged] = wanted.flat[found.damaged]
            more = sorted(set(self._lent(blade, grid, shown, rest)) - set(lent))
            return replace(found, lent=found.lent | recover(model, blade, grid, more, checkpoint))

    def _lent(
        self, blade: Blade, grid: Grid, shown: Window, wanted: NDArray[np.bool_]
    ) -> list[int]:
        """Lent streams that the lossy layer needs to show some patches."""
        if blade.header.model is None or not wanted.any():
            return []
        halo = self._lossy_model(blade.header.model).anatomy.synthesis_halo
        needed = needed_patches(halo, grid, shown, wanted)
        return [number for number in needed if blade.patches[number].stack is not None]

    def _lossy_model(self, reference: ModelReference) -> LossyModel:
        return self._zoo.by_digest(reference.digest, reference.name)

    def _lossy(
        self,
        blade: Blade,
        grid: Grid,
        shown: Window,
        wanted: NDArray[np.bool_],
        lent: Mapping[int, bytes],
        stages: Stages,
        checkpoint: Checkpoint,
    ) -> LossyLayer:
        """Decode the lossy streams that some patches of what is shown need."""
        header = blade.header
        if header.model is None:
            raise ValueError("there is no lossy layer")
        model = self._lossy_model(header.model)
        if header.top_quality >= model.anchors:
            raise BadStream(f"The file's upper level has quality {header.top_quality}.")
        with stages.stage("upper_level"):
            upper, bad_bands = decode_upper(model, blade, grid)
        with stages.stage("patches"):
            numbers = needed_patches(model.anatomy.synthesis_halo, grid, shown, wanted)
            return decode_patches(model, blade, grid, upper, bad_bands, numbers, lent, checkpoint)

    @staticmethod
    def _show(
        layer: LossyLayer,
        grid: Grid,
        shown: Window,
        wanted: NDArray[np.bool_],
        picture: NDArray[np.uint8],
        checkpoint: Checkpoint,
    ) -> None:
        """Synthesise what is shown, and keep of it the patches that are wanted."""
        pixels = synthesise(layer.model, layer.y, layer.quality, grid, shown, checkpoint)
        if picture.ndim == 2:
            pixels = ((pixels.sum(axis=2, dtype=np.uint16) + 1) // 3).astype(np.uint8)
        for number in np.flatnonzero(wanted):
            where = grid.patch(int(number)).common(shown).within(shown)
            picture[where] = pixels[where]


def _touched(layer: LossyLayer | None, grid: Grid, wanted: NDArray[np.bool_]) -> list[int]:
    """Patches shown from the lossy layer that its damage reaches.

    Damage is widened by the synthesis halo, which is under one patch.
    """
    marked = np.zeros((grid.rows + 2, grid.columns + 2), bool)
    for number in layer.damaged if layer else []:
        row, column = divmod(number, grid.columns)
        marked[row : row + 3, column : column + 3] = True
    return [int(number) for number in np.flatnonzero(marked[1:-1, 1:-1] & wanted)]


def _stacks_with(blade: Blade, found: ShownBlade, layer: LossyLayer | None) -> list[int]:
    """Stacks that hold what is damaged: a blade patch, or a stream that the background lent."""
    numbers = {blade.lossless[number].stack for number in found.damaged}
    numbers |= {blade.patches[number].stack for number in (layer.damaged if layer else [])}
    return sorted(number for number in numbers if number is not None)


def _report(
    blade: Blade,
    shown: Window,
    stages: Stages,
    found: ShownBlade,
    touched: list[int],
    broken: list[int],
    lost: list[str],
    stacks: list[int],
) -> dict[str, object]:
    header = blade.header
    layer = header.has_lossy_layer
    return {
        "width": shown.right - shown.left,
        "height": shown.bottom - shown.top,
        "region": [shown.left, shown.top, shown.right - shown.left, shown.bottom - shown.top],
        "mode": header.mode,
        "model": _name(header.model),
        "lossless_model": _name(header.lossless_model),
        "quality": header.quality64 / QUALITY_STEPS if layer else None,
        "roi_quality": header.roi_quality64 / QUALITY_STEPS if header.mode == "lossy" else None,
        "bytes": len(blade.data),
        "bpp": round(8 * len(blade.data) / (header.width * header.height), 4),
        # Lossy pixels are never exact, however well they decode; and no blade is no exact blade.
        "exact": bool(found.exact) and not found.damaged and found.digest_matches is not False,
        "exact_patches": len(found.exact),
        "damaged": touched,
        "damaged_streams": broken,
        "damaged_blade": found.damaged,
        "damaged_stacks": stacks,
        "damaged_metadata": lost,
        "truncated": blade.truncated,
        "seconds": stages.report(),
    }


def _name(model: ModelReference | None) -> str | None:
    return f"{model.name}/{model.version}" if model else None
