"""The fields that an index is made of: fixed-width integers, varints, short texts."""

from __future__ import annotations

import re

from service.errors import BadStream

TEXT = re.compile(r"[a-z0-9._-]{1,32}")
"""What a text may be."""


def varint(value: int) -> bytes:
    """LEB128 of an integer below 2**32, in its shortest form."""
    if not 0 <= value < 2**32:
        raise ValueError(f"{value} does not fit a varint")
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def text(value: str) -> bytes:
    """Write a text: its length, then its bytes."""
    if not TEXT.fullmatch(value):
        raise ValueError(f"{value!r} is not 1 to 32 of a-z, 0-9, '.', '_', '-'")
    return bytes([len(value)]) + value.encode("ascii")


class Reader:
    """A walk through bytes of others: every step is checked against what is there.

    Parameters
    ----------
    data
        The bytes; not copied.
    position
        Where to start.
    """

    def __init__(self, data: memoryview, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def left(self) -> int:
        """Bytes that have not been read."""
        return len(self.data) - self.position

    def take(self, count: int) -> memoryview:
        """Read `count` bytes; BadStream if fewer are left."""
        if count > self.left:
            raise BadStream(f"The file ends within a field, {count - self.left} bytes too early.")
        self.position += count
        return self.data[self.position - count : self.position]

    def unsigned(self, width: int) -> int:
        """Read a little-endian integer of `width` bytes."""
        return int.from_bytes(self.take(width), "little")

    def varint(self) -> int:
        """Read an integer below 2**32; BadStream if it is longer than it need be."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.unsigned(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 2**32 or (byte == 0 and shift):
                    break
                return value
        raise BadStream("A number in the index is not in its shortest form, or too large.")

    def text(self) -> str:
        """Read a text."""
        raw = bytes(self.take(self.unsigned(1)))
        value = raw.decode("ascii", errors="replace")
        if not TEXT.fullmatch(value):
            raise BadStream("A name in the index holds characters that no name has.")
        return value
