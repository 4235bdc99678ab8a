"""The segments of a JPEG file: its frame header, and metadata out of and into them.

A segment holds 65,533 bytes, so longer metadata comes in pieces. EXIF blocks and ICC profiles
are cut and put together again; XMP knows a standard packet that names the MD5 of an extended
packet, which comes in pieces.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from typing import Final

from service.errors import BadParameter, BadPicture, UnsupportedPicture
from service.pictures.findings import Findings
from service.pictures.limits import Limits
from service.pictures.metadata import Metadata

_EXIF: Final = b"Exif\0\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_ICC: Final = b"ICC_PROFILE\0"

SOS: Final = 0xDA
_EOI: Final = 0xD9
_APP0: Final = 0xE0
_APP1: Final = 0xE1
_APP2: Final = 0xE2
_FRAMES: Final = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = {0xC2, 0xC6, 0xCA, 0xCE}
_BARE_MARKERS: Final = {0x01, *range(0xD0, 0xD9)}
_MOST_PAYLOAD: Final = 65_533

# Cameras write under 64 KiB. Pillow puts pieces together in time that grows with their square.
_MOST_EXIF: Final = 16 * 1024 * 1024

# Encoders write about ten; each costs a pass over the whole picture, however few its bytes.
_MOST_SCANS: Final = 100

# Where a standard XMP packet may end and an extended one begin.
_PACKET_SEAM: Final = re.compile(rb"(?:\?>|</x:xmpmeta>|</rdf:RDF>)\s*(?=<)")
_EXTENSION_MD5: Final = re.compile(rb"HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})")
_MOST_SEAMS: Final = 32


def examine(data: bytes, limits: Limits) -> Findings:
    """Look through the segments before the first scan.

    Raises
    ------
    BadPicture
        A segment is cut off, or there are so many scans or so much EXIF that decoding would
        take for ever.
    UnsupportedPicture
        Samples of more than 8 bits, or a number of colours other than 1, 3 and 4.
    PictureTooLarge
        A frame is over the limits.
    """
    collected = _Collected()
    for marker, payload, _ in segments(data):
        if marker in _FRAMES:
            _check_frame(data, marker, payload, limits)
        elif marker == _APP1:
            collected.add_app1(payload)
        elif marker == _APP2 and payload.startswith(_ICC) and len(payload) > 14:
            collected.icc[payload[12]] = (payload[13], payload[14:])
    return Findings(metadata=collected.metadata())


def with_metadata(encoded: bytes, metadata: Metadata) -> bytes:
    """Put metadata into a JPEG file that has none.

    Parameters
    ----------
    encoded
        A JPEG file as an encoder leaves it, beginning with SOI and maybe APP0.
    metadata
        Goes behind those, byte for byte.

    Raises
    ------
    BadParameter
        The XMP packet or the profile is longer than JPEG can hold.
    """
    at = 2
    if encoded[2:4] == bytes((0xFF, _APP0)):
        at += 2 + struct.unpack_from(">H", encoded, 4)[0]
    segments = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload
        for marker, payload in _payloads(metadata)
    )
    return encoded[:at] + segments + encoded[at:]


def segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Give marker, payload and end of each segment up to the first scan's header, included.

    Behind the end of the scan's header its coded data begin. A file may have EOI and no scan.

    Raises
    ------
    BadPicture
        A segment is not where it should be, or cut off (the scan's header alone may be cut off).
    """
    at = 2
    while at + 2 <= len(data):
        if data[at] != 0xFF:
            raise BadPicture("The JPEG file is damaged: a segment is not where it should be.")
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == _EOI:
            return
        at += 2
        if marker in _BARE_MARKERS:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if marker != SOS and (length < 2 or at + length > len(data)):
            break
        yield marker, data[at + 2 : at + length], at + length
        if marker == SOS:
            return
        at += length
    raise BadPicture("The JPEG file is truncated within its header.")


def _check_frame(data: bytes, marker: int, payload: bytes, limits: Limits) -> None:
    if len(payload) < 6:
        raise BadPicture("The JPEG file is damaged: its frame header is cut off.")
    bits, height, width, colours = struct.unpack_from(">BHHB", payload)
    if bits != 8:
        raise UnsupportedPicture(f"JPEG with {bits} bits a sample is not supported, only 8.")
    if colours not in (1, 3, 4):
        raise UnsupportedPicture(f"JPEG with {colours} colour channels is not supported.")
    limits.check_size(width, height)
    if marker in _PROGRESSIVE:
        # Within coded data 0xFF is followed by 0, so this counts markers (and, harmlessly,
        # those of an embedded thumbnail).
        scans = data.count(bytes((0xFF, SOS)))
        if scans > _MOST_SCANS:
            raise BadPicture(f"The JPEG file has {scans:,} scans; at most {_MOST_SCANS} are taken.")


