"""The directories inside EXIF and TIFF, copied value for value between blocks.

Values are never interpreted, only moved, so that they stay what they were to the last bit
(0/0 rationals, odd types). Every offset is looked at before it is followed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

# Bytes of one value, by TIFF field type.
_TYPE_BYTES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
}

_LONG: Final = 4
_EXIF_POINTER: Final = 34665
_GPS_POINTER: Final = 34853
_INTEROPERABILITY_POINTER: Final = 40965
_GPS_TAGS: Final = range(32)
# Of a TIFF file's own directory, what describes the photograph and not its strips of pixels:
# description, maker, model, orientation, resolution (x, y, unit), software, date, artist,
# host, copyright.
_DESCRIPTIVE_TAGS: Final[frozenset[int]] = frozenset(
    (270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 316, 33432)
)


class DamagedDirectoryError(ValueError):
    """A directory is cut off or points outside its block."""


@dataclass(frozen=True)
class Field:
    """One entry of a directory: type and count as TIFF has them, value as raw bytes."""

    kind: int
    count: int
    value: bytes


Directory = dict[int, Field]


@dataclass(frozen=True)
class Block:
    """A TIFF structure: bytes with directories at offsets.

    Attributes
    ----------
    data
        All bytes, from the byte order mark on.
    order
        ``<`` or ``>``, as `struct` has it.
    first
        Offset of the first directory.
    """

    data: bytes
    order: str
    first: int

    @classmethod
    def parse(cls, data: bytes) -> Block:
        """Read the header; raise DamagedDirectoryError if it is none (BigTIFF is none)."""
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
        if order is None or len(data) < 8:
            raise DamagedDirectoryError("not a TIFF structure")
        return cls(data, order, struct.unpack_from(order + "I", data, 4)[0])

    def directory(self, offset: int) -> tuple[Directory, int]:
        """Read the directory at `offset`, and the offset of the next one (0 if none).

        A tag that stands twice counts once; fields of unknown type are left out. Values that
        overlap so much that they have more bytes than the block are damage: copying them
        could take any amount of memory.
        """
        data, order = self.data, self.order
        if not 8 <= offset <= len(data) - 2:
            raise DamagedDirectoryError("a directory lies outside")
        (entries,) = struct.unpack_from(order + "H", data, offset)
        end = offset + 2 + 12 * entries
        if end > len(data):
            raise DamagedDirectoryError("a directory is cut off")
        directory: Directory = {}
        total = 0
        for at in range(offset + 2, end, 12):
            tag, kind, count, start = struct.unpack_from(order + "HHII", data, at)
            size = _TYPE_BYTES.get(kind, 0) * count
            if size == 0 or tag in directory:
                continue
            if size <= 4:
                start = at + 8
            total += size
            if start + size > len(data) or total > len(data):
                raise DamagedDirectoryError(f"the value of tag {tag} is cut off")
            directory[tag] = Field(kind, count, data[start : start + size])
        following = struct.unpack_from(order + "I", data, end)[0] if end + 4 <= len(data) else 0
        return directory, following

    def number(self, directory: Directory, tag: int, default: int = 0) -> int:
        """Give the first value of a field of whole numbers, `default` if there is none."""
        numbers = self.numbers(directory, tag)
        return numbers[0] if numbers else default

    def numbers(self, directory: Directory, tag: int) -> tuple[int, ...]:
        """Give the values of a field of bytes, shorts or longs; empty if there is none."""
        field = directory.get(tag)
        code = {1: "B", 3: "H", 4: "I", 13: "I"}.get(field.kind) if field else None
        if field is None or code is None:
            return ()
        return struct.unpack(f"{self.order}{field.count}{code}", field.value)


def gps_alone(exif: bytes) -> bytes | None:
    """Make an EXIF block that holds the GPS directory of another and nothing else.

    Parameters
    ----------
    exif
        EXIF block, from its byte order mark on.

    Returns
    -------
    bytes or None
        The new block, in the same byte order; None if there is no GPS directory or it is
        damaged.
    """
    try:
        block = Block.parse(exif)
        top, _ = block.directory(block.first)
        if _GPS_POINTER not in top:
            return None
        found, _ = block.directory(block.number(top, _GPS_POINTER))
    except DamagedDirectoryError:
        return None
    gps = {tag: field for tag, field in found.items() if tag in _GPS_TAGS}
    return _write(block.order, {}, {_GPS_POINTER: gps}) if gps else None


def from_tiff(data: bytes) -> bytes | None:
    """Make an EXIF block of what a TIFF file says about its photograph.

    Takes the descriptive fields of the first directory and the EXIF and GPS directories whole,
    value for value, without thumbnails and without what locates pixels. A maker note keeps its
    bytes, but one that holds offsets into the old file may lose its meaning.

    Parameters
    ----------
    data
        A TIFF file (not BigTIFF).

    Returns
    -------
    bytes or None
        The block, in the same byte order; None if the file says nothing of the kind.

    Raises
    ------
    DamagedDirectoryError
        The first directory is damaged. Damaged EXIF and GPS directories are left out.
    """
    block = Block.parse(data)
    top, _ = block.directory(block.first)
    fields = {tag: field for tag, field in top.items() if tag in _DESCRIPTIVE_TAGS}
    children: dict[int, Directory] = {}
    for pointer in (_EXIF_POINTER, _GPS_POINTER):
        try:
            child, _ = block.directory(block.number(top, pointer))
        except DamagedDirectoryError:
            continue
        child.pop(_INTEROPERABILITY_POINTER, None)
        if child:
            children[pointer] = child
    return _write(block.order, fields, children) if fields or children else None


def _write(order: str, fields: Directory, children: dict[int, Directory]) -> bytes:
    """Lay out a block: first directory, its values, then each child the same way."""
    top = dict(fields) | {pointer: Field(_LONG, 1, bytes(4)) for pointer in children}
    at = 8 + _directory_bytes(top)
    for pointer, child in children.items():
        top[pointer] = Field(_LONG, 1, struct.pack(order + "I", at))
        at += _directory_bytes(child)
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    parts = [header, _directory(order, top, 8)]
    for child in children.values():
        parts.append(_directory(order, child, sum(map(len, parts))))
    return b"".join(parts)


def _directory_bytes(directory: Directory) -> int:
    values = sum(_even(len(field.value)) for field in directory.values() if len(field.value) > 4)
    return 2 + 12 * len(directory) + 4 + values


def _directory(order: str, directory: Directory, offset: int) -> bytes:
    """Write one directory that will lie at `offset`, its longer values behind it."""
    entries, values = [struct.pack(order + "H", len(directory))], bytearray()
    values_at = offset + 2 + 12 * len(directory) + 4
    for tag, field in sorted(directory.items()):
        if len(field.value) <= 4:
            value = field.value.ljust(4, b"\0")
        else:
            value = struct.pack(order + "I", values_at + len(values))
            values += field.value.ljust(_even(len(field.value)), b"\0")
        entries.append(struct.pack(order + "HHI", tag, field.kind, field.count) + value)
    return b"".join(entries) + bytes(4) + bytes(values)


def _even(size: int) -> int:
    # TIFF values start on even offsets.
    return size + size % 2
