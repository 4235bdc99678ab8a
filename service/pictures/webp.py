"""The size in a WebP header, read before a decoder takes memory for the canvas."""

from __future__ import annotations

from service.errors import BadPicture
from service.pictures.findings import Findings
from service.pictures.limits import Limits


def examine(data: bytes, limits: Limits) -> Findings:
    """Check the canvas against the limits.

    Raises
    ------
    BadPicture
        The header is cut off or of no known kind.
    PictureTooLarge
        The picture is over the limits.
    """
    kind, head = data[12:16], data[20:30]
    if len(head) < 10:
        raise BadPicture("The WebP file is truncated within its header.")
    if kind == b"VP8X":
        width = 1 + int.from_bytes(head[4:7], "little")
        height = 1 + int.from_bytes(head[7:10], "little")
    elif kind == b"VP8L":
        packed = int.from_bytes(head[1:5], "little")
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width = int.from_bytes(head[6:8], "little") & 0x3FFF
        height = int.from_bytes(head[8:10], "little") & 0x3FFF
    else:
        raise BadPicture("The WebP file is damaged: its first chunk is of no known kind.")
    limits.check_size(width, height)
    return Findings()
