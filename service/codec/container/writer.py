"""Writing a `.blade` file: index first, then chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.codec.container.fields import text, varint
from service.codec.container.layout import (
    SIGNATURE,
    VERSION,
    Chunk,
    Digest,
    Header,
    Stream,
)
from service.codec.integrity import crc32c
from service.codec.patch_mask import encode_mask
from service.pictures import Metadata


def pack(
    header: Header,
    bands: Sequence[Stream],
    patches: Sequence[Stream],
    metadata: Metadata,
    digests: Mapping[Digest, bytes] | None = None,
) -> bytes:
    """Write a file.

    Parameters
    ----------
    header
        Geometry, model, qualities, mask.
    bands
        Streams of the upper levels, top band first.
    patches
        Streams of the lowest level, one a patch in raster order.
    metadata
        Kept byte for byte; what is None is left out.
    digests
        SHA-256 digests of 32 bytes; the chunk is left out if there are none.

    Returns
    -------
    bytes
        The file. The same input gives the same bytes.

    Raises
    ------
    ValueError
        If the numbers of streams do not fit the header, or a digest has not 32 bytes.
    """
    if len(bands) != header.band_count or len(patches) != header.patch_count:
        raise ValueError(
            f"{header.band_count} bands and {header.patch_count} patches were expected, "
            f"not {len(bands)} and {len(patches)}"
        )
    chunks = {
        Chunk.LEVELS: b"".join(stream.data for stream in bands),
        Chunk.PATCHES: b"".join(stream.data for stream in patches),
        Chunk.EXIF: metadata.exif,
        Chunk.XMP: metadata.xmp,
        Chunk.ICC: metadata.icc,
        Chunk.DIGESTS: _digests(digests) if digests else None,
    }
    tables = {Chunk.LEVELS: _stream_table(bands), Chunk.PATCHES: _stream_table(patches)}
    present = {kind: data for kind, data in chunks.items() if data is not None}
    index = _header(header) + b"".join(
        _chunk_entry(kind, data, tables.get(kind, b"")) for kind, data in present.items()
    )
    front = SIGNATURE + bytes([VERSION]) + varint(len(index)) + index
    return b"".join([front, crc32c(front).to_bytes(4, "little"), *present.values()])


def _header(header: Header) -> bytes:
    return b"".join(
        [
            bytes([header.grey, 0]),  # flags, mode
            varint(header.width),
            varint(header.height),
            header.quality64.to_bytes(2, "little"),
            header.roi_quality64.to_bytes(2, "little"),
            bytes([header.top_quality]),
            varint(header.band_rows),
            text(header.model.name),
            text(header.model.version),
            header.model.digest,
            encode_mask(header.mask),
        ]
    )


def _stream_table(streams: Sequence[Stream]) -> bytes:
    return b"".join(varint(len(stream.data) << 4 | stream.groups) for stream in streams)


def _chunk_entry(kind: Chunk, data: bytes, table: bytes) -> bytes:
    return b"".join(
        [
            bytes([kind]),
            varint(len(data)),
            crc32c(data).to_bytes(4, "little"),
            varint(len(table)),
            table,
        ]
    )


def _digests(digests: Mapping[Digest, bytes]) -> bytes:
    if any(len(digest) != 32 for digest in digests.values()):
        raise ValueError("a SHA-256 digest has 32 bytes")
    return b"".join(bytes([what]) + digest for what, digest in sorted(digests.items()))
