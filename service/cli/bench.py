"""``bladestream bench``: speed, memory and quality on given pictures, with the peers beside."""

import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from service.cli.files import read_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from service.pictures import Picture
    from service.runtime.zoo import Zoo
    from service.settings import Settings


def bench(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Photographs.")],
    masks: Annotated[
        bool,
        typer.Option(
            "--masks",
            help="Take IMAGE's blade from a picture beside it that ends in .mask.png; else all "
            "is blade.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Measure the codec beside JPEG, JPEG 2000, WebP, AVIF, and lossless codecs.

    First the whole picture is coded at the default background quality, and each peer gets the
    quality that comes nearest to the same file size from below. Then the blade is coded bit for
    bit, and lossless peers get the same pixels.
    """
    from service.cli.bench_exact import compare_exact
    from service.cli.report import print_json
    from service.runtime.zoo import Zoo
    from service.settings import get_settings

    settings = get_settings()
    zoo = Zoo.open(settings)
    pictures = [_measure(path, masks, zoo, settings) for path in images]
    # Read before the peers run: they share this process, and the mark never goes down.
    peak = _peak_memory_bytes()
    for path, row in zip(images, pictures, strict=True):
        picture = _read(path, settings)
        row["peers"] = _compare(picture, row["bytes"])
        if row["lossless"]:
            row["lossless"]["peers"] = compare_exact(picture, row["lossless"])
    report = {"provider": zoo.provider, "peak_memory_bytes": peak, "pictures": pictures}
    if as_json:
        print_json(report)
    else:
        _print_tables(report)


def _peak_memory_bytes() -> int:
    """Largest resident size of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _read(path: Path, settings: "Settings") -> "Picture":
    from service.pictures import Limits, read_picture

    limits = Limits.from_settings(settings)
    return read_picture(read_input(path, limits), limits=limits, convert=True)


def _blade(path: Path, picture: "Picture", settings: "Settings") -> "NDArray[np.bool_]":
    from service.pictures import Limits, read_mask

    limits = Limits.from_settings(settings)
    data = read_input(path.with_suffix(".mask.png"), limits)
    return read_mask(data, width=picture.width, height=picture.height, limits=limits)


def _measure(path: Path, masks: bool, zoo: "Zoo", settings: "Settings") -> dict[str, Any]:
    """Code one picture and decode it again; then its blade alone."""
    from service.cli.bench_exact import measure_exact
    from service.cli.distortion import psnr
    from service.cli.progress import progress
    from service.codec.decoder import Decoder
    from service.codec.encoder import Encoder
    from service.codec.options import CompressOptions, DecompressOptions
    from service.runtime.trellis import compile_search

    picture = _read(path, settings)
    compile_search()  # once a machine, which is not what is measured
    with progress() as checkpoint:
        started = time.perf_counter()
        compressed = Encoder(zoo).compress(
            picture, "none", CompressOptions(mode="lossy"), checkpoint
        )
        compress_seconds = time.perf_counter() - started
    decoder = Decoder(zoo, settings.max_pixels)
    with progress() as checkpoint:
        started = time.perf_counter()
        decoded = decoder.decompress(compressed.data, DecompressOptions(), checkpoint)
        decompress_seconds = time.perf_counter() - started

    megabytes = picture.pixels.nbytes / 1e6
    exact = None
    if zoo.has_lossless:
        blade: NDArray[np.bool_] | Literal["full"] = "full"
        if masks:
            blade = _blade(path, picture, settings)
        exact = measure_exact(picture, blade, zoo, settings)
    told: dict[str, Any] = compressed.report
    told_back: dict[str, Any] = decoded.report
    return {
        "image": str(path),
        **{key: told[key] for key in ("width", "height", "mode", "model", "quality")},
        "bytes": len(compressed.data),
        "bpp": 8 * len(compressed.data) / (picture.width * picture.height),
        "psnr": psnr(picture.pixels, decoded.pixels),
        "compress_megabytes_per_second": megabytes / compress_seconds,
        "decompress_megabytes_per_second": megabytes / decompress_seconds,
        "seconds": {
            "compress": {**told["seconds"], "total": compress_seconds},
            "decompress": {**told_back["seconds"], "total": decompress_seconds},
        },
        "lossless": exact,
    }


def _compare(picture: "Picture", size: int) -> dict[str, dict[str, float | None]]:
    """Bring each peer to `size` bytes on the same pixels."""
    from PIL import Image

    from service.cli.distortion import psnr
    from service.cli.peers import PEERS, decode, match_size

    pixels = picture.pixels
    image = Image.fromarray(pixels)
    rows: dict[str, dict[str, float | None]] = {}
    for peer in PEERS:
        file = match_size(peer, image, size)
        decoded, decode_seconds = decode(file.data, image.mode)
        rows[peer.name] = {
            "bytes": len(file.data),
            "bpp": 8 * len(file.data) / (image.width * image.height),
            "psnr": psnr(pixels, decoded),
            "compress_seconds": file.encode_seconds,
            "decompress_seconds": decode_seconds,
        }
    return rows


def _print_tables(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from service.cli.bench_exact import print_exact

    console = Console()
    for row in report["pictures"]:
        table = Table(title=f"{row['image']}, {row['width']}x{row['height']}")
        table.add_column("codec", no_wrap=True)
        for name in ("bytes", "bpp", "PSNR dB", "encode s", "decode s"):
            table.add_column(name, justify="right")
        ours = {
            "compress_seconds": row["seconds"]["compress"]["total"],
            "decompress_seconds": row["seconds"]["decompress"]["total"],
            **{key: row[key] for key in ("bytes", "bpp", "psnr")},
        }
        codecs = {f"bladestream {row['model']}, q = {row['quality']:g}": ours, **row["peers"]}
        for name, result in codecs.items():
            quality = "equal" if result["psnr"] is None else f"{result['psnr']:.2f}"
            table.add_row(
                name,
                f"{result['bytes']:,}",
                f"{result['bpp']:.3f}",
                quality,
                f"{result['compress_seconds']:.3f}",
                f"{result['decompress_seconds']:.3f}",
            )
        console.print(table)
        for verb in ("compress", "decompress"):
            stages = row["seconds"][verb].items()
            told = ", ".join(f"{stage} {seconds:.3f} s" for stage, seconds in stages)
            speed = row[f"{verb}_megabytes_per_second"]
            console.print(
                f"{verb}: {speed:.1f} MB/s of pixels; {told}", highlight=False, soft_wrap=True
            )
        if row["lossless"]:
            print_exact(console, row["image"], row["lossless"])
    peak = report["peak_memory_bytes"] / 1e6
    console.print(f"peak memory {peak:,.0f} MB, networks on {report['provider']}", highlight=False)
