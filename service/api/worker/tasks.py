"""What the worker does with each task: bytes in, report and bytes out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from service.api.worker.codec import Codec
from service.api.worker.messages import Compress, Decompress, Task
from service.api.worker.turns import Turn
from service.codec.options import Mask
from service.pictures import Limits, Picture, read_mask, read_picture, write_picture

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
    return Result(codec.inspect(parts.pop()), "", b"")


def _compress(
    codec: Codec, limits: Limits, task: Compress, parts: list[bytes], turn: Turn
) -> Result:
    started = time.perf_counter()
    mask_file = parts.pop() if task.mask == "given" else b""
    picture = read_picture(parts.pop(), limits=limits, convert=task.convert)
    mask = _mask(task, mask_file, picture, limits)
    seconds = {"read": time.perf_counter() - started}
    with turn:
        compressed = codec.encoder.compress(picture, mask, task.options, turn)
    return Result(
        _with_seconds(compressed.report, before=seconds), BLADE_MEDIA_TYPE, compressed.data
    )


def _mask(task: Compress, mask_file: bytes, picture: Picture, limits: Limits) -> Mask:
    if task.mask == "given":
        return read_mask(mask_file, width=picture.width, height=picture.height, limits=limits)
    return task.mask


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
