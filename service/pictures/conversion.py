"""From any kind of pixels Pillow decodes to 8-bit RGB or grey, losing nothing unasked."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from service.errors import LossyConversion, UnsupportedPicture
from service.pictures.findings import Findings

# "I" is of 32 bits, but 16-bit PGM is all that comes so.
_SIXTEEN_BITS: Final = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_WITH_ALPHA: Final = {"LA": "LA", "La": "LA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA"}
_PLAIN: Final = ("1", "L", "P", "RGB", "YCbCr", "CMYK", "F", *_SIXTEEN_BITS)

# What every kind of transparency comes to, however a file holds it.
TRANSPARENCY: Final = "transparency left out"

# Rows that leave Pillow in one go; see pixels_of.
_BAND_ROWS: Final = 64


def to_pixels(
    image: ImageFile.ImageFile, findings: Findings, *, convert: bool
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Decode a picture to RGB or grey.

    Parameters
    ----------
    image
        The picture, opened but not decoded.
    findings
        What its examiner found.
    convert
        Whether values may be lost.

    Returns
    -------
    pixels
        uint8, (height, width, 3) or (height, width).
    conversions
        What was converted, in words.

    Raises
    ------
    LossyConversion
        Values would be lost and `convert` is False; extra: ``conversions``.
    UnsupportedPicture
        There is no conversion for this kind of pixels.
    """
    losses = _losses(image, findings.losses)
    _refuse(losses, convert=convert)
    image.load()
    mode = image.mode
    if mode in _WITH_ALPHA or (mode == "P" and "transparency" in image.info):
        return _without_alpha(image, losses, convert=convert)
    if mode in _SIXTEEN_BITS:
        return (np.asarray(image) >> 8).astype(np.uint8), losses
    if mode == "F":
        return _from_floats(image), losses
    words = {
        "1": "1 bit widened to 8-bit grey",
        "P": "palette expanded to RGB",
        "YCbCr": "YCbCr converted to RGB",
    }
    if mode in words:
        losses = (*losses, words[mode])
    if mode not in ("L", "RGB"):
        return pixels_of(image.convert("L" if mode == "1" else "RGB")), losses
    return pixels_of(image), losses


def pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    """Copy the pixels of a grey or RGB picture into an array, (H, W) or (H, W, 3).

    Pillow packs a whole picture at once by way of a list of small pieces: that takes four times
    as long, and the memory of the picture twice, of what it takes band by band.
    """
    width, height = image.size
    shape = (height, width) if image.mode == "L" else (height, width, 3)
    pixels = np.empty(shape, dtype=np.uint8)
    for top in range(0, height, _BAND_ROWS):
        band = pixels[top : top + _BAND_ROWS]
        cut = image.crop((0, top, width, top + len(band)))
        band[...] = np.frombuffer(cut.tobytes(), dtype=np.uint8).reshape(band.shape)
    return pixels


def _losses(image: ImageFile.ImageFile, losses: tuple[str, ...]) -> tuple[str, ...]:
    """Add to the losses found already those that the kind of pixels alone shows."""
    mode = image.mode
    if mode not in _PLAIN and mode not in _WITH_ALPHA:
        raise UnsupportedPicture(f"Pixels of the kind {mode} are not supported.")
    if mode in _SIXTEEN_BITS and not losses:
        losses = ("16 bits a sample cut to the upper 8",)
    if mode == "F":
        losses = ("floating point samples, taken as 0 to 1, rounded to 8 bits",)
    if mode == "CMYK":
        losses = (*losses, "CMYK converted to RGB, its profile left out")
    if mode in ("L", "RGB", "1", *_SIXTEEN_BITS) and "transparency" in image.info:
        losses = (*losses, TRANSPARENCY)
    return losses


def _refuse(losses: tuple[str, ...], *, convert: bool) -> None:
    if losses and not convert:
        raise LossyConversion(
            f"Reading this picture loses values: {'; '.join(losses)}. Allow it with convert.",
            conversions=list(losses),
        )


def _without_alpha(
    image: Image.Image, losses: tuple[str, ...], *, convert: bool
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    image = image.convert(_WITH_ALPHA.get(image.mode, "RGBA"))
    if image.getchannel("A").getextrema() == (255, 255):
        words = "alpha channel left out: it was fully opaque"
    else:
        words = TRANSPARENCY
        _refuse((*losses, words), convert=convert)
    return pixels_of(image.convert("L" if image.mode == "LA" else "RGB")), (*losses, words)


def _from_floats(image: Image.Image) -> NDArray[np.uint8]:
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=0.0)
    levels: NDArray[np.float32] = np.rint(np.clip(values, 0.0, 1.0) * 255.0)
    return levels.astype(np.uint8)
