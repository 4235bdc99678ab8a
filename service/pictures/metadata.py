"""What a picture file says besides its pixels, and how much of it is passed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.errors import BadParameter
from service.pictures import exif

MetadataPolicy = Literal["keep", "strip", "geo-only"]

_EXIF_PREFIX = b"Exif\0\0"


@dataclass(frozen=True)
class Metadata:
    """Blocks of metadata, byte for byte as they stood in the file; None where there was none.

    Attributes
    ----------
    exif
        The TIFF structure of the EXIF block, from its byte order mark on. The six bytes "Exif"
        and two zeros that JPEG (and some WebP) files put before it are no part of it.
        Out of a TIFF file, whose own structure is the EXIF block, it is a new block with the
        same values (see `service.pictures.exif.from_tiff`).
    xmp
        The XMP packet. Out of a JPEG with extended XMP: the standard packet and the extended
        one behind it, which a JPEG gets back as two again.
    icc
        The ICC colour profile, put together if the file held it in pieces.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None

    @classmethod
    def of_blocks(cls, exif: object = None, xmp: object = None, icc: object = None) -> Metadata:
        """Make metadata of what a decoder hands out; all but non-empty bytes counts as none."""
        block, packet, profile = (
            item if isinstance(item, bytes) and item else None for item in (exif, xmp, icc)
        )
        return cls((block or b"").removeprefix(_EXIF_PREFIX) or None, packet, profile)


def select_metadata(metadata: Metadata, policy: MetadataPolicy) -> Metadata:
    """Pass on what the policy lets through.

    Parameters
    ----------
    metadata
        All that the file held.
    policy
        ``keep`` passes everything untouched and ``strip`` nothing. ``geo-only`` passes a new
        EXIF block with the GPS directory of the old one, value for value, and nothing else:
        no thumbnail, no serial number, no date but that of the GPS, no XMP and no profile. An
        EXIF block that is damaged or has no GPS directory is passed as none.

    Raises
    ------
    BadParameter
        The policy has another name.
    """
    if policy == "keep":
        return metadata
    if policy == "strip":
        return Metadata()
    if policy == "geo-only":
        return Metadata(exif=exif.gps_alone(metadata.exif) if metadata.exif else None)
    raise BadParameter(f"metadata must be keep, strip or geo-only, not {policy!r}.")
