"""The tables of the chunks that hold streams: written, and read back."""

from __future__ import annotations

from collections.abc import Sequence

from service.codec.container.fields import Reader, varint
from service.codec.container.layout import (
    MAX_STREAM,
    RAW_CHECK_BYTES,
    Chunk,
    ChunkEntry,
    Header,
    LosslessEntry,
    LosslessStream,
    Stream,
    StreamEntry,
)
from service.errors import BadStream, UnsupportedStream


def write_streams(streams: Sequence[Stream]) -> bytes:
    """One entry a stream of the lossy layer."""
    return b"".join(varint(len(stream.data) << 4 | stream.groups) for stream in streams)


def write_lossless(streams: Sequence[LosslessStream]) -> bytes:
    """One entry a blade patch."""
    return b"".join(varint(len(stream.data) << 2 | stream.raw) for stream in streams)


def read_streams(
    chunk: Chunk, chunks: dict[str, ChunkEntry], tables: dict[Chunk, memoryview], count: int
) -> tuple[StreamEntry, ...]:
    """Read a chunk's stream entries: exactly `count`, and exactly as long as the chunk.

    Raises
    ------
    BadStream
        The chunk is missing or one too many, or its entries are not as they must be.
    """
    if not _agrees(chunk, tables, count):
        return ()
    reader = Reader(tables[chunk])
    offset = chunks[chunk.label].offset
    end = offset + chunks[chunk.label].length
    streams = []
    for _ in range(count):
        packed = reader.varint()
        length, groups = packed >> 4, packed & 15
        if length >= MAX_STREAM or (length and not groups):
            raise BadStream(f"A stream of {length} bytes and {groups} groups is impossible.")
        streams.append(StreamEntry(offset, length, groups))
        offset += length
    if reader.left or offset != end:
        raise BadStream(f"The streams of chunk {chunk.label} do not add up to it.")
    return tuple(streams)


def read_lossless(
    header: Header, chunks: dict[str, ChunkEntry], tables: dict[Chunk, memoryview]
) -> dict[int, LosslessEntry]:
    """Read one entry for each blade patch; together exactly as long as the chunk.

    Raises
    ------
    BadStream
        The chunk is missing or one too many, or its entries are not as they must be.
    UnsupportedStream
        A stream has a form that only a newer reader knows.
    """
    numbers = header.lossless_patches
    if not _agrees(Chunk.LOSSLESS, tables, len(numbers)):
        return {}
    reader = Reader(tables[Chunk.LOSSLESS])
    chunk = chunks[Chunk.LOSSLESS.label]
    offset = chunk.offset
    entries = {}
    for number in numbers:
        packed = reader.varint()
        length, form = packed >> 2, packed & 3
        if form > 1:
            raise UnsupportedStream(f"A lossless stream has form {form}, of a newer version.")
        exact = header.samples_in(number) + RAW_CHECK_BYTES
        if length >= MAX_STREAM or (form == 1 and length != exact):
            raise BadStream(f"A lossless stream of {length} bytes is impossible.")
        entries[number] = LosslessEntry(offset, length, form == 1)
        offset += length
    if reader.left or offset != chunk.offset + chunk.length:
        raise BadStream("The streams of chunk lossless do not add up to it.")
    return entries


def _agrees(chunk: Chunk, tables: dict[Chunk, memoryview], streams: int) -> bool:
    """Whether a chunk is there; BadStream if the header says the opposite."""
    if (chunk in tables) != (streams > 0):
        raise BadStream(f"The chunk {chunk.label} is {'missing' if streams else 'one too many'}.")
    return streams > 0
