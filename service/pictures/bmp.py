"""The header of a BMP file."""

from __future__ import annotations

import struct

from service.errors import BadPicture, UnsupportedPicture
from service.pictures.findings import Findings
from service.pictures.limits import Limits

_RUN_LENGTH_CODED = (1, 2)


def examine(data: bytes, limits: Limits) -> Findings:
    """Refuse run-length coded files, whose decoding is slow without bound.

    The size is checked once the decoder has read it: it takes no memory before.

    Raises
    ------
    BadPicture
        The header is cut off.
    UnsupportedPicture
        The pixels are run-length coded.
    """
    del limits
    if len(data) < 26:
        raise BadPicture("The BMP file is truncated within its header.")
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes >= 40 and len(data) >= 34:
        (compression,) = struct.unpack_from("<I", data, 30)
        if compression in _RUN_LENGTH_CODED:
            raise UnsupportedPicture("Run-length coded BMP is not supported; send PNG.")
    return Findings()
