"""One coded file, and the figures that are taken of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ms_ssim import ms_ssim
from service.cli.distortion import psnr


@dataclass(frozen=True)
class Point:
    """One file of one picture.

    Attributes
    ----------
    bytes
        Length of the whole file, headers and all.
    psnr
        In dB, 8-bit samples, the three channels taken together; None where nothing was lost.
    ms_ssim
        None where the picture is too small for five scales.
    encode_seconds, decode_seconds
        From pixels to the bytes of the file, and back.
    """

    bytes: int
    psnr: float | None
    ms_ssim: float | None
    encode_seconds: float
    decode_seconds: float


def measure(
    original: NDArray[np.uint8],
    decoded: NDArray[np.uint8],
    size: int,
    encode_seconds: float,
    decode_seconds: float,
) -> Point:
    """The point of a file of ``size`` bytes that decodes to ``decoded``.

    Rounded to what is worth keeping: a hundredth of the last digit that anyone reads.
    """
    noise, structure = psnr(original, decoded), ms_ssim(original, decoded)
    return Point(
        bytes=size,
        psnr=None if noise is None else round(noise, 4),
        ms_ssim=None if structure is None else round(structure, 6),
        encode_seconds=round(encode_seconds, 4),
        decode_seconds=round(decode_seconds, 4),
    )
