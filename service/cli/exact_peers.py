"""Other lossless codecs, as Pillow runs them, on the same blade pixels."""

import importlib.util
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.codec.patch_mask import PATCH

Encode = Callable[[Image.Image], bytes]


@dataclass(frozen=True)
class ExactPeer:
    """One codec at one effort."""

    name: str
    encode: Encode


def _save(image: Image.Image, fmt: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def _jpeg2000(image: Image.Image) -> bytes:
    # The reversible wavelet; without mct the colour transform is off.
    mct = int(image.mode == "RGB")
    return _save(image, "JPEG2000", no_jp2=True, irreversible=False, mct=mct)


def _jpeg_xl(image: Image.Image, effort: int) -> bytes:
    import pillow_jxl  # noqa: F401 - teaches Pillow the format

    return _save(image, "JXL", lossless=True, effort=effort)


def exact_peers() -> tuple[ExactPeer, ...]:
    """All there are; JPEG XL only where its plug-in is installed."""
    peers = [
        ExactPeer("png", lambda image: _save(image, "PNG", optimize=True)),
        ExactPeer("webp lossless", lambda image: _save(image, "WEBP", lossless=True, method=6)),
        ExactPeer("jpeg2000 reversible", _jpeg2000),
    ]
    if importlib.util.find_spec("pillow_jxl") is not None:
        peers += [ExactPeer(f"jpeg xl e{e}", partial(_jpeg_xl, effort=e)) for e in (3, 7)]
    return tuple(peers)


def rectangles(mask: NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """Cut a mask of patches into rectangles: runs in a row, joined with equal ones below.

    Parameters
    ----------
    mask : ndarray of bool, (patch rows, patch columns)
        True for blade.

    Yields
    ------
    tuple of slice
        Rows and columns of pixels; the last ones may reach beyond the picture.
    """
    left = mask.copy()
    for row, column in np.argwhere(mask):
        if not left[row, column]:
            continue
        gaps = np.flatnonzero(~left[row, column:])
        right = column + int(gaps[0]) if gaps.size else mask.shape[1]
        below = np.flatnonzero(~left[row:, column:right].all(axis=1))
        bottom = row + int(below[0]) if below.size else mask.shape[0]
        left[row:bottom, column:right] = False
        yield slice(row * PATCH, bottom * PATCH), slice(column * PATCH, right * PATCH)


def measure(
    peer: ExactPeer, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> dict[str, float]:
    """Code the blade patches of a picture, each rectangle of them as a file of its own.

    Parameters
    ----------
    peer : ExactPeer
        The codec.
    pixels : ndarray of uint8, (H, W, 3) or (H, W)
        The picture.
    mask : ndarray of bool, (patch rows, patch columns)
        True for blade; at least one is.

    Returns
    -------
    dict of str to float
        ``bytes`` of all files, ``bpp`` per blade pixel, ``compress_seconds`` and
        ``decompress_seconds``.

    Raises
    ------
    ValueError
        When a pixel does not come back: then it is no peer.
    """
    size, count, encoding, decoding = 0, 0, 0.0, 0.0
    for where in rectangles(mask):
        part = np.ascontiguousarray(pixels[where])
        started = time.perf_counter()
        original = Image.fromarray(part)
        data = peer.encode(original)
        encoding += time.perf_counter() - started
        started = time.perf_counter()
        with Image.open(io.BytesIO(data)) as image:
            decoded = np.asarray(image.convert(original.mode))  # WebP has no grey
        decoding += time.perf_counter() - started
        if not np.array_equal(decoded, part):
            raise ValueError(f"{peer.name} does not give back the pixels it was given")
        size += len(data)
        count += part.shape[0] * part.shape[1]
    return {
        "bytes": size,
        "bpp": 8 * size / count,
        "compress_seconds": encoding,
        "decompress_seconds": decoding,
    }
