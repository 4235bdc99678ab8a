"""From the bytes of a picture file to a `Picture`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from service.pictures import portable
from service.pictures.conversion import to_pixels
from service.pictures.decoding import family_errors, open_picture
from service.pictures.findings import Findings
from service.pictures.limits import Limits
from service.pictures.metadata import Metadata
from service.pictures.picture import Picture


def read_picture(data: bytes, *, limits: Limits, convert: bool = False) -> Picture:
    """Decode a picture to 8-bit RGB or grey, and keep its metadata byte for byte.

    Parameters
    ----------
    data
        A file in JPEG (an MPO file counts as its first picture), PNG, WebP, TIFF (one page,
        not BigTIFF), binary PBM, PGM or PPM, BMP, AVIF or JPEG 2000. The bytes decide, not a
        name.
    limits
        Bytes are checked first; pixels and sides from the header, before memory is taken.
    convert
        Allow conversions that lose values: transparency is left out, samples over 8 bits are
        cut to their upper 8, floating point samples are taken as 0 to 1, CMYK becomes RGB.

    Returns
    -------
    Picture
        Grey stays grey. What was converted is named, also where nothing was lost: a palette
        becomes RGB, 1 bit becomes 8-bit grey, an opaque alpha channel is left out. An
        orientation stays in the metadata and is not applied.

    Raises
    ------
    BadPicture
        Empty, truncated, damaged.
    UnsupportedPicture
        Of no format above, an animation, several pages, a raw photograph, or a rare kind of
        samples (12-bit JPEG, run-length coded BMP, 32-bit integers).
    PictureTooLarge
        Over a limit; extra: ``limit``.
    LossyConversion
        Values would be lost and `convert` is False.

    Notes
    -----
    AVIF that is rotated by its boxes (irot, imir) is answered as stored, and Pillow writes the
    rotation into the EXIF orientation. Metadata in BMP (profiles) and PPM is not looked for.
    """
    name, image, findings = open_picture(data, limits)
    pixels, conversions = decode(data, name, image, findings, convert=convert)
    jpeg = data if name == "jpeg" and not conversions else None
    return Picture(pixels, _metadata(image, findings), name, len(data), conversions, jpeg)


def decode(
    data: bytes, name: str, image: ImageFile.ImageFile, findings: Findings, *, convert: bool
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Decode what `open_picture` has opened; give pixels and conversions as `Picture` has them.

    Raises
    ------
    BadPicture, UnsupportedPicture, PictureTooLarge, LossyConversion
        As `read_picture`.
    """
    with family_errors():
        if name != "ppm":
            return to_pixels(image, findings, convert=convert)
        pixels = portable.view_pixels(data, image)
        if pixels is not None:
            return pixels, ()
        return to_pixels(image, Findings(portable.losses(image)), convert=convert)


def _metadata(image: ImageFile.ImageFile, findings: Findings) -> Metadata:
    # After decoding: PNG may hold metadata behind its pixels.
    own = findings.metadata
    decoded = Metadata.of_blocks(
        image.info.get("exif"), image.info.get("xmp"), image.info.get("icc_profile")
    )
    # A profile for inks says nothing about the RGB they were converted to.
    profile = None if image.mode == "CMYK" else own.icc or decoded.icc
    return Metadata(own.exif or decoded.exif, own.xmp or decoded.xmp, profile)
