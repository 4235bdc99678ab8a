"""Small files of made-up streams, and files with an index that somebody changed."""

from __future__ import annotations

from functools import cache

import numpy as np

from service.codec.container.fields import varint
from service.codec.container.layout import Digest, Header, ModelReference, Stream
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.integrity import crc32c, sha256
from service.pictures import Metadata

NOTHING = Metadata(exif=None, xmp=None, icc=None)
MODEL = ModelReference("standard", "1", bytes(range(16)))


def header_of(width: int, height: int, **changes: object) -> Header:
    shape = (-(-height // 256), -(-width // 256))
    fields = {
        "width": width,
        "height": height,
        "grey": False,
        "mode": "lossy",
        "model": MODEL,
        "quality64": 192,
        "roi_quality64": 384,
        "top_quality": 3,
        "mask": np.ones(shape, bool),
        "band_rows": 16,
    }
    return Header(**(fields | changes))  # type: ignore[arg-type]


def streams(count: int, length: int, groups: int = 8) -> list[Stream]:
    return [Stream(bytes([1 + i % 255]) * length, groups) for i in range(count)]


@cache
def small_file() -> bytes:
    metadata = Metadata(exif=b"Exif", xmp=None, icc=b"")
    bands = [Stream(b"top", 1)]
    patches = [Stream(b"one", 8), Stream(b"", 0), Stream(b"three", 15), Stream(b"", 2)]
    mask = np.array([[True, False], [True, True]])
    digests = {Digest.SOURCE_FILE: sha256(b"source")}
    return pack(header_of(300, 400, mask=mask), bands, patches, metadata, digests)


def with_index(change) -> bytes:  # type: ignore[no-untyped-def]
    """A small file whose index bytes were changed, and its check made right again."""
    whole = small_file()
    start = parse(whole).index_length
    size_field = 9
    index = bytes(change(bytearray(whole[size_field + 1 : start - 4])))
    front = whole[:size_field] + varint(len(index)) + index
    return front + crc32c(front).to_bytes(4, "little") + whole[start:]
