"""``bladestream decompress``: a ``.blade`` file in, a picture or a part of it out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.files import STREAM, check_output, read_input, write_output
from service.errors import BadParameter

if TYPE_CHECKING:
    from service.pictures import PictureFormat

# On stderr; the report names them all.
_MOST_PATCHES_NAMED = 20

FORMATS: dict[str, "PictureFormat"] = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".ppm": "ppm",
    ".pgm": "ppm",
}


def _region(text: str | None) -> tuple[int, int, int, int] | None:
    """Read ``x,y,w,h``: whole pixels, the first two from the top left corner."""
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not (text.isascii() and all(part.strip().isdecimal() for part in parts)):
        raise BadParameter(f"{text!r} is not x,y,w,h in whole pixels")
    x, y, width, height = (int(part) for part in parts)
    if width == 0 or height == 0:
        raise BadParameter(f"the region {text} is empty")
    return x, y, width, height


def _format(output: Path) -> "PictureFormat":
    if output == STREAM:
        return "ppm"
    try:
        return FORMATS[output.suffix.lower()]
    except KeyError:
        names = ", ".join(FORMATS)
        raise BadParameter(f"{output} ends in none of {names}") from None


def _damage(patches: list[int]) -> str:
    shown = ", ".join(map(str, patches[:_MOST_PATCHES_NAMED]))
    more = ", ..." if len(patches) > _MOST_PATCHES_NAMED else ""
    return f"{len(patches)} patches are damaged or missing, not to be trusted: {shown}{more}"


def decompress(
    source: Annotated[Path, typer.Argument(metavar="IN.blade", help="Or - for stdin.")],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT.(png|jpg|webp|ppm)",
            help="The suffix chooses the format; - is PPM on stdout.",
        ),
    ],
    region: Annotated[
        str | None, typer.Option(metavar="x,y,w,h", help="Decode only this part, in pixels.")
    ] = None,
    roi_only: Annotated[
        bool, typer.Option("--roi-only", help="Decode the blade patches; the rest is black.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail when any part of the file is damaged.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Decode a .blade file, whole or in part."""
    from service.cli.progress import progress
    from service.cli.report import models_line, print_json, seconds_line, warn, with_file_stages
    from service.codec.decoder import Decoder
    from service.codec.options import DecompressOptions
    from service.pictures import Limits, write_picture
    from service.runtime.zoo import Zoo
    from service.settings import get_settings

    fmt = _format(output)
    options = DecompressOptions(region=_region(region), roi_only=roi_only, strict=strict)
    if output == STREAM and as_json:
        raise BadParameter("stdout cannot hold the picture and the JSON report at once")
    check_output(output, source)

    settings = get_settings()
    started = time.perf_counter()
    data = read_input(source, Limits.from_settings(settings))
    read_seconds = time.perf_counter() - started

    with progress() as checkpoint:
        decoder = Decoder(Zoo.open(settings), settings.max_pixels)
        decoded = decoder.decompress(data, options, checkpoint)

    started = time.perf_counter()
    write_output(output, write_picture(decoded.pixels, fmt, metadata=decoded.metadata))
    report: dict[str, Any] = dict(decoded.report)
    report["seconds"] = with_file_stages(
        report["seconds"], read=read_seconds, write=time.perf_counter() - started
    )

    if report["damaged"]:
        warn(_damage(report["damaged"]))
    if report["damaged_metadata"]:
        warn(f"damaged or missing, and left out: {', '.join(report['damaged_metadata'])}")
    if as_json:
        print_json(report)
    elif output != STREAM:
        verified = ", every blade pixel shown is exact" if report["exact"] else ""
        print(
            f"{output}: {report['width']}x{report['height']}, {report['mode']}, "
            f"{models_line(report)}{verified}"
        )
        print(seconds_line(report["seconds"]))
