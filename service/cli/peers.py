"""Other codecs, as Pillow runs them, brought to a given file size.

Each peer is a function from a picture and an effort-free quality in [0, 1] to the bytes of a file;
a larger quality never means fewer bits spent.
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Encode = Callable[[Image.Image, float], bytes]

# Halving [0, 1] seven times tells all quality numbers of 0..100 apart.
_HALVINGS = 7


@dataclass(frozen=True)
class Peer:
    """One codec, and how its quality is turned."""

    name: str
    encode: Encode


@dataclass(frozen=True)
class PeerFile:
    """A peer's file that came nearest to the wanted size.

    Attributes
    ----------
    data : bytes
        The file.
    encode_seconds : float
        Of this one file, not of the search.
    """

    data: bytes
    encode_seconds: float


def _save(image: Image.Image, fmt: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def _jpeg(image: Image.Image, quality: float) -> bytes:
    return _save(image, "JPEG", quality=1 + round(94 * quality), optimize=True)


def _jpeg2000(image: Image.Image, quality: float) -> bytes:
    # From 1:1000 to 1:1 in equal steps of the logarithm. Without mct the colour transform is off
    # and the codec looks 20 to 30 % worse than it is.
    rate = 1000 ** (1 - quality)
    return _save(
        image,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        mct=int(image.mode == "RGB"),
        quality_mode="rates",
        quality_layers=[rate],
    )


def _webp(image: Image.Image, quality: float) -> bytes:
    return _save(image, "WEBP", quality=round(100 * quality))


def _avif(image: Image.Image, quality: float) -> bytes:
    return _save(image, "AVIF", quality=round(100 * quality))


PEERS = (
    Peer("jpeg", _jpeg),
    Peer("jpeg2000", _jpeg2000),
    Peer("webp", _webp),
    Peer("avif", _avif),
)


def match_size(peer: Peer, image: Image.Image, size: int) -> PeerFile:
    """Find the peer's best file of at most `size` bytes.

    Parameters
    ----------
    peer : Peer
        The codec.
    image : PIL.Image.Image
        Mode RGB or L.
    size : int
        Bytes.

    Returns
    -------
    PeerFile
        The largest file that fits; the smallest one the peer can make where none does, so look at
        its length.
    """
    low, high = 0.0, 1.0
    best = _timed(peer, image, low)
    if len(best.data) >= size:
        return best
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = _timed(peer, image, middle)
        if len(tried.data) <= size:
            low = middle
            if len(tried.data) >= len(best.data):
                best = tried
        else:
            high = middle
    return best


def _timed(peer: Peer, image: Image.Image, quality: float) -> PeerFile:
    started = time.perf_counter()
    data = peer.encode(image, quality)
    return PeerFile(data, time.perf_counter() - started)


def decode(data: bytes, mode: str) -> tuple[NDArray[np.uint8], float]:
    """Decode a peer's file.

    Parameters
    ----------
    data : bytes
        A file one of the peers made.
    mode : str
        ``RGB`` or ``L``, the mode of the original.

    Returns
    -------
    pixels : ndarray of uint8, (H, W, 3) or (H, W)
        The picture.
    seconds : float
        How long it took.
    """
    started = time.perf_counter()
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert(mode))
    return pixels, time.perf_counter() - started
