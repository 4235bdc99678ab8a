"""Where the blade is in a picture of a folder: the file beside it that says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.rate_distortion import NamedPicture
from service.codec.options import Mask
from service.codec.patch_mask import PATCH
from service.errors import BadMask
from service.pictures import Limits, Picture, read_mask
from service.settings import Settings

_ENDING = ".mask"


def is_mask(name: str) -> bool:
    """Whether a file is, by its name, the mask of a picture that lies in the same folder."""
    return Path(name).stem.endswith(_ENDING)


def mask_of(each: NamedPicture, masks: Path | None, settings: Settings) -> Mask:
    """The mask of a picture, (H, W) bool, true for blade; without a folder all is blade.

    A mask has the name of its picture but for the ending, with ``.mask`` before it where both lie
    in one folder.

    Raises
    ------
    BadMask
        There is none or more than one, or it is not of the picture's size.
    """
    if masks is None:
        return "full"
    stem, files = Path(each.name).stem, sorted(masks.iterdir())
    found = [path for path in files if path.stem == stem + _ENDING]
    found = found or [path for path in files if path.stem == stem]
    if len(found) != 1:
        raise BadMask(f"{masks} has {len(found)} masks for {each.name}.")
    size = {"width": each.picture.width, "height": each.picture.height}
    return read_mask(found[0].read_bytes(), **size, limits=Limits.from_settings(settings))


def pixels_of(patches: NDArray[np.bool_], picture: Picture) -> NDArray[np.bool_]:
    """Pixels of some patches, (rows, columns) to (H, W)."""
    whole: NDArray[np.bool_] = np.kron(patches, np.ones((PATCH, PATCH), np.bool_))
    return whole[: picture.height, : picture.width]
