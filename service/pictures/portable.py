"""Binary PGM and PPM with 8 bits: the quickest way in and out for machines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from service.errors import BadPicture
from service.pictures.findings import bit_losses


def view_pixels(data: bytes, image: ImageFile.ImageFile) -> NDArray[np.uint8] | None:
    """Look at the pixels where they lie in the file, without a copy.

    Parameters
    ----------
    data
        A PGM or PPM file.
    image
        The same, opened by Pillow.

    Returns
    -------
    array or None
        uint8, (height, width, 3) or (height, width), read-only; None if the file is not of
        8 bits and so must be decoded.

    Raises
    ------
    BadPicture
        The file ends before its pixels do.
    """
    tile = image.tile[0]
    if tile.codec_name != "raw" or image.mode not in ("L", "RGB"):
        return None
    width, height = image.size
    shape = (height, width) if image.mode == "L" else (height, width, 3)
    count = int(np.prod(shape))
    if len(data) - tile.offset < count:
        raise BadPicture("The file is truncated: it ends before its pixels do.")
    return np.frombuffer(data, dtype=np.uint8, count=count, offset=tile.offset).reshape(shape)


def losses(image: ImageFile.ImageFile) -> tuple[str, ...]:
    """Name what Pillow cuts off: samples over 8 bits become 8 without a word."""
    tile = image.tile[0]
    if image.mode == "I":
        return bit_losses(16)
    highest = tile.args[1] if tile.codec_name == "ppm" and isinstance(tile.args, tuple) else 255
    return bit_losses(int(highest).bit_length())


def write(pixels: NDArray[np.uint8]) -> bytes:
    """Make a PGM of pixels (H, W), or a PPM of pixels (H, W, 3)."""
    height, width = pixels.shape[:2]
    kind = b"P5" if pixels.ndim == 2 else b"P6"
    return b"".join(
        (b"%b\n%d %d\n255\n" % (kind, width, height), np.ascontiguousarray(pixels).data)
    )
