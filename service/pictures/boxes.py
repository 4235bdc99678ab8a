"""Boxes, the nested pieces that AVIF and JPEG 2000 files are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from service.errors import BadPicture

_MOST_BOXES: Final = 10_000


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Walk over the boxes that lie side by side in a part of a file.

    Parameters
    ----------
    data
        The file.
    start, end
        The part.

    Yields
    ------
    tuple
        Kind (4 bytes), start and end of the content.

    Raises
    ------
    BadPicture
        A box reaches over the end.
    """
    for _ in range(_MOST_BOXES):
        if start == end:
            return
        content = start + 8
        size = int.from_bytes(data[start : start + 4], "big")
        if size == 1:
            content = start + 16
            size = int.from_bytes(data[start + 8 : content], "big")
        elif size == 0:
            size = end - start
        if content > end or not content - start <= size <= end - start:
            raise BadPicture("The file is truncated or damaged: a box reaches over its end.")
        yield data[start + 4 : start + 8], content, start + size
        start += size
    raise BadPicture(f"The file has more than {_MOST_BOXES:,} boxes side by side.")
