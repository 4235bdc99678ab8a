"""A picture on its way into a file: what is settled, and what a rate still decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.codec.bands import band_rows, decode_band, encode_bands
from service.codec.blade_layer import BladeLayer
from service.codec.container.layout import Header, Mode, ModelReference, Stream
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.grid import TOP, Grid
from service.codec.lossy import quantise_upper
from service.codec.options import Checkpoint
from service.codec.patch_mask import PATCH
from service.codec.patches import BATCH, PatchCoder
from service.codec.rate_control import Rate
from service.codec.timing import Stages
from service.errors import BadStream, TargetUnreachable
from service.pictures import Metadata
from service.runtime.card import Card
from service.runtime.lossy_model import LossyModel


@dataclass(frozen=True)
class Frame:
    """What a file has at every rate: geometry, mask, metadata, the exact blade."""

    grid: Grid
    grey: bool
    mode: Mode
    mask: NDArray[np.bool_]
    metadata: Metadata
    lossless_model: ModelReference | None
    blade: BladeLayer

    def header(self, model: ModelReference | None, rate: Rate, top_quality: int) -> Header:
        """The index's fixed part."""
        return Header(
            width=self.grid.width,
            height=self.grid.height,
            grey=self.grey,
            mode=self.mode,
            model=model,
            quality64=rate.background64,
            roi_quality64=rate.blade64,
            top_quality=top_quality,
            mask=self.mask,
            band_rows=band_rows(self.grid),
            lossless_model=self.lossless_model,
            stacks=self.blade.stacks,
            jpeg=self.blade.jpeg,
        )

    def pack(self, header: Header, bands: list[Stream], streams: list[Stream]) -> bytes:
        """The whole file; streams that the blade's stacks hold stand there alone."""
        placed = [
            replace(stream, stack=self.blade.lent.get(number))
            for number, stream in enumerate(streams)
        ]
        return pack(header, bands, placed, self.metadata, self.blade.digests, self.blade.streams)

    def pack_alone(self, target: int | None) -> bytes:
        """The whole file where there is no lossy layer.

        Raises
        ------
        TargetUnreachable
            It is too large: an exact blade gives no way.
        """
        data = self.pack(self.header(None, Rate(0, 0), 0), [], [])
        if target is not None and len(data) > target:
            raise TargetUnreachable(
                f"{target} bytes are too few: the exact blade needs {len(data)}; "
                "mode lossy would do with less.",
                minimum_bytes=len(data),
            )
        return data


@dataclass(frozen=True)
class CodedLayer:
    """The lossy layer at a rate: streams of the bands, and of the patches."""

    rate: Rate
    bands: list[Stream]
    patches: list[Stream]


@dataclass
class LossyJob:
    """One picture, analysed; can be coded at any rate (``rate_control.Job``)."""

    model: LossyModel
    frame: Frame
    y: NDArray[np.float32]
    verify: bool
    stages: Stages

    def code(self, rate: Rate, checkpoint: Checkpoint) -> bytes:
        """The whole file at a rate."""
        return self.pack(self.layer(rate, checkpoint), self.frame)

    def layer(self, rate: Rate, checkpoint: Checkpoint) -> CodedLayer:
        """The lossy layer at a rate."""
        header = self.header(rate)
        anchor = header.top_quality
        with self.stages.stage("upper_level"):
            upper = quantise_upper(self.model, self.y, anchor)
            bands = encode_bands(self.model, upper.symbols, anchor, header.band_rows)
            if self.verify:
                self._verify_bands(bands, upper.symbols, anchor, header.band_rows)
        coder = PatchCoder(self.model, self.frame.grid, upper, rate.quality_map(self.frame.mask))
        streams: list[Stream] = []
        with self.stages.stage("patches"):
            for start in range(0, self.frame.mask.size, BATCH):
                checkpoint("patches", start, self.frame.mask.size)
                numbers = range(start, min(start + BATCH, self.frame.mask.size))
                streams += coder.encode(self.y, numbers, self.verify)
        return CodedLayer(rate, bands, streams)

    def pack(self, layer: CodedLayer, frame: Frame) -> bytes:
        """The whole file of a lossy layer and a blade."""
        with self.stages.stage("pack"):
            header = frame.header(self.reference, layer.rate, self.top_quality(layer.rate))
            data = frame.pack(header, layer.bands, layer.patches)
            if self.verify:
                _verify_file(data, header, layer)
            return data

    def estimate(self, rate: Rate, numbers: list[int], checkpoint: Checkpoint) -> float:
        """Bytes of the whole file at a rate, from some patches; exact if these are all."""
        header = self.header(rate)
        with self.stages.stage("rate_control"):
            upper = quantise_upper(self.model, self.y, header.top_quality)
            bands = encode_bands(self.model, upper.symbols, header.top_quality, header.band_rows)
            coder = PatchCoder(
                self.model, self.frame.grid, upper, rate.quality_map(self.frame.mask)
            )
            streams = [Stream(b"", 0)] * self.frame.mask.size
            fixed = len(self.frame.pack(header, bands, streams))
            for start in range(0, len(numbers), BATCH):
                checkpoint("rate_control", start, len(numbers))
                batch = numbers[start : start + BATCH]
                coded = coder.encode(self.y, batch, verify=False)
                for number, stream in zip(batch, coded, strict=True):
                    streams[number] = stream
            sampled = len(self.frame.pack(header, bands, streams)) - fixed
        return fixed + sampled * self.frame.mask.size / len(numbers)

    def header(self, rate: Rate) -> Header:
        """The index's fixed part at a rate."""
        return self.frame.header(self.reference, rate, self.top_quality(rate))

    @property
    def reference(self) -> ModelReference:
        """How a file names the lossy model."""
        return reference_to(self.model.card)

    def top_quality(self, rate: Rate) -> int:
        """Anchor of the upper level's gain at a rate."""
        return min(rate.top_quality(self.frame.mask), self.model.anchors - 1)

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


def reference_to(card: Card) -> ModelReference:
    """How a file names a model."""
    return ModelReference(card.name, card.version, card.digest)


def _verify_file(data: bytes, header: Header, layer: CodedLayer) -> None:
    """Find every stream again where a decoder will look for it, but for those on stacks."""
    blade = parse(data, max_pixels=header.width * header.height)
    found = [(blade.band(number), stream) for number, stream in enumerate(layer.bands)]
    found += [
        (blade.patch(number), stream)
        for number, stream in enumerate(layer.patches)
        if blade.patches[number].stack is None
    ]
    if any(part is None or bytes(part) != stream.data for part, stream in found):
        raise BadStream("A stream that was just packed is not where the index says.")
    if not np.array_equal(blade.header.mask, header.mask):
        raise BadStream("The mask that was just packed is another one.")
