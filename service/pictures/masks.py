"""From the bytes of a mask file to the pixels that are blade."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.errors import BadMask, BadPicture, UnsupportedPicture
from service.pictures.conversion import TRANSPARENCY
from service.pictures.decoding import open_picture
from service.pictures.limits import Limits
from service.pictures.reading import decode

_LEAST_BLADE = 128


def read_mask(data: bytes, *, width: int, height: int, limits: Limits) -> NDArray[np.bool_]:
    """Decode a mask: a pixel is blade if one of its channels is 128 (half of white) or more.

    Parameters
    ----------
    data
        A file in any format `read_picture` takes, PNG being the usual one: grey, 1 bit,
        palette or RGB. Samples of 16 bits count by their upper 8. An alpha channel must be
        opaque: a mask drawn with transparency can be meant in two ways, and one of them loses
        the blade.
    width, height
        Size of the picture that the mask is for.
    limits
        As for pictures.

    Returns
    -------
    array
        bool, (height, width), True where there is blade.

    Raises
    ------
    BadMask
        It cannot be decoded, is of another size, has transparency, or has values above 0 but
        none of 128 or more (a mask of 0 and 1, say, which would leave the blade out).
    PictureTooLarge
        Over a limit.
    """
    try:
        name, image, findings = open_picture(data, limits)
        if image.size != (width, height):
            raise BadMask(
                f"The mask is {image.width} x {image.height} pixels, "
                f"the picture {width} x {height}; they must be the same."
            )
        pixels, conversions = decode(data, name, image, findings, convert=True)
    except (BadPicture, UnsupportedPicture) as error:
        raise BadMask(f"The mask cannot be read. {error.detail}") from error
    if TRANSPARENCY in conversions:
        raise BadMask("The mask has transparency; send it as plain black (0) and white (255).")
    if pixels.ndim == 3:
        pixels = pixels.max(axis=2)
    blade = pixels >= _LEAST_BLADE
    if not blade.any() and pixels.any():
        raise BadMask(
            f"The mask has values up to {pixels.max()} but none of {_LEAST_BLADE} or more, so all "
            "of it would be background; white (255) marks the blade, black (0) the rest."
        )
    return blade
