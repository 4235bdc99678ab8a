"""The properties in an AVIF file: sizes and bits, which its decoder would cut to 8 in silence."""

from __future__ import annotations

import struct

from service.errors import BadPicture
from service.pictures.boxes import boxes
from service.pictures.findings import Findings, bit_losses
from service.pictures.limits import Limits


def examine(data: bytes, limits: Limits) -> Findings:
    """Look at every item's size and depth, the picture's own and those of its parts.

    Raises
    ------
    BadPicture
        The boxes are damaged.
    PictureTooLarge
        An item is over the limits.

    Notes
    -----
    A hostile file may hold a larger AV1 frame than it declares here. The decoder then stops at
    2**28 pixels of its own accord, and refuses the file when the sizes do not agree.
    """
    bits = 8
    for kind, start, end in _properties(data):
        if kind == b"ispe" and end - start >= 12:
            limits.check_size(*struct.unpack_from(">II", data, start + 4))
        elif kind == b"av1C" and end - start >= 4:
            flags = data[start + 2]
            if flags & 0x40:
                bits = 12 if flags & 0x20 else max(bits, 10)
    return Findings(losses=bit_losses(bits))


def _properties(data: bytes) -> list[tuple[bytes, int, int]]:
    """Find the boxes in meta / iprp / ipco."""
    start, end = 0, len(data)
    # meta is a full box: four bytes of version and flags stand before its boxes.
    for wanted, skip in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        for kind, first, last in boxes(data, start, end):
            if kind == wanted:
                start, end = first + skip, last
                break
        else:
            raise BadPicture(f"The AVIF file has no box {wanted.decode()}.")
    return list(boxes(data, start, end))
