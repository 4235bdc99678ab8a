"""The exact part of ``bladestream bench``: the blade bit for bit, beside lossless peers."""

import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rich.console import Console

    from service.pictures import Picture
    from service.runtime.zoo import Zoo
    from service.settings import Settings


def measure_exact(
    picture: "Picture",
    mask: NDArray[np.bool_] | Literal["full"],
    zoo: "Zoo",
    settings: "Settings",
) -> dict[str, Any] | None:
    """Code the blade of a picture alone and decode it again.

    Parameters
    ----------
    picture : Picture
        The photograph.
    mask : ndarray of bool, (H, W), or ``full``
        Where the blade is.
    zoo, settings
        As the codec takes them.

    Returns
    -------
    dict or None
        JSON-able; None where the mask has no blade.

    Raises
    ------
    ValueError
        When a blade pixel does not come back.
    """
    from service.cli.progress import progress
    from service.codec.container.parser import parse
    from service.codec.decoder import Decoder
    from service.codec.encoder import Encoder
    from service.codec.options import CompressOptions, DecompressOptions
    from service.codec.patch_mask import PATCH

    if picture.jpeg is not None:
        from service.pictures.jpeg_entropy import compile_decoder

        compile_decoder()  # once a process, which is not what is measured
    options = CompressOptions(mode="roi-only", metadata="strip", verify=False)
    with progress() as checkpoint:
        started = time.perf_counter()
        compressed = Encoder(zoo).compress(picture, mask, options, checkpoint)
        compress_seconds = time.perf_counter() - started
    patches = parse(compressed.data, max_pixels=settings.max_pixels).header.mask
    if not patches.any():
        return None
    decoder = Decoder(zoo, settings.max_pixels)
    with progress() as checkpoint:
        started = time.perf_counter()
        decoded = decoder.decompress(compressed.data, DecompressOptions(), checkpoint)
        decompress_seconds = time.perf_counter() - started
    shown = np.kron(patches, np.ones((PATCH, PATCH), np.bool_))
    shown = shown[: picture.height, : picture.width]
    if not np.array_equal(decoded.pixels[shown], picture.pixels[shown]):
        raise ValueError("a blade pixel is not what it was")
    told: dict[str, Any] = compressed.report
    return {
        "model": told["lossless_model"],
        "blade_pixels": int(shown.sum()),
        "patches": patches.tolist(),
        "raw_patches": told["raw_patches"],
        "bytes": len(compressed.data),
        "bpp": 8 * len(compressed.data) / int(shown.sum()),
        "compress_seconds": compress_seconds,
        "decompress_seconds": decompress_seconds,
    }


def compare_exact(picture: "Picture", row: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Give the lossless peers the same pixels.

    Parameters
    ----------
    picture : Picture
        The photograph.
    row : dict
        What ``measure_exact`` told of it.

    Returns
    -------
    dict
        Figures by peer.
    """
    from service.cli.exact_peers import exact_peers, measure

    mask = np.array(row["patches"], np.bool_)
    return {peer.name: measure(peer, picture.pixels, mask) for peer in exact_peers()}


def print_exact(console: "Console", title: str, row: dict[str, Any]) -> None:
    """Print one table, the smallest file last."""
    from rich.table import Table

    table = Table(title=f"{title}, {row['blade_pixels']:,} blade pixels bit for bit")
    table.add_column("codec", no_wrap=True)
    for name in ("bytes", "bits a pixel", "encode s", "decode s"):
        table.add_column(name, justify="right")
    codecs = {f"bladestream {row['model']}": row, **row["peers"]}
    for name, result in sorted(codecs.items(), key=lambda item: -item[1]["bytes"]):
        table.add_row(
            name,
            f"{result['bytes']:,}",
            f"{result['bpp']:.3f}",
            f"{result['compress_seconds']:.3f}",
            f"{result['decompress_seconds']:.3f}",
        )
    console.print(table)
