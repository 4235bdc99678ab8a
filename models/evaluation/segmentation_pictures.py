"""Pictures with true masks, by the blade surface they show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.pictures import Limits, Picture, read_mask, read_picture

ALONE = ""
"""Surface of pictures that belong to no other."""


@dataclass(frozen=True)
class LabelledPicture:
    """Where a picture and its true mask are, and what is known of it.

    Attributes
    ----------
    name
        Its file's name without the ending.
    surface
        Pictures of one name show one surface; `ALONE` shows one of its own.
    tags
        What makes it hard.
    """

    name: str
    picture: Path
    mask: Path
    surface: str = ALONE
    tags: tuple[str, ...] = ()

    def read(self, limits: Limits) -> Picture:
        """Decode the picture.

        Raises
        ------
        BladestreamError
            It is damaged or too large.
        """
        return read_picture(self.picture.read_bytes(), limits=limits, convert=True)

    def read_truth(self, size: tuple[int, int], limits: Limits) -> NDArray[np.bool_]:
        """Decode the mask of a picture of (height, width) pixels, true for blade.

        Raises
        ------
        BladestreamError
            It is damaged or of another size.
        """
        height, width = size
        return read_mask(self.mask.read_bytes(), width=width, height=height, limits=limits)


def labelled(images: Path, masks: Path, index: Path | None) -> list[LabelledPicture]:
    """Pair pictures and masks of one name.

    Parameters
    ----------
    images, masks
        Folders. Masks without a picture are left alone.
    index
        A list as ``python -m models.scenes`` writes it: ``name``, ``surface`` and ``tags`` of
        each picture. Pictures it does not name are left out.

    Raises
    ------
    ValueError
        There is no picture, or one has no mask; or the index is none.
    """
    known = None if index is None else _read_index(index)
    truths = {path.stem: path for path in sorted(masks.iterdir()) if path.is_file()}
    found = []
    for path in sorted(images.iterdir()):
        if not path.is_file() or (known is not None and path.stem not in known):
            continue
        if path.stem not in truths:
            raise ValueError(f"{path.name}: no mask of that name in {masks}")
        surface, tags = (ALONE, ()) if known is None else known[path.stem]
        found.append(LabelledPicture(path.stem, path, truths[path.stem], surface, tags))
    if not found:
        raise ValueError(f"{images}: no picture")
    return found


def by_surface(pictures: list[LabelledPicture]) -> Iterator[list[LabelledPicture]]:
    """Pictures of one surface together, in the order of the first of each."""
    groups: dict[str, list[LabelledPicture]] = {}
    for picture in pictures:
        # A slash is in no file's name, so that no surface is called like this.
        groups.setdefault(picture.surface or f"/{picture.name}", []).append(picture)
    yield from groups.values()


def _read_index(path: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {row["name"]: (row["surface"], tuple(row.get("tags", ()))) for row in rows}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: no list of name, surface and tags") from error
