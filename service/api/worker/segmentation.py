"""What the worker does to find the blade, in one picture or in those of one surface."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from service.api.worker.codec import Codec
from service.api.worker.messages import Segment
from service.api.worker.tasks import Result
from service.api.worker.turns import Turn
from service.errors import BladestreamError, ModelUnavailable
from service.pictures import Limits, Metadata, read_picture, write_picture
from service.segmentation.outlines import polygons, run_lengths
from service.segmentation.overlay import overlay
from service.segmentation.pipeline import Segmented, Segmenter
from service.segmentation.prepared import Prepared

_OVERLAY_QUALITY = 85
_NO_METADATA = Metadata(None, None, None)


def segment(codec: Codec, limits: Limits, task: Segment, parts: list[bytes], turn: Turn) -> Result:
    """Find the blade in each picture; one that cannot be read does not keep the others.

    Raises
    ------
    ModelUnavailable
        No model finds the blade here.
    BladestreamError
        What is wrong with the picture, if not one can be read.
    """
    segmenter = codec.segmenter
    if segmenter is None:
        raise ModelUnavailable("This service has no model that finds the blade.")
    read = [_Read(name) for name in task.names]
    for number, entry in enumerate(read):
        data, parts[number] = parts[number], b""
        turn.look_up()
        entry.prepare(segmenter, data, limits, task, turn)
    good = [entry.prepared for entry in read if entry.prepared is not None]
    if not good:
        raise next(entry.error for entry in read if entry.error is not None)
    with turn:
        found = segmenter.finish(good, task.surface, turn)
    results = iter(found)
    pictures = [
        entry.problem() if entry.prepared is None else entry.report(next(results)) for entry in read
    ]
    if task.answer != "report":
        media_type, data = _picture(task, read[0], found[0], pictures[0])
    else:
        media_type, data = "application/json", _outlines(task, pictures, iter(found), turn)
    return Result({"surface": task.surface, "pictures": pictures}, media_type, data)


@dataclass
class _Read:
    """One of the pictures sent: what came of reading it."""

    name: str
    prepared: Prepared | None = None
    error: BladestreamError | None = None
    pixels: NDArray[np.uint8] | None = None
    read_seconds: float = 0.0

    def prepare(
        self, segmenter: Segmenter, data: bytes, limits: Limits, task: Segment, turn: Turn
    ) -> None:
        started = time.perf_counter()
        try:
            # What is lost by a conversion matters to those who keep the pixels, not here.
            pixels = read_picture(data, limits=limits, convert=True).pixels
        except BladestreamError as error:
            self.error = error
            return
        self.read_seconds = time.perf_counter() - started
        with turn:
            self.prepared = segmenter.prepare(pixels, task.flips, turn)
        if task.answer == "overlay":
            self.pixels = pixels

    def problem(self) -> dict[str, object]:
        error = self.error
        assert error is not None  # noqa: S101 - or the picture would have been prepared
        problem = {"code": error.code, "title": error.title, "detail": error.detail}
        return {"name": self.name, "problem": {**problem, "status": error.status}}

    def report(self, found: Segmented) -> dict[str, object]:
        return {
            "name": self.name,
            "width": found.size[1],
            "height": found.size[0],
            "blade_share": round(found.blade_share, 6),
            "steps": list(found.steps_used),
            "forest_used": found.forest_used,
            "warnings": list(found.warnings),
            "seconds": _with_total({"read": self.read_seconds, **found.seconds}),
        }


def _picture(
    task: Segment, entry: _Read, found: Segmented, report: dict[str, object]
) -> tuple[str, bytes]:
    """The mask of a picture, or the picture with its blade marked; the time goes to the report."""
    with _timed(report, "write"):
        if task.answer == "mask":
            levels = found.mask.astype(np.uint8) * 255
            return "image/png", write_picture(levels, "png", metadata=_NO_METADATA)
        assert entry.pixels is not None  # noqa: S101 - kept for this answer
        marked = overlay(entry.pixels, found.mask)
        quality = _OVERLAY_QUALITY
        return "image/jpeg", write_picture(marked, "jpeg", metadata=_NO_METADATA, quality=quality)


def _outlines(
    task: Segment, reports: list[dict[str, object]], found: Iterator[Segmented], turn: Turn
) -> bytes:
    """All reports with their outlines as JSON: written here, since the other process must listen.

    One picture alone is its report; several are a list of them.
    """
    outlined = []
    for report in reports:
        turn.look_up()
        if "problem" in report:
            outlined.append(report)
            continue
        result = next(found)
        with _timed(report, "outline"):
            outlines = {
                "polygons": polygons(result.certainty(), result.size),
                "run_lengths": run_lengths(result.mask),
            }
        outlined.append({**report, **outlines})
    answer = outlined[0] if len(outlined) == 1 else {"surface": task.surface, "pictures": outlined}
    return json.dumps(answer, separators=(",", ":")).encode()


@contextmanager
def _timed(report: dict[str, object], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds = cast(dict[str, float], report["seconds"])
    report["seconds"] = _with_total({**seconds, stage: time.perf_counter() - started})


def _with_total(seconds: Mapping[str, float]) -> dict[str, float]:
    stages = {stage: value for stage, value in seconds.items() if stage != "total"}
    timed = {**stages, "total": sum(stages.values())}
    return {stage: round(value, 4) for stage, value in timed.items()}
