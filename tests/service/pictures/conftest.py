"""Pictures and files that the tests of this folder share."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from service.pictures import Limits


def make_pixels(height=24, width=31, *, grey=False):
    rng = np.random.default_rng(height * 1000 + width)
    shape = (height, width) if grey else (height, width, 3)
    return np.clip(128 + np.cumsum(rng.normal(0, 9, shape), axis=1), 0, 255).astype(np.uint8)


def encode(picture, fmt, **options):
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, fmt, **options)
    return file.getvalue()


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_16_bits(samples):
    """A PNG of big-endian 16-bit samples, (height, width, channels), which Pillow cannot write."""
    height, width, channels = samples.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def tiff_of(samples, *, extra=(), **changes):
    """An uncompressed little-endian TIFF of RGB samples, (height, width, channels)."""
    height, width, channels = samples.shape
    bits = samples.dtype.itemsize * 8
    body = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    fields = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * channels),
        259: (3, [1]),
        262: (3, [2]),
        273: (4, [8]),
        277: (3, [channels]),
        278: (4, [height]),
        279: (4, [len(body)]),
    }
    if extra:
        fields[338] = (3, list(extra))
    fields |= {int(tag.removeprefix("tag_")): field for tag, field in changes.items()}
    directory_at = 8 + len(body)
    values_at = directory_at + 2 + 12 * len(fields) + 4
    entries, values = b"", b""
    for tag, (kind, numbers) in sorted(fields.items()):
        value = struct.pack(f"<{len(numbers)}{'HI'[kind - 3]}", *numbers)
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack("<I", values_at + len(values))
            values += value
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + place
    directory = struct.pack("<H", len(fields)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", directory_at) + body + directory + values


SMALL_FILES = {
    "jpeg": ("JPEG", {}),
    "jpeg-progressive": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "webp-lossless": ("WEBP", {"lossless": True}),
    "tiff": ("TIFF", {}),
    "tiff-lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "ppm": ("PPM", {}),
    "bmp": ("BMP", {}),
    "avif": ("AVIF", {}),
    "jpeg2000": ("JPEG2000", {}),
    "jpeg2000-codestream": ("JPEG2000", {"no_jp2": True}),
}


@pytest.fixture(scope="session")
def limits():
    return Limits(max_bytes=1 << 24, max_pixels=1 << 22, max_side=65_535)


@pytest.fixture(scope="session")
def small_files():
    """One small file of each kind, by name."""
    return {
        name: encode(make_pixels(), fmt, **options) for name, (fmt, options) in SMALL_FILES.items()
    }


@pytest.fixture(params=sorted(SMALL_FILES))
def small_file(request, small_files):
    return small_files[request.param]


@pytest.fixture(scope="session")
def tools():
    """The functions above, for tests that make their own files."""

    class Tools:
        pixels = staticmethod(make_pixels)
        encode = staticmethod(encode)
        png_chunk = staticmethod(png_chunk)
        png_of_16_bits = staticmethod(png_of_16_bits)
        tiff_of = staticmethod(tiff_of)

    return Tools
