"""A picture as the rest of the service sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.pictures.metadata import Metadata


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels of a file, and what else it held.

    Attributes
    ----------
    pixels
        uint8, (height, width, 3) in the order red, green, blue, or (height, width) if grey;
        C-contiguous and possibly read-only. As stored: an orientation in the metadata is not
        applied.
    metadata
        EXIF, XMP and ICC profile, byte for byte.
    source_format
        ``jpeg``, ``png``, ``webp``, ``tiff``, ``ppm`` (PGM and PBM too), ``bmp``, ``avif`` or
        ``jpeg2000``.
    source_bytes
        Size of the file, in bytes.
    conversions
        What was converted on the way, in words; empty if the pixels are the file's own.
    jpeg
        The file, if it is a JPEG whose pixels are its own; it may hold coefficients that are
        cheaper to keep than the pixels (``jpeg_blocks``).
    """

    pixels: NDArray[np.uint8]
    metadata: Metadata
    source_format: str
    source_bytes: int
    conversions: tuple[str, ...] = ()
    jpeg: bytes | None = field(default=None, repr=False)

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    @property
    def is_grey(self) -> bool:
        """True if `pixels` has no axis for colours."""
        return self.pixels.ndim == 2