class _Collected:
    """Pieces of metadata as segments bring them."""

    def __init__(self) -> None:
        self.exif: list[bytes] = []
        self.xmp = b""
        self.extended: dict[bytes, dict[int, bytes]] = {}
        self.icc: dict[int, tuple[int, bytes]] = {}

    def add_app1(self, payload: bytes) -> None:
        if payload.startswith(_EXIF):
            self.exif.append(payload[len(_EXIF) :])
            if len(self.exif) * _MOST_PAYLOAD > _MOST_EXIF:
                raise BadPicture(f"The JPEG file has over {_MOST_EXIF:,} bytes of EXIF.")
        elif payload.startswith(_XMP):
            self.xmp = self.xmp or payload[len(_XMP) :]
        elif payload.startswith(_EXTENDED_XMP) and len(payload) >= len(_EXTENDED_XMP) + 40:
            digest, _, offset = struct.unpack_from(">32sII", payload, len(_EXTENDED_XMP))
            pieces = self.extended.setdefault(digest.upper(), {})
            pieces[offset] = payload[len(_EXTENDED_XMP) + 40 :]

    def metadata(self) -> Metadata:
        return Metadata(b"".join(self.exif) or None, self._whole_xmp(), self._whole_icc())

    def _whole_xmp(self) -> bytes | None:
        named = _EXTENSION_MD5.search(self.xmp)
        pieces = self.extended.get(named[1].upper(), {}) if named else {}
        extension = b"".join(pieces[offset] for offset in sorted(pieces))
        # An extension that is incomplete or not the one that is named is to be left alone.
        if extension and split_xmp(self.xmp + extension) == (self.xmp, extension):
            return self.xmp + extension
        return self.xmp or None

    def _whole_icc(self) -> bytes | None:
        # Numbers that do not run from 1 to the count each piece gives: no decoder takes that.
        count = len(self.icc)
        if any(self.icc.get(number, (0,))[0] != count for number in range(1, count + 1)):
            return None
        return b"".join(self.icc[number][1] for number in range(1, count + 1)) or None


def split_xmp(xmp: bytes) -> tuple[bytes, bytes]:
    """Tell the standard XMP packet from the extended one behind it (empty if there is none)."""
    named = _EXTENSION_MD5.search(xmp)
    if named:
        for number, seam in enumerate(_PACKET_SEAM.finditer(xmp, named.end())):
            if number == _MOST_SEAMS:
                break
            extension = xmp[seam.end() :]
            digest = hashlib.md5(extension, usedforsecurity=False).hexdigest()
            if digest.encode() == named[1].lower():
                return xmp[: seam.end()], extension
    return xmp, b""


def _payloads(metadata: Metadata) -> Iterator[tuple[int, bytes]]:
    for piece in _pieces(metadata.exif or b"", _MOST_PAYLOAD - len(_EXIF)):
        yield _APP1, _EXIF + piece
    yield from _xmp_payloads(metadata.xmp or b"")
    icc = _pieces(metadata.icc or b"", _MOST_PAYLOAD - len(_ICC) - 2)
    if len(icc) > 255:
        raise BadParameter("The ICC profile is too long for JPEG; ask for another format.")
    for number, piece in enumerate(icc, start=1):
        yield _APP2, _ICC + bytes((number, len(icc))) + piece


def _xmp_payloads(xmp: bytes) -> Iterator[tuple[int, bytes]]:
    packet, extension = split_xmp(xmp)
    if len(_XMP) + len(packet) > _MOST_PAYLOAD:
        raise BadParameter(
            f"The XMP packet of {len(packet):,} bytes is too long for JPEG; ask for PNG or WebP."
        )
    if packet:
        yield _APP1, _XMP + packet
    if extension:
        digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
        offset = 0
        for piece in _pieces(extension, _MOST_PAYLOAD - len(_EXTENDED_XMP) - 40):
            place = struct.pack(">32sII", digest, len(extension), offset)
            yield _APP1, _EXTENDED_XMP + place + piece
            offset += len(piece)


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
