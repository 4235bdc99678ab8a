"""Small pictures to code, and a look at what a decoder finds in a file."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.integrity import crc32c_of_symbols
from service.pictures import Metadata, Picture
from service.runtime.zoo import Zoo


def picture_of(pixels: NDArray[np.uint8], metadata: Metadata | None = None) -> Picture:
    """A picture as if it had been read from an uncompressed file."""
    return Picture(
        pixels=np.ascontiguousarray(pixels),
        metadata=metadata or Metadata(),
        source_format="PPM",
        source_bytes=pixels.size,
        conversions=(),
    )


def textured(height: int, width: int, *, grey: bool = False, seed: int = 0) -> NDArray[np.uint8]:
    """Waves, an edge and some noise: what a photograph has, in little."""
    rows, columns = np.mgrid[0:height, 0:width].astype(float)
    rng = np.random.default_rng(seed)
    wave = 60 * np.sin(rows / 17 + seed) + 40 * np.cos(columns / 11)
    edge = 50.0 * (columns + rows / 3 > width / 2)
    noise = rng.normal(0, 5, (height, width))  # of the luma: chroma leaves out its finest level
    planes = [110 + wave * share + edge + noise for share in (1, 0.8, 0.5)]
    pixels = np.clip(np.rint(np.stack(planes, -1)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels[..., 0]) if grey else pixels


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    error = np.mean((a.astype(float) - b) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def patch_bytes(data: bytes) -> NDArray[np.int_]:
    """Length of each patch's stream, (rows, columns)."""
    blade = parse(data)
    return np.array([entry.length for entry in blade.patches]).reshape(blade.header.mask.shape)


def symbols_in(
    zoo: Zoo, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> list[list[NDArray[np.int32]]]:
    """Decode a file and listen to what each stream's check is taken over: all of its symbols."""
    heard: list[list[NDArray[np.int32]]] = []

    def listen(*steps: NDArray[np.int32]) -> int:
        heard.append([step.copy() for step in steps])
        return crc32c_of_symbols(*steps)

    with monkeypatch.context() as patched:
        patched.setattr("service.codec.bands.crc32c_of_symbols", listen)
        patched.setattr("service.codec.patches.crc32c_of_symbols", listen)
        decoded = Decoder(zoo).decompress(data)
    assert decoded.report["damaged_streams"] == []
    return heard


def same_symbols(a: list[list[NDArray[np.int32]]], b: list[list[NDArray[np.int32]]]) -> bool:
    return len(a) == len(b) and all(
        len(x) == len(y) and all(map(np.array_equal, x, y)) for x, y in zip(a, b, strict=True)
    )
