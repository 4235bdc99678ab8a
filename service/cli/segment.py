"""``bladestream segment``: photographs in, masks of their blades out."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.files import read_input, write_output
from service.errors import BadParameter, BladestreamError, ModelUnavailable

if TYPE_CHECKING:
    from service.pictures import Limits
    from service.segmentation.pipeline import Segmented, Segmenter
    from service.segmentation.prepared import Prepared

_SUFFIX = ".mask.png"


def segment(
    sources: Annotated[list[Path], typer.Argument(metavar="IN...", help="Photographs.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the masks; made if need be.")
    ],
    surface: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The pictures show this one surface: from five on, a random forest learns from "
            "all of them. Without it each picture is looked at alone.",
        ),
    ] = None,
    flips: Annotated[
        int | None,
        typer.Option(help="Flipped pictures that the network looks at: 1, 2 or 4."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Find the blade: for each photograph NAME a picture NAME.mask.png, white where blade is."""
    from service.cli.progress import progress
    from service.cli.report import print_json, warn
    from service.pictures import Limits
    from service.runtime.zoo import Zoo
    from service.segmentation.opening import open_segmenter
    from service.settings import get_settings

    if flips not in (None, 1, 2, 4):
        raise BadParameter(f"--flips must be 1, 2 or 4, not {flips}")
    _check_outputs(sources, out)
    settings = get_settings()
    zoo = Zoo.open(settings)
    segmenter = open_segmenter(zoo, settings)
    if segmenter is None:
        raise ModelUnavailable(f"The blade cannot be found. {zoo.segmentation_failure}")
    out.mkdir(parents=True, exist_ok=True)
    photos = [_Photo(source, out / (source.stem + _SUFFIX)) for source in sources]
    limits = Limits.from_settings(settings)
    with progress() as checkpoint:
        for done, photo in enumerate(photos):
            checkpoint("pictures", done, len(photos))
            photo.prepare(segmenter, limits, flips)
            if surface is None:
                _finish(segmenter, [photo], None)
        if surface is not None:
            _finish(segmenter, photos, surface)
        checkpoint("pictures", len(photos), len(photos))

    for photo in photos:
        for text in photo.report.get("warnings", ()):
            warn(f"{photo.source}: {text}")
        if photo.error is not None:
            print(f"bladestream: {photo.source}: {photo.error}", file=sys.stderr)
        elif not as_json:
            print(_line(photo))
    if as_json:
        print_json({"surface": surface, "pictures": [photo.report for photo in photos]})
    if any(photo.error is not None for photo in photos):
        raise typer.Exit(1)


@dataclass
class _Photo:
    """One input, and what has become of it."""

    source: Path
    output: Path
    prepared: Prepared | None = None
    error: str | None = None
    read_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.report: dict[str, Any] = {"name": str(self.source)}

    def prepare(self, segmenter: Segmenter, limits: Limits, flips: int | None) -> None:
        from service.pictures import read_picture

        started = time.perf_counter()
        try:
            # What is lost by a conversion matters to those who keep the pixels, not here.
            picture = read_picture(read_input(self.source, limits), limits=limits, convert=True)
        except BladestreamError as error:
            self._fail(error.detail, error.code)
            return
        except OSError as error:
            self._fail(error.strerror or str(error), "file-error")
            return
        self.read_seconds = time.perf_counter() - started
        self.prepared = segmenter.prepare(picture.pixels, flips)

    def write(self, found: Segmented) -> None:
        import numpy as np

        from service.pictures import Metadata, write_picture

        started = time.perf_counter()
        levels = found.mask.astype(np.uint8) * 255
        metadata = Metadata(None, None, None)
        write_output(self.output, write_picture(levels, "png", metadata=metadata))
        seconds = {
            "read": self.read_seconds,
            **found.seconds,
            "write": time.perf_counter() - started,
        }
        self.report |= {
            "mask": str(self.output),
            "width": found.size[1],
            "height": found.size[0],
            "blade_share": round(found.blade_share, 6),
            "steps": list(found.steps_used),
            "forest_used": found.forest_used,
            "warnings": list(found.warnings),
            "seconds": {**seconds, "total": sum(seconds.values())},
        }

    def _fail(self, why: str, code: str) -> None:
        self.error = f"{why} ({code})"
        self.report["problem"] = {"code": code, "detail": why}


def _finish(segmenter: Segmenter, photos: list[_Photo], surface: str | None) -> None:
    good = [photo for photo in photos if photo.prepared is not None]
    prepared = [photo.prepared for photo in good if photo.prepared is not None]
    for photo, found in zip(good, segmenter.finish(prepared, surface), strict=True):
        photo.write(found)
        photo.prepared = None


def _check_outputs(sources: list[Path], out: Path) -> None:
    """Refuse what would overwrite a photograph, or one mask with another, before any work."""
    names = Counter(source.stem + _SUFFIX for source in sources)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise BadParameter(f"more than one of the photographs would be written to {twice[0]}")
    if out.exists() and not out.is_dir():
        raise BadParameter(f"{out} is no folder")
    for source in sources:
        if any(
            (out / name).exists() and source.exists() and source.samefile(out / name)
            for name in names
        ):
            raise BadParameter(f"{source} is also an output, and would be overwritten")


def _line(photo: _Photo) -> str:
    report = photo.report
    forest = ", with a forest" if report["forest_used"] else ""
    return (
        f"{photo.output}: {report['width']}x{report['height']}, {report['blade_share']:.1%} blade"
        f"{forest}, {report['seconds']['total']:.2f} s"
    )
