"""Writing a `.blade` file: index first, then chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.codec.container.fields import text, varint
from service.codec.container.layout import (
    MODES,
    SIGNATURE,
    VERSION,
    Chunk,
    Digest,
    Header,
    LosslessStream,
    ModelReference,
    Stream,
)
from service.codec.container.stacks import BladeStream, Chained, StackStream
from service.codec.container.stream_tables import write_lossless, write_streams
from service.codec.integrity import crc32c
from service.codec.patch_mask import encode_mask
from service.pictures import Metadata


def pack(
    header: Header,
    bands: Sequence[Stream],
    patches: Sequence[Stream],
    metadata: Metadata,
    digests: Mapping[Digest, bytes] | None = None,
    lossless: Sequence[BladeStream] = (),
) -> bytes:
    """Write a file.

    Parameters
    ----------
    header
        Geometry, models, qualities, mask.
    bands
        Streams of the upper levels, top band first; none where there is no lossy layer.
    patches
        Streams of the lowest level, one a patch in raster order; none likewise. Those that are
        lent to a stack are in it already.
    metadata
        Kept byte for byte; what is None is left out.
    digests
        SHA-256 digests of 32 bytes; the chunk is left out if there are none.
    lossless
        What holds the blade's samples, one a blade patch in raster order; none in mode `lossy`.
        Stacks are numbered in the order in which they come here.

    Returns
    -------
    bytes
        The file. The same input gives the same bytes.

    Raises
    ------
    ValueError
        If the numbers of streams do not fit the header, a stream is of a kind that the header
        excludes or names a stack that is not there, or a digest has not 32 bytes.
    """
    expected = (*header.stream_counts, len(header.lossless_patches))
    found = (len(bands), len(patches), len(lossless))
    if found != expected:
        raise ValueError(f"{expected} bands, patches, blade patches were expected, not {found}")
    _check_stacks(header, patches, lossless)
    layer = header.has_lossy_layer
    chunks = {
        Chunk.LEVELS: b"".join(stream.data for stream in bands) if layer else None,
        Chunk.PATCHES: b"".join(s.data for s in patches if s.stack is None) if layer else None,
        Chunk.LOSSLESS: b"".join(map(_data, lossless)) if lossless else None,
        Chunk.EXIF: metadata.exif,
        Chunk.XMP: metadata.xmp,
        Chunk.ICC: metadata.icc,
        Chunk.DIGESTS: _digests(digests) if digests else None,
    }
    tables = {
        Chunk.LEVELS: write_streams(bands),
        Chunk.PATCHES: write_streams(patches),
        Chunk.LOSSLESS: write_lossless(lossless),
    }
    present = {kind: data for kind, data in chunks.items() if data is not None}
    index = _header(header) + b"".join(
        _chunk_entry(kind, data, tables.get(kind, b"")) for kind, data in present.items()
    )
    front = SIGNATURE + bytes([VERSION]) + varint(len(index)) + index
    return b"".join([front, crc32c(front).to_bytes(4, "little"), *present.values()])


def _check_stacks(
    header: Header, patches: Sequence[Stream], lossless: Sequence[BladeStream]
) -> None:
    """Refuse (ValueError) streams that do not fit stacks, or their absence."""
    opened = sum(isinstance(stream, StackStream) for stream in lossless)
    named = {stream.stack for stream in lossless if isinstance(stream, Chained)}
    lent = {number: stream.stack for number, stream in enumerate(patches)}
    lenders = [number for number, stack in lent.items() if stack is not None]
    named |= {stack for stack in lent.values() if stack is not None}
    coded = any(isinstance(stream, LosslessStream) and not stream.raw for stream in lossless)
    if (opened or named) if not header.stacks else coded:
        raise ValueError("the header and the lossless streams disagree on stacks")
    if named and max(named) >= opened:
        raise ValueError(f"there is no stack {max(named)}")
    if header.mask.flat[lenders].any():
        raise ValueError("a blade patch lends its stream")


def _data(stream: BladeStream) -> bytes:
    return b"" if isinstance(stream, Chained) else stream.data


def _header(header: Header) -> bytes:
    flags = header.grey | (not header.has_lossy_layer) << 1 | header.stacks << 2
    flags |= (header.jpeg is not None) << 3
    fields = [
        bytes([flags, MODES.index(header.mode)]),
        varint(header.width),
        varint(header.height),
    ]
    if header.model is not None:
        fields += [
            header.quality64.to_bytes(2, "little"),
            header.roi_quality64.to_bytes(2, "little"),
            bytes([header.top_quality]),
            varint(header.band_rows),
            _reference(header.model),
        ]
    if header.lossless_model is not None:
        fields.append(_reference(header.lossless_model))
    if header.jpeg is not None:
        fields.append(header.jpeg.write())
    return b"".join([*fields, encode_mask(header.mask)])


def _reference(model: ModelReference) -> bytes:
    return text(model.name) + text(model.version) + model.digest


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
