"""The lossy files that several tests decode: their geometry, and ways to break them."""

from __future__ import annotations

from service.codec.container.layout import Stream
from service.codec.container.parser import parse
from service.codec.container.writer import pack

HEIGHT, WIDTH = 700, 900
ROWS, COLUMNS = 3, 4
HALO = 1  # patches around a damaged one that its pixels reach into


def near(numbers: set[int], rows: int, columns: int) -> list[int]:
    """Patches and their neighbours."""
    found = {
        (number // columns + r, number % columns + c)
        for number in numbers
        for r in range(-HALO, HALO + 1)
        for c in range(-HALO, HALO + 1)
    }
    return sorted(r * columns + c for r, c in found if 0 <= r < rows and 0 <= c < columns)


def with_streams(data: bytes, change) -> bytes:  # type: ignore[no-untyped-def]
    """A file whose streams are changed, with an index that fits: change(kind, number, bytes)."""
    blade = parse(data)

    def streams(kind: str, entries, read) -> list[Stream]:  # type: ignore[no-untyped-def]
        return [
            Stream(change(kind, number, bytes(read(number))), entry.groups)
            for number, entry in enumerate(entries)
        ]

    bands = streams("band", blade.bands, blade.band)
    patches = streams("patch", blade.patches, blade.patch)
    return pack(blade.header, bands, patches, blade.metadata())


def flipped(data: bytes) -> bytes:
    """A stream with one bit flipped; an empty one stays as it is."""
    if not data:
        return data
    changed = bytearray(data)
    changed[len(data) // 2] ^= 8
    return bytes(changed)
