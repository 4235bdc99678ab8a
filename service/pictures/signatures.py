"""The format of a file, from its first bytes; names and media types are not trusted."""

from __future__ import annotations

from service.errors import BadPicture, UnsupportedPicture

_ACCEPTED = "JPEG, PNG, WebP, TIFF, PPM and PGM (binary), BMP, AVIF and JPEG 2000"


def format_of(data: bytes) -> str:
    """Name the format, as `Picture.source_format` has it.

    Raises
    ------
    BadPicture
        There are no bytes.
    UnsupportedPicture
        The bytes begin like none of the formats taken.
    """
    if not data:
        raise BadPicture("The picture is empty: no bytes came.")
    head = bytes(data[:64])
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:2] in (b"P4", b"P5", b"P6") and head[2:3] in (b" ", b"\t", b"\n", b"\r", b"#"):
        return "ppm"
    if head[4:8] == b"ftyp" and any(brand in head[8:] for brand in (b"avif", b"avis")):
        return "avif"
    raise UnsupportedPicture(f"The file is in none of the formats that are taken: {_ACCEPTED}.")


_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"BM", "bmp"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
)
