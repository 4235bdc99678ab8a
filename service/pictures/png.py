"""The chunks of a PNG file: whole, undamaged, and how many bits a sample has."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from service.errors import BadPicture
from service.pictures.findings import Findings, bit_losses
from service.pictures.limits import Limits

_SIGNATURE_BYTES: Final = 8
# A 120 MP file in the usual chunks of 8 KiB has about 50,000.
_MOST_CHUNKS: Final = 500_000


def examine(data: bytes, limits: Limits) -> Findings:
    """Check the header against the limits, then every chunk's CRC up to the end.

    Decoders skip the CRC of pixel data and stop quietly when what follows it is cut off, and
    16-bit colours would be cut to 8 bits without a word.

    Raises
    ------
    BadPicture
        A chunk is damaged or missing.
    PictureTooLarge
        The picture is over the limits.
    """
    view = memoryview(data)
    bits = 0
    at = _SIGNATURE_BYTES
    for number in range(_MOST_CHUNKS):
        if at + 12 > len(data):
            raise BadPicture("The PNG file is truncated.")
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise BadPicture("The PNG file is truncated.")
        if number == 0:
            if kind != b"IHDR" or length != 13:
                raise BadPicture("The PNG file does not begin with its header.")
            width, height, bits = struct.unpack_from(">IIB", data, at + 8)
            limits.check_size(width, height)
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise BadPicture(f"The PNG file is damaged: a chunk {kind!r} fails its CRC.")
        if kind == b"IEND":
            return Findings(losses=bit_losses(bits))
        at = end + 4
    raise BadPicture(f"The PNG file has more than {_MOST_CHUNKS:,} chunks.")
