"""``bladestream compress``: a photograph in, a ``.blade`` file out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli.files import STREAM, check_output, read_input, write_output
from service.errors import BadParameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from service.pictures import Limits, Picture


def compress(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A photograph, or - for stdin.")],
    output: Annotated[Path, typer.Argument(metavar="OUT.blade", help="Or - for stdout.")],
    mode: Annotated[
        Literal["lossless", "roi-only", "lossy"],
        typer.Option(help="The blade bit for bit; that and nothing else; or at a quality."),
    ] = "lossless",
    quality: Annotated[
        float | None, typer.Option(help="Of the background, 1 to 8; 3 if not given.")
    ] = None,
    roi_quality: Annotated[
        float | None,
        typer.Option(
            help="Of the blade in mode lossy, 1 to 8. If not given: 6, or --quality where all is "
            "blade."
        ),
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            metavar="MASK.png|full|none",
            help="Where the blade is: white in a picture of the same size, everywhere, nowhere. "
            "If not given, the blade is found; what cannot be decided is blade.",
        ),
    ] = None,
    target_bytes: Annotated[
        int | None, typer.Option(help="Size of the whole file, met from below.")
    ] = None,
    profile: Annotated[
        Literal["default", "roi-eml"],
        typer.Option(
            help="Which models code: the service's own, or the chain of the ROI paper "
            "(hp-easn-deep, and bitswap with the background's bits lent to it)."
        ),
    ] = "default",
    model: Annotated[str | None, typer.Option(help="A model that `models` lists.")] = None,
    lossless_model: Annotated[
        str | None,
        typer.Option(
            help="A lossless model that `models` lists; left out, jpeg-dct for a JPEG where its "
            "coefficients take less than its pixels, else pyramid."
        ),
    ] = None,
    metadata: Annotated[
        Literal["keep", "strip", "geo-only"], typer.Option(help="Of EXIF, XMP and ICC.")
    ] = "keep",
    convert: Annotated[
        bool, typer.Option("--convert", help="Accept a conversion that loses pixel values.")
    ] = False,
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Do not read the result back before writing it.")
    ] = False,
    progressive: Annotated[
        bool,
        typer.Option(
            "--progressive",
            help="Keep the whole lossy layer readable from the file's front: a lossless model with "
            "latents is then lent none of it.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Compress a photograph: the blade bit for bit, the background at a quality."""
    from service.cli.progress import progress
    from service.cli.report import models_line, print_json, seconds_line, warn, with_file_stages
    from service.codec.encoder import Encoder
    from service.codec.options import CompressOptions
    from service.pictures import Limits, read_picture
    from service.runtime.zoo import Zoo
    from service.segmentation.for_compression import find_mask
    from service.segmentation.opening import open_segmenter
    from service.settings import get_settings

    if output != STREAM and output.suffix != ".blade":
        raise BadParameter(f"{output} does not end in .blade")
    if output == STREAM and as_json:
        raise BadParameter("stdout cannot hold the file and the JSON report at once")
    check_output(output, source, *([Path(mask)] if mask not in (None, "full", "none") else []))
    settings = get_settings()
    options = CompressOptions(
        mode=mode,
        quality=quality,
        roi_quality=roi_quality,
        target_bytes=target_bytes,
        profile=profile,
        model=model,
        lossless_model=lossless_model,
        metadata=metadata,
        verify=not no_verify,
        progressive=progressive,
        dilation=settings.dilation_pixels,
    )
    options.validate()

    limits = Limits.from_settings(settings)
    started = time.perf_counter()
    picture = read_picture(read_input(source, limits), limits=limits, convert=convert)
    blade = None if mask is None else _blade(mask, picture, limits)
    read_seconds = time.perf_counter() - started

    found = None
    with progress() as checkpoint:
        zoo = Zoo.open(settings)
        if blade is None:
            found = find_mask(open_segmenter(zoo, settings), picture.pixels, checkpoint=checkpoint)
            blade = found.mask
        compressed = Encoder(zoo).compress(picture, blade, options, checkpoint)

    started = time.perf_counter()
    write_output(output, compressed.data)
    report: dict[str, Any] = dict(compressed.report)
    if found is None:
        report["mask"] = mask if mask in ("full", "none") else "given"
    else:
        report |= found.report
        report["warnings"] = [*found.warnings, *report["warnings"]]
        report["seconds"] = {"segment": sum(found.seconds.values()), **report["seconds"]}
    report["seconds"] = with_file_stages(
        report["seconds"], read=read_seconds, write=time.perf_counter() - started
    )

    for text in report["warnings"]:
        warn(text)
    for text in picture.conversions:
        warn(f"converted: {text}")
    if as_json:
        print_json(report)
    elif output != STREAM:
        print(
            f"{output}: {report['bytes']:,} bytes, {report['bpp']:.3f} bits a pixel, "
            f"{report['width']}x{report['height']}, {report['mode']}, {models_line(report)}"
        )
        print(seconds_line(report["seconds"]))


def _blade(
    mask: str, picture: "Picture", limits: "Limits"
) -> "NDArray[np.bool_] | Literal['full', 'none']":
    from service.pictures import read_mask

    if mask == "full":
        return "full"
    if mask == "none":
        return "none"
    data = read_input(Path(mask), limits)
    return read_mask(data, width=picture.width, height=picture.height, limits=limits)
