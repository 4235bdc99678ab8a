"""What a `.blade` file holds: the header's fields, streams, chunks and their bounds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.codec.container.fields import TEXT
from service.codec.container.jpeg_fields import JpegSteps
from service.codec.patch_mask import PATCH

SIGNATURE = b"\xbdBLD\r\n\x1a\n"
VERSION = 1
MAX_INDEX = 2**20
MAX_SIDE = 2**17
MAX_STREAM = 2**20  # streams are shorter: sixteen times the pixels of a patch
MAX_GROUPS = 15
MAX_BAND_ROWS = 512
MAX_QUALITY64 = 512
MAX_TOP_QUALITY = 15
MODEL_DIGEST_BYTES = 16
CRITICAL = 0x80  # bit of a chunk's type: a reader that does not know it must not go on

Mode = Literal["lossy", "lossless", "roi-only"]
"""What happens to the blade; a file holds its mode's place in `MODES`."""
MODES: tuple[Mode, ...] = ("lossy", "lossless", "roi-only")
RAW_CHECK_BYTES = 4  # they follow the samples of a patch that is stored raw


class Chunk(IntEnum):
    """Types of chunks, the critical bit included; files hold them in the order of their kinds."""

    LEVELS = 0x90
    PATCHES = 0xA0
    LOSSLESS = 0xB0
    EXIF = 0x40
    XMP = 0x41
    ICC = 0x42
    DIGESTS = 0x50

    @property
    def label(self) -> str:
        """Name in reports."""
        return self.name.lower()


class Digest(IntEnum):
    """What a SHA-256 in the digests chunk is of."""

    SOURCE_FILE = 1
    BLADE_SAMPLES = 2


@dataclass(frozen=True)
class ModelReference:
    """The model that a file needs.

    Attributes
    ----------
    name, version
        1 to 32 characters of `a-z 0-9 . _ -` each.
    digest
        First 16 bytes of the SHA-256 of the card's list of digests; this is what identifies it.
    """

    name: str
    version: str
    digest: bytes

    def __post_init__(self) -> None:
        """Refuse (ValueError) what the format cannot say."""
        if not TEXT.fullmatch(self.name) or not TEXT.fullmatch(self.version):
            raise ValueError(f"model {self.name!r} version {self.version!r} cannot be written")
        if len(self.digest) != MODEL_DIGEST_BYTES:
            raise ValueError(f"a model's digest has {MODEL_DIGEST_BYTES} bytes")


