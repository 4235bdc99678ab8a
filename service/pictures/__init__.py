"""Bytes of picture files to arrays and back; the rest of the service sees arrays only."""

from service.pictures.limits import Limits
from service.pictures.masks import read_mask
from service.pictures.metadata import Metadata, MetadataPolicy, select_metadata
from service.pictures.picture import Picture
from service.pictures.reading import read_picture
from service.pictures.writing import PictureFormat, write_picture

__all__ = [
    "Limits",
    "Metadata",
    "MetadataPolicy",
    "Picture",
    "PictureFormat",
    "read_mask",
    "read_picture",
    "select_metadata",
    "write_picture",
]
