"""The tables of the chunks that hold streams: written, and read back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.codec.container.entries import ChunkEntry, LosslessEntry, StreamEntry
from service.codec.container.fields import Reader, varint
from service.codec.container.layout import (
    MAX_STREAM,
    RAW_CHECK_BYTES,
    Chunk,
    Header,
    LosslessStream,
    Stream,
)
from service.codec.container.stacks import BladeStream, StackStream
from service.errors import BadStream, UnsupportedStream

_CODED, _RAW, _STACK, _CHAINED = range(4)  # forms of a lossless entry


def write_streams(streams: Sequence[Stream]) -> bytes:
    """One entry a stream of the lossy layer."""
    return b"".join(_stream_entry(stream) for stream in streams)


def _stream_entry(stream: Stream) -> bytes:
    length = len(stream.data) << 4
    if stream.stack is None:
        return varint(length | stream.groups)
    return varint(length) + varint(stream.stack << 4 | stream.groups)


def write_lossless(streams: Sequence[BladeStream]) -> bytes:
    """One entry a blade patch."""
    return b"".join(_lossless_entry(stream) for stream in streams)


def _lossless_entry(stream: BladeStream) -> bytes:
    if isinstance(stream, LosslessStream):
        return varint(len(stream.data) << 2 | (_RAW if stream.raw else _CODED))
    if isinstance(stream, StackStream):
        return varint(len(stream.data) << 2 | _STACK) + varint(stream.filler)
    return varint(stream.stack << 2 | _CHAINED)


def read_streams(
    chunk: Chunk,
    chunks: dict[str, ChunkEntry],
    tables: dict[Chunk, memoryview],
    count: int,
    may_lend: NDArray[np.bool_] | None = None,
) -> tuple[StreamEntry, ...]:
    """Read a chunk's stream entries: exactly `count`, and exactly as long as the chunk.

    ``may_lend`` tells for each stream whether it may be lent to a stack; None is none of them.

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
    for number in range(count):
        packed = reader.varint()
        length, groups = packed >> 4, packed & 15
        if length and not groups and may_lend is not None and may_lend.flat[number]:
            packed = reader.varint()
            if not packed & 15 or length >= MAX_STREAM:
                raise BadStream(f"A lent stream of {length} bytes is impossible.")
            streams.append(StreamEntry(offset, length, packed & 15, packed >> 4))
            continue
        if length >= MAX_STREAM or (length and not groups):
            raise BadStream(f"A stream of {length} bytes and {groups} groups is impossible.")
        streams.append(StreamEntry(offset, length, groups))
        offset += length
    if reader.left or offset != end:
        raise BadStream(f"The streams of chunk {chunk.label} do not add up to it.")
    return tuple(streams)


def read_lossless(
    header: Header, chunks: dict[str, ChunkEntry], tables: dict[Chunk, memoryview]
) -> tuple[dict[int, LosslessEntry], list[int]]:
    """Read one entry for each blade patch; together exactly as long as the chunk.

    Beside the entries, by patch, come the bytes of filler of each stack.

    Raises
    ------
    BadStream
        The chunk is missing or one too many, or its entries are not as they must be.
    UnsupportedStream
        A stream has a form that only a newer reader knows.
    """
    numbers = header.lossless_patches
    if not _agrees(Chunk.LOSSLESS, tables, len(numbers)):
        return {}, []
    reader = Reader(tables[Chunk.LOSSLESS])
    chunk = chunks[Chunk.LOSSLESS.label]
    offset = chunk.offset
    entries: dict[int, LosslessEntry] = {}
    fillers: list[int] = []
    for number in numbers:
        packed = reader.varint()
        length, form = packed >> 2, packed & 3
        if form in (_STACK, _CHAINED) and not header.stacks:
            raise UnsupportedStream(f"A lossless stream has form {form}, of a newer version.")
        if form == _CODED and header.stacks:
            raise BadStream("A lossless stream is no stack.")
        if form == _CHAINED:
            entries[number] = LosslessEntry(0, 0, False, stack=length)
            continue
        if form == _STACK:
            filler = reader.varint()
            if not length or filler >= MAX_STREAM:
                raise BadStream(f"A stack of {length} bytes with {filler} of filler is impossible.")
            entries[number] = LosslessEntry(offset, length, False, stack=len(fillers))
            fillers.append(filler)
            offset += length
            continue
        exact = header.samples_in(number) + RAW_CHECK_BYTES
        if length >= MAX_STREAM or (form == _RAW and length != exact):
            raise BadStream(f"A lossless stream of {length} bytes is impossible.")
        entries[number] = LosslessEntry(offset, length, form == _RAW)
        offset += length
    if reader.left or offset != chunk.offset + chunk.length:
        raise BadStream("The streams of chunk lossless do not add up to it.")
    return entries, fillers


def _agrees(chunk: Chunk, tables: dict[Chunk, memoryview], streams: int) -> bool:
    """Whether a chunk is there; BadStream if the header says the opposite."""
    if (chunk in tables) != (streams > 0):
        raise BadStream(f"The chunk {chunk.label} is {'missing' if streams else 'one too many'}.")
    return streams > 0