@dataclass(frozen=True, eq=False)
class Header:
    """Geometry, models and qualities of a picture.

    Attributes
    ----------
    width, height
        Pixels, 1 to 2**17 each.
    grey
        Whether the picture has one channel.
    mode
        What happens to the blade.
    model
        The lossy model; None where there is no lossy layer.
    quality64, roi_quality64
        Quality of background and blade patches in the lossy layer, in steps of 1/64, 0 to 512.
    top_quality
        Anchor of the upper levels' gain, 0 to 15.
    mask
        (patch rows, patch columns), true for blade patches.
    band_rows
        Rows of patches in a band of the upper levels, 1 to 512.
    lossless_model
        The model of the blade's streams; None in mode `lossy`.
    stacks
        Whether that model has latents, and its streams are stacks.
    jpeg
        Sampling and steps of the JPEG whose coefficients its streams hold; None if they hold none.
    """

    width: int
    height: int
    grey: bool
    mode: Mode
    model: ModelReference | None
    quality64: int
    roi_quality64: int
    top_quality: int
    mask: NDArray[np.bool_]
    band_rows: int
    lossless_model: ModelReference | None = None
    stacks: bool = False
    jpeg: JpegSteps | None = None

    def __post_init__(self) -> None:
        """Refuse (ValueError) what the format cannot say."""
        _within("width", self.width, 1, MAX_SIDE)
        _within("height", self.height, 1, MAX_SIDE)
        _within("quality", self.quality64, 0, MAX_QUALITY64)
        _within("roi quality", self.roi_quality64, 0, MAX_QUALITY64)
        _within("top quality", self.top_quality, 0, MAX_TOP_QUALITY)
        _within("band rows", self.band_rows, 1, MAX_BAND_ROWS)
        if self.mode not in MODES:
            raise ValueError(f"there is no mode {self.mode!r}")
        if (self.mode == "lossy") != (self.lossless_model is None):
            raise ValueError(f"mode {self.mode} and its lossless model contradict each other")
        wanted = {"lossy": True, "roi-only": False}.get(self.mode)
        if wanted is not None and wanted != self.has_lossy_layer:
            raise ValueError(f"mode {self.mode} and its lossy model contradict each other")
        if self.mask.shape != (self.patch_rows, self.patch_columns) or self.mask.dtype != np.bool_:
            raise ValueError(f"no mask of this picture: {self.mask.shape} {self.mask.dtype}")
        if self.mode == "lossless" and not self.has_lossy_layer and not self.mask.all():
            raise ValueError("nothing holds the background")
        if self.stacks and not self.lossless_patches:
            raise ValueError("there is no blade to be coded in stacks")
        if self.jpeg is not None:
            if self.stacks or not self.lossless_patches:
                raise ValueError("there are no streams of coefficients")
            if self.jpeg.is_grey != self.grey:
                raise ValueError("a JPEG and its picture have not the same colours")

    @property
    def has_lossy_layer(self) -> bool:
        """Whether the whole picture is there as levels and patches."""
        return self.model is not None

    @property
    def lossless_patches(self) -> tuple[int, ...]:
        """Numbers of the patches that have a lossless stream, ascending."""
        if self.mode == "lossy":
            return ()
        return tuple(int(number) for number in np.flatnonzero(self.mask))

    @property
    def stream_counts(self) -> tuple[int, int]:
        """Streams of the lossy layer: of bands and of patches."""
        return (self.band_count, self.patch_count) if self.has_lossy_layer else (0, 0)

    def samples_in(self, number: int) -> int:
        """Samples of a patch that lie within the picture."""
        row, column = divmod(number, self.patch_columns)
        height = min(PATCH, self.height - row * PATCH)
        width = min(PATCH, self.width - column * PATCH)
        return height * width * (1 if self.grey else 3)

    @property
    def patch_rows(self) -> int:
        """Rows of patches."""
        return -(-self.height // PATCH)

    @property
    def patch_columns(self) -> int:
        """Columns of patches."""
        return -(-self.width // PATCH)

    @property
    def patch_count(self) -> int:
        """Number of patches."""
        return self.patch_rows * self.patch_columns

    @property
    def band_count(self) -> int:
        """Number of bands of the upper levels."""
        return -(-self.patch_rows // self.band_rows)


@dataclass(frozen=True)
class Stream:
    """A coded stream to be packed.

    Attributes
    ----------
    data
        What the coder wrote, fewer than 2**20 bytes; empty if there are no groups.
    groups
        Coded groups of symbols, 0 to 15; the symbols of the rest are 0.
    stack
        Number of the stack that the stream is lent to, and lies in; None if it lies in its chunk.
    """

    data: bytes
    groups: int
    stack: int | None = None

    def __post_init__(self) -> None:
        """Refuse (ValueError) what the format cannot say."""
        _within("groups", self.groups, 0, MAX_GROUPS)
        most = MAX_STREAM - 1 if self.groups else 0
        _within("stream length", len(self.data), int(self.stack is not None), most)


@dataclass(frozen=True)
class LosslessStream:
    """The samples of a blade patch, to be packed.

    Attributes
    ----------
    data
        What the coder wrote, or the samples and their CRC32C; fewer than 2**20 bytes.
    raw
        Whether it is the latter.
    """

    data: bytes
    raw: bool

    def __post_init__(self) -> None:
        """Refuse (ValueError) what the format cannot say."""
        _within("stream length", len(self.data), 0, MAX_STREAM - 1)


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is not within {low} to {high}")
