"""From pixels to the bytes of a picture file, metadata put back."""

from __future__ import annotations

from io import BytesIO
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from service.errors import BadParameter
from service.pictures import jpeg, portable
from service.pictures.metadata import Metadata

PictureFormat = Literal["png", "jpeg", "webp", "ppm"]

# PNG at a higher level takes several times as long for a few per cent.
_PNG_LEVEL: Final = 1
_JPEG_QUALITY: Final = 95
_LONGEST_SIDE: Final = {"jpeg": 65_500, "webp": 16_383}


def write_picture(
    pixels: NDArray[np.uint8],
    fmt: PictureFormat,
    *,
    metadata: Metadata,
    quality: int | None = None,
) -> bytes:
    """Encode pixels.

    Parameters
    ----------
    pixels
        uint8, (height, width, 3) in the order red, green, blue, or (height, width) if grey.
    fmt
        ``png`` and ``ppm`` (PGM if grey) lose nothing. ``jpeg`` keeps the colours' resolution
        (4:4:4). WebP knows no grey and stores it as three equal channels.
    metadata
        Put back byte for byte; ``ppm`` has no place for it. WebP and PNG get the standard
        packet of an extended XMP.
    quality
        1 to 100, for ``jpeg`` (95 if None) and ``webp`` (lossless if None).

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    BadParameter
        No such format, a quality out of range or for a format that has none, a side or
        metadata longer than the format can hold.
    """
    _check(pixels, fmt, quality)
    if fmt == "ppm":
        return portable.write(pixels)
    image = Image.fromarray(pixels)
    file = BytesIO()
    if fmt == "jpeg":
        image.save(file, "JPEG", quality=quality or _JPEG_QUALITY, subsampling=0)
        return jpeg.with_metadata(file.getvalue(), metadata)
    packet, _ = jpeg.split_xmp(metadata.xmp or b"")
    if fmt == "png":
        text = PngInfo()
        if packet:
            text.add_itxt("XML:com.adobe.xmp", packet)
        image.save(
            file,
            "PNG",
            compress_level=_PNG_LEVEL,
            pnginfo=text,
            exif=metadata.exif,
            icc_profile=metadata.icc,
        )
    else:
        image.save(
            file,
            "WEBP",
            lossless=quality is None,
            # Of lossless WebP, quality and method are the effort: the least is plenty.
            quality=0 if quality is None else quality,
            method=0 if quality is None else 2,
            exact=True,
            exif=metadata.exif or b"",
            xmp=packet,
            icc_profile=metadata.icc or b"",
        )
    return file.getvalue()


def _check(pixels: NDArray[np.uint8], fmt: PictureFormat, quality: int | None) -> None:
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or pixels.shape[2:] == (3,)):
        raise ValueError(f"not a picture: {pixels.dtype} {pixels.shape}")
    if fmt not in ("png", "jpeg", "webp", "ppm"):
        raise BadParameter(f"format must be png, jpeg, webp or ppm, not {fmt!r}.")
    if quality is not None:
        if fmt not in ("jpeg", "webp"):
            raise BadParameter(f"{fmt} has no quality: it loses nothing.")
        if not 1 <= quality <= 100:
            raise BadParameter(f"quality must be 1 to 100, not {quality}.")
    longest = _LONGEST_SIDE.get(fmt)
    if longest is not None and max(pixels.shape[:2]) > longest:
        raise BadParameter(f"{fmt} holds at most {longest:,} pixels a side; ask for png.")
