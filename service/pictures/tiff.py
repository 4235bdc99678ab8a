"""TIFF: what its first directory says that its decoder would drop, and that decoder itself."""

from __future__ import annotations

from typing import Final

from PIL.TiffImagePlugin import TiffImageFile

from service.errors import BadPicture, UnsupportedPicture
from service.pictures import exif
from service.pictures.exif import Block, DamagedDirectoryError, Directory
from service.pictures.findings import Findings, bit_losses
from service.pictures.limits import Limits
from service.pictures.metadata import Metadata

_SUBFILE_TYPE: Final = 254
_WIDTH: Final = 256
_HEIGHT: Final = 257
_BITS: Final = 258
_PHOTOMETRIC: Final = 262
_SAMPLES: Final = 277
_TILE_WIDTH: Final = 322
_TILE_HEIGHT: Final = 323
_EXTRA_SAMPLES: Final = 338
_SAMPLE_FORMAT: Final = 339
_DNG_VERSION: Final = 50706

_REDUCED_SIZE: Final = 1
_WHITE_IS_ZERO: Final = 0
_SIGNED: Final = 2
_FLOAT: Final = 3
_ALPHA: Final = (1, 2)
_COLOURS: Final = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}
_MOST_PAGES: Final = 16


class StoredTiff(TiffImageFile):
    """A TIFF file whose pixels are answered as stored, as those of every other format are.

    Pillow would turn them by the orientation in the directory or in the XMP packet, and take it
    out of the packet; who then applied the orientation that the metadata keep would turn twice.
    """

    def _setup(self) -> None:
        super()._setup()
        self._size = self.tag_v2[_WIDTH], self.tag_v2[_HEIGHT]

    def load_end(self) -> None:
        """Leave pixels and metadata as they are."""


def examine(data: bytes, limits: Limits) -> Findings:
    """Look at the directories.

    Raises
    ------
    BadPicture
        A directory is damaged.
    UnsupportedPicture
        Several pages (thumbnails aside), a raw photograph (DNG), signed samples, or whole
        numbers of a width other than 1, 2, 4, 8 and 16 bits.
    PictureTooLarge
        The picture, or one of its tiles, is over the limits.
    """
    try:
        block = Block.parse(data)
        top, following = block.directory(block.first)
        _refuse_pages(block, top, following)
        metadata = Metadata(exif=exif.from_tiff(data))
    except DamagedDirectoryError as error:
        raise BadPicture(f"The TIFF file is damaged: {error}.") from error
    limits.check_size(block.number(top, _WIDTH), block.number(top, _HEIGHT))
    # A tile is decoded whole, even where the picture is smaller.
    limits.check_size(block.number(top, _TILE_WIDTH), block.number(top, _TILE_HEIGHT))
    return Findings(losses=_losses(block, top), metadata=metadata)


def _refuse_pages(block: Block, top: Directory, following: int) -> None:
    if _DNG_VERSION in top or block.data[8:10] == b"CR":
        raise UnsupportedPicture("Raw photographs are not supported; develop it first.")
    if block.number(top, _SUBFILE_TYPE) & _REDUCED_SIZE:
        raise UnsupportedPicture("The TIFF file begins with a reduced picture, as raw files do.")
    for _ in range(_MOST_PAGES):
        if following == 0:
            return
        page, following = block.directory(following)
        if not block.number(page, _SUBFILE_TYPE) & _REDUCED_SIZE:
            break
    raise UnsupportedPicture("TIFF with several pages is not supported; send one at a time.")


def _losses(block: Block, top: Directory) -> tuple[str, ...]:
    bits = max(block.numbers(top, _BITS), default=1)
    photometric = block.number(top, _PHOTOMETRIC)
    formats = block.numbers(top, _SAMPLE_FORMAT)
    if _SIGNED in formats:
        raise UnsupportedPicture("TIFF with signed samples is not supported.")
    if bits > 8 and bits != (32 if _FLOAT in formats else 16):
        # Nothing says which part of the range such samples use.
        raise UnsupportedPicture(f"TIFF with samples of {bits} bits is not supported.")
    if bits > 8 and photometric == _WHITE_IS_ZERO:
        raise UnsupportedPicture("TIFF of more than 8 bits with white as zero is not supported.")
    losses = bit_losses(bits)
    extra = block.number(top, _SAMPLES, 1) - _COLOURS.get(photometric, 1)
    alpha = sum(kind in _ALPHA for kind in block.numbers(top, _EXTRA_SAMPLES))
    # Four samples of RGB without a word on the fourth are taken for alpha by every reader.
    unnamed = extra == 1 and photometric == 2 and _EXTRA_SAMPLES not in top
    dropped = extra - min(1, alpha) - unnamed
    return (*losses, f"{dropped} extra channels dropped") if dropped > 0 else losses
