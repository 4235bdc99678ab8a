"""The boxes of a JPEG 2000 file."""

from __future__ import annotations

from typing import Final

from service.errors import BadPicture
from service.pictures import codestream
from service.pictures.boxes import boxes
from service.pictures.findings import Findings, bit_losses
from service.pictures.limits import Limits
from service.pictures.metadata import Metadata

_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_UUID: Final = b"JpgTiffExif->JP2"
_ICC_METHODS: Final = (2, 3)


def examine(data: bytes, limits: Limits) -> Findings:
    """Look at the codestream's own size and depth, and collect metadata.

    The decoder would believe a size in the boxes and take memory for the codestream's.

    Raises
    ------
    BadPicture
        The boxes or the codestream are damaged or cut off.
    UnsupportedPicture
        More than four components.
    PictureTooLarge
        The codestream is over the limits.
    """
    if data.startswith(codestream.START):
        return Findings(losses=bit_losses(codestream.bits_of(data, 0, len(data), limits)))
    bits = 0
    exif = xmp = icc = None
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"jp2c" and not bits:
            bits = codestream.bits_of(data, start, end, limits)
        elif kind == b"jp2h":
            icc = _profile(data, start, end)
        elif kind == b"uuid" and data[start : start + 16] == _XMP_UUID:
            xmp = data[start + 16 : end]
        elif kind == b"uuid" and data[start : start + 16] == _EXIF_UUID:
            exif = data[start + 16 : end]
    if not bits:
        raise BadPicture("The JPEG 2000 file has no codestream.")
    return Findings(losses=bit_losses(bits), metadata=Metadata.of_blocks(exif, xmp, icc))


def _profile(data: bytes, start: int, end: int) -> bytes | None:
    for kind, first, last in boxes(data, start, end):
        if kind == b"colr" and last - first > 3 and data[first] in _ICC_METHODS:
            return data[first + 3 : last]
    return None
