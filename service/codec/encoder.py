"""From a picture to a `.blade` file: analyse, split by the mask, code, pack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.bands import band_rows, decode_band, encode_bands
from service.codec.container.layout import Header, ModelReference, Stream
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.grid import TOP, Grid
from service.codec.lossy import analyse, quantise_upper
from service.codec.options import (
    QUALITY_STEPS,
    Checkpoint,
    CompressOptions,
    Mask,
    no_checkpoint,
)
from service.codec.patch_mask import PATCH, blade_patches, encode_mask
from service.codec.patches import BATCH, PatchCoder
from service.codec.rate_control import Rate, meet_target
from service.codec.timing import Stages
from service.errors import BadMask, BadStream, WorkerFailed
from service.pictures import Metadata, Picture, select_metadata
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo


@dataclass(frozen=True)
class Compressed:
    """A file, and a JSON-able report of how it came about."""

    data: bytes
    report: dict[str, object]


class Encoder:
    """Compresses pictures with the models of a zoo; safe to share between threads."""

    def __init__(self, zoo: Zoo) -> None:
        self._zoo = zoo

    def compress(
        self,
        picture: Picture,
        mask: Mask,
        options: CompressOptions,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Compressed:
        """Compress one picture.

        Parameters
        ----------
        picture
            As ``read_picture`` gives it.
        mask
            (H, W) bool, true for blade; or ``full`` or ``none``.
        options
            Checked before any work.
        checkpoint
            Called between tiles.

        Raises
        ------
        BadParameter, NotImplementedYet, BadMask, UnknownModel, ModelUnavailable
            Before any work.
        TargetUnreachable
            ``target_bytes`` is below what the lowest qualities need.
        WorkerFailed
            ``verify``, and the file that was made does not decode to what went in.
        """
        options.validate()
        model = self._zoo.by_name(options.model)
        grid = Grid(picture.width, picture.height)
        patches = patch_mask(picture, mask, grid, options.dilation)
        metadata = select_metadata(picture.metadata, options.metadata)
        stages = Stages()
        with stages.stage("analysis"):
            y = analyse(model, picture.pixels, grid, checkpoint)
        job = _Job(model, grid, picture.is_grey, patches, metadata, y, options.verify, stages)
        rate = Rate(*options.qualities64(patches))
        try:
            if options.target_bytes is None:
                data = job.code(rate, checkpoint)
            else:
                rate, data = meet_target(job, rate, patches, options.target_bytes, checkpoint)
        except BadStream as error:  # nothing but verification reads a stream here
            raise WorkerFailed(f"The file that was made cannot be read back. {error}") from error
        return Compressed(data, self._report(picture, options, model, job, rate, data))

    @staticmethod
    def _report(
        picture: Picture,
        options: CompressOptions,
        model: LossyModel,
        job: _Job,
        rate: Rate,
        data: bytes,
    ) -> dict[str, object]:
        share = float(job.mask.mean())
        warnings = []
        if len(data) > picture.source_bytes > 0:
            warnings.append("The file is larger than the picture that was given.")
        return {
            "bytes": len(data),
            "bpp": round(8 * len(data) / (picture.width * picture.height), 4),
            "width": picture.width,
            "height": picture.height,
            "mode": options.mode,
            "model": f"{model.card.name}/{model.card.version}",
            "quality": rate.background64 / QUALITY_STEPS,
            "roi_quality": rate.blade64 / QUALITY_STEPS,
            "blade_share": round(share, 4),
            "mask_bytes": len(encode_mask(job.mask)),
            "conversions": list(picture.conversions),
            "source_bytes": picture.source_bytes,
            "larger_than_source": len(data) > picture.source_bytes > 0,
            "verified": options.verify,
            "warnings": warnings,
            "seconds": job.stages.report(),
        }


@dataclass
class _Job:
    """One picture, analysed; can be coded at any rate."""

    model: LossyModel
    grid: Grid
    grey: bool
    mask: NDArray[np.bool_]
    metadata: Metadata
    y: NDArray[np.float32]
    verify: bool
    stages: Stages

    def code(self, rate: Rate, checkpoint: Checkpoint) -> bytes:
        """The whole file at a rate."""
        header = self.header(rate)
        anchor = header.top_quality
        with self.stages.stage("upper_level"):
            upper = quantise_upper(self.model, self.y, anchor)
            bands = encode_bands(self.model, upper.symbols, anchor, header.band_rows)
            if self.verify:
                self._verify_bands(bands, upper.symbols, anchor, header.band_rows)
        coder = PatchCoder(self.model, self.grid, upper, rate.quality_map(self.mask))
        streams: list[Stream] = []
        with self.stages.stage("patches"):
            for start in range(0, self.mask.size, BATCH):
                checkpoint("patches", start, self.mask.size)
                numbers = range(start, min(start + BATCH, self.mask.size))
                streams += coder.encode(self.y, numbers, self.verify)
        with self.stages.stage("pack"):
            data = pack(header, bands, streams, self.metadata)
            if self.verify:
                _verify_file(data, header, bands, streams)
            return data

    def estimate(self, rate: Rate, numbers: list[int], checkpoint: Checkpoint) -> float:
        """Bytes of the whole file at a rate, from some patches; exact if these are all."""
        header = self.header(rate)
        with self.stages.stage("rate_control"):
            upper = quantise_upper(self.model, self.y, header.top_quality)
            bands = encode_bands(self.model, upper.symbols, header.top_quality, header.band_rows)
            coder = PatchCoder(self.model, self.grid, upper, rate.quality_map(self.mask))
            streams = [Stream(b"", 0)] * self.mask.size
            fixed = len(pack(header, bands, streams, self.metadata))
            for start in range(0, len(numbers), BATCH):
                checkpoint("rate_control", start, len(numbers))
                batch = numbers[start : start + BATCH]
                coded = coder.encode(self.y, batch, verify=False)
                for number, stream in zip(batch, coded, strict=True):
                    streams[number] = stream
            sampled = len(pack(header, bands, streams, self.metadata)) - fixed
        return fixed + sampled * self.mask.size / len(numbers)

    def header(self, rate: Rate) -> Header:
        """The index's fixed part at a rate."""
        card = self.model.card
        return Header(
            width=self.grid.width,
            height=self.grid.height,
            grey=self.grey,
            mode="lossy",
            model=ModelReference(card.name, card.version, card.digest),
            quality64=rate.background64,
            roi_quality64=rate.blade64,
            top_quality=min(rate.top_quality(self.mask), self.model.anchors - 1),
            mask=self.mask,
            band_rows=band_rows(self.grid),
        )

    def _verify_bands(
        self, bands: list[Stream], symbols: NDArray[np.int32], anchor: int, rows: int
    ) -> None:
        height = rows * (PATCH // TOP)
        for number, stream in enumerate(bands):
            expected = symbols[number * height : (number + 1) * height]
            shape = (expected.shape[0], expected.shape[1], expected.shape[2])
            found = decode_band(self.model, stream.data, stream.groups, anchor, shape)
            if not np.array_equal(found, expected):
                raise BadStream("A band that was just coded does not decode to its symbols.")


def _verify_file(data: bytes, header: Header, bands: list[Stream], streams: list[Stream]) -> None:
    """Find every stream again where a decoder will look for it."""
    blade = parse(data, max_pixels=header.width * header.height)
    found = [blade.band(number) for number in range(len(bands))]
    found += [blade.patch(number) for number in range(len(streams))]
    if [part and bytes(part) for part in found] != [stream.data for stream in bands + streams]:
        raise BadStream("A stream that was just packed is not where the index says.")
    if not np.array_equal(blade.header.mask, header.mask):
        raise BadStream("The mask that was just packed is another one.")


def patch_mask(picture: Picture, mask: Mask, grid: Grid, dilation: int) -> NDArray[np.bool_]:
    """Blade patches, (rows, columns), from a caller's mask.

    Raises
    ------
    BadMask
        The mask has another size than the picture, or a name that is none.
    """
    if isinstance(mask, str):
        if mask not in ("full", "none"):
            raise BadMask(f"A mask is a picture, full or none, not {mask!r}.")
        return np.full((grid.rows, grid.columns), mask == "full")
    if mask.shape != (picture.height, picture.width):
        raise BadMask(
            f"The mask has {mask.shape[1]}x{mask.shape[0]} pixels, "
            f"the picture {picture.width}x{picture.height}."
        )
    return blade_patches(mask, dilation)
