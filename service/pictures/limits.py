"""How large a picture may be; looked at before any memory is taken for its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from service.errors import PictureTooLarge
from service.settings import Settings


@dataclass(frozen=True)
class Limits:
    """Largest picture that is taken.

    Attributes
    ----------
    max_bytes
        Size of the file, in bytes.
    max_pixels
        Width times height.
    max_side
        Width and height, each, in pixels.
    """

    max_bytes: int
    max_pixels: int
    max_side: int

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take the limits that operations have set."""
        return cls(settings.max_upload_bytes, settings.max_pixels, settings.max_side)

    def check_bytes(self, count: int) -> None:
        """Raise PictureTooLarge if a file of `count` bytes is over the limit."""
        if count > self.max_bytes:
            raise PictureTooLarge(
                f"The file has {count:,} bytes; at most {self.max_bytes:,} are taken.",
                limit=self.max_bytes,
            )

    def check_size(self, width: int, height: int) -> None:
        """Raise PictureTooLarge if a picture of `width` x `height` pixels is over a limit."""
        if max(width, height) > self.max_side:
            raise PictureTooLarge(
                f"The picture is {width:,} x {height:,} pixels; "
                f"a side may have at most {self.max_side:,}.",
                limit=self.max_side,
            )
        if width * height > self.max_pixels:
            raise PictureTooLarge(
                f"The picture has {width:,} x {height:,} = {width * height:,} pixels; "
                f"at most {self.max_pixels:,} are taken.",
                limit=self.max_pixels,
            )
