"""What the worker does with each task: bytes in, report and bytes out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from service.api.worker.codec import Codec
from service.api.worker.messages import Compress, Decompress, Inspect, Task
from service.api.worker.turns import Turn
from service.codec.options import Mask
from service.pictures import Limits, Picture, read_mask, read_picture, write_picture

if TYPE_CHECKING:
    from service.segmentation.for_compression import FoundMask

BLADE_MEDIA_TYPE = "application/vnd.bladestream"


@dataclass(frozen=True)
class Result:
    """What a task answers."""

    report: Mapping[str, object]
    media_type: str
    data: bytes


def perform(codec: Codec, limits: Limits, task: Task, parts: list[bytes], turn: Turn) -> Result:
    """Do one task.

    Parameters
    ----------
    parts
        The files that came with the task. The list is emptied once they are read, so that a
        large upload is not held in memory while its pixels are coded.
    turn
        The job's turns at the device, taken for coding alone: files are read and written, and
        files are inspected, while other jobs have the device. Raises between tiles when nobody
        waits for the answer any more.

    Raises
    ------
    BladestreamError
        Whatever is wrong with the input, in the family's words.
    """
    if isinstance(task, Compress):
        return _compress(codec, limits, task, parts, turn)
    if isinstance(task, Decompress):
        return _decompress(codec, task, parts.pop(), turn)
    if not isinstance(task, Inspect):
        # Here, not above: the HTTP process imports this module too and must stay small.
        from service.api.worker.segmentation import segment

        return segment(codec, limits, task, parts, turn)
    return Result(codec.inspect(parts.pop()), "", b"")


def _compress(
    codec: Codec, limits: Limits, task: Compress, parts: list[bytes], turn: Turn
) -> Result:
    started = time.perf_counter()
    mask_file = parts.pop() if task.mask == "given" else b""
    picture = read_picture(parts.pop(), limits=limits, convert=task.convert)
    mask = _mask(task, mask_file, picture, limits)
    seconds = {"read": time.perf_counter() - started}
    found = None
    with turn:
        if mask is None:
            found = _find(codec, task, picture, turn)
            mask = found.mask
        compressed = codec.encoder.compress(picture, mask, task.options, turn)
    if found is None:
        report = {**compressed.report, "mask": task.mask}
    else:
        report = {**compressed.report, **found.report}
        report["warnings"] = [*found.warnings, *cast(list[str], report["warnings"])]
        seconds["segment"] = sum(found.seconds.values())
    return Result(_with_seconds(report, before=seconds), BLADE_MEDIA_TYPE, compressed.data)


def _mask(task: Compress, mask_file: bytes, picture: Picture, limits: Limits) -> Mask | None:
    """The mask that the client named; None if it is to be found."""
    if task.mask == "given":
        return read_mask(mask_file, width=picture.width, height=picture.height, limits=limits)
    return None if task.mask == "found" else task.mask


def _find(codec: Codec, task: Compress, picture: Picture, turn: Turn) -> FoundMask:
    # Here, not above: as for `segment`.
    from service.segmentation.for_compression import find_mask

    return find_mask(codec.segmenter, picture.pixels, task.surface, turn)


def _decompress(codec: Codec, task: Decompress, data: bytes, turn: Turn) -> Result:
    with turn:
        decoded = codec.decoder.decompress(data, task.options, turn)
    started = time.perf_counter()
    encoded = write_picture(decoded.pixels, task.format, metadata=decoded.metadata)
    seconds = {"write": time.perf_counter() - started}
    media_type = f"image/{task.format}"
    if task.format == "ppm":
        is_grey = decoded.pixels.ndim == 2
        media_type = "image/x-portable-graymap" if is_grey else "image/x-portable-pixmap"
    return Result(_with_seconds(decoded.report, after=seconds), media_type, encoded)


def _with_seconds(
    report: Mapping[str, object],
    before: Mapping[str, float] | None = None,
    after: Mapping[str, float] | None = None,
) -> dict[str, object]:
    """Add the stages around the codec to the stages within it, in the order they ran."""
    within = dict(cast(Mapping[str, float], report["seconds"]))
    within.pop("total", None)
    stages = {**(before or {}), **within, **(after or {})}
    seconds = {**stages, "total": sum(stages.values())}
    return {**report, "seconds": {stage: round(value, 4) for stage, value in seconds.items()}}
