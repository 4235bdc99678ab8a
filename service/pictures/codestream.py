"""The headers inside a JPEG 2000 codestream: size, depth, and how finely it is cut.

A header of a hundred bytes can cut a picture into blocks of 4 x 4 pixels and precincts of one;
the decoder takes hundreds of bytes of memory for each before it reads any data (measured: 7 GB
for 2000 x 2000 pixels). So the pieces are counted first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.errors import BadPicture, UnsupportedPicture
from service.pictures.limits import Limits

START: Final = b"\xff\x4f\xff\x51"
_END: Final = b"\xff\xd9"

_COD: Final = 0xFF52
_COC: Final = 0xFF53
_SOT: Final = 0xFF90
_SOD: Final = 0xFF93
_EOC: Final = 0xFFD9

# Encoders cut blocks of 32 x 32 or 64 x 64, seldom 16 x 16 (with all levels one piece in 190
# pixels). Small pictures may be cut as finely as they like.
_PIXELS_A_PIECE: Final = 128
_PIECES_ALWAYS: Final = 4096
_MOST_SEGMENTS: Final = 200_000


@dataclass(frozen=True)
class _Size:
    width: int
    height: int
    tile_width: int
    tile_height: int
    components: int
    bits: int


def bits_of(data: bytes, start: int, end: int, limits: Limits) -> int:
    """Check the codestream in ``data[start:end]``; give the most bits of its components.

    Raises
    ------
    BadPicture
        It is damaged, cut off, or cut into absurdly small pieces.
    UnsupportedPicture
        It has more than four components.
    PictureTooLarge
        It is over the limits.
    """
    if not data.startswith(START, start) or end - start < 43:
        raise BadPicture("The JPEG 2000 codestream is damaged or cut off.")
    if not data.endswith(_END, start, end):
        raise BadPicture("The JPEG 2000 codestream is truncated.")
    size = _size(data, start)
    limits.check_size(size.width, size.height)
    for style in _styles(data, start, end):
        _check_pieces(style, size)
    return size.bits


def _size(data: bytes, start: int) -> _Size:
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    tile_width, tile_height = struct.unpack_from(">2I", data, start + 24)
    (components,) = struct.unpack_from(">H", data, start + 40)
    if not 1 <= components <= 4:
        raise UnsupportedPicture(f"JPEG 2000 with {components} components is not supported.")
    if right <= left or bottom <= top:
        raise BadPicture("The JPEG 2000 codestream declares an empty picture.")
    width, height = right - left, bottom - top
    depths = data[start + 42 : start + 42 + 3 * components : 3]
    bits = max((depth & 0x7F) + 1 for depth in depths)
    return _Size(width, height, min(width, tile_width), min(height, tile_height), components, bits)


def _styles(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """Give each coding style: levels, block sizes, and sizes of precincts if not the largest."""
    at, tile_part = start + 2, start
    for _ in range(_MOST_SEGMENTS):
        if at + 4 > end:
            break
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _EOC:
            return
        if marker == _SOD:
            # The length of a tile part counts from its SOT; 0 is all that is left.
            (part_bytes,) = struct.unpack_from(">I", data, tile_part + 6)
            if part_bytes == 0:
                return
            at = max(at + 2, tile_part + part_bytes)
            if at == end - len(_END) or at >= end:
                return
            continue
        if marker == _SOT:
            tile_part = at
        payload = data[at + 4 : at + 2 + length]
        if marker == _COD and len(payload) >= 10:
            yield _style(payload[0], payload[5:])
        elif marker == _COC and len(payload) >= 7:
            yield _style(payload[1], payload[2:])
        at += 2 + length
    raise BadPicture("The JPEG 2000 codestream is damaged or cut off.")


def _style(flags: int, parameters: bytes) -> bytes:
    return parameters if flags & 1 else parameters[:5]


def _check_pieces(style: bytes, size: _Size) -> None:
    levels = style[0]
    if levels > 32:
        raise BadPicture("The JPEG 2000 codestream is damaged: it has over 32 levels.")
    pieces = 0
    for level in range(levels + 1):
        # Precincts of the lowest resolution stand first.
        shift = levels - level
        width, height = -(-size.tile_width >> shift), -(-size.tile_height >> shift)
        packed = style[5 + level] if len(style) > 5 + level else 0xFF
        across, down = packed & 15, packed >> 4
        block_across = min(2 + (style[1] & 15), across)
        block_down = min(2 + (style[2] & 15), down)
        pieces += (1 + (width >> across)) * (1 + (height >> down))
        pieces += (1 + (width >> block_across)) * (1 + (height >> block_down))
    most = size.tile_width * size.tile_height // _PIXELS_A_PIECE + _PIECES_ALWAYS
    if pieces > most:
        raise BadPicture("The JPEG 2000 codestream is cut into absurdly many small pieces.")
