"""Where a file's parts lie, as its index has told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LosslessEntry:
    """Where a blade patch's lossless stream lies.

    Attributes
    ----------
    offset, length
        Bytes, from the start of the file.
    raw
        Whether it holds the samples as they are.
    stack
        Number of the stack that the patch is in; of a chained patch, offset and length are 0.
    """

    offset: int
    length: int
    raw: bool
    stack: int | None = None


@dataclass(frozen=True)
class StreamEntry:
    """Where a stream lies and what it holds.

    Attributes
    ----------
    offset, length
        Bytes, from the start of the file.
    groups
        Coded groups of symbols, 0 to 15.
    stack
        Number of the stack that it is lent to, and lies in; the offset then says nothing.
    """

    offset: int
    length: int
    groups: int
    stack: int | None = None


@dataclass(frozen=True)
class ChunkEntry:
    """Where a chunk lies.

    Attributes
    ----------
    label
        Name in reports; unknown chunks are `unknown-` and their type in hexadecimal.
    type
        The type byte.
    offset, length
        Bytes, from the start of the file.
    check
        CRC32C of its bytes.
    """

    label: str
    type: int
    offset: int
    length: int
    check: int
