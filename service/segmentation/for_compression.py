"""The mask of a picture that comes to be compressed without one: in doubt all of it is blade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.codec.options import Checkpoint, no_checkpoint
from service.errors import ModelUnavailable
from service.segmentation.pipeline import NEARLY_ALL, Segmenter

_IN_DOUBT = "All of it is kept as blade."


@dataclass(frozen=True, eq=False)
class FoundMask:
    """Where the blade is taken to be.

    Attributes
    ----------
    mask
        (H, W), true for blade; or ``full`` where there was doubt.
    warnings
        Why there was, and what else the segmentation has to say.
    blade_share
        Share of blade that was found, 0 to 1; None where nothing could look for it.
    forest_used
        Whether the forest had a vote.
    seconds
        By stage.
    """

    mask: NDArray[np.bool_] | Literal["full"]
    warnings: tuple[str, ...]
    blade_share: float | None
    forest_used: bool
    seconds: dict[str, float]

    @property
    def report(self) -> dict[str, object]:
        """What the report of a compression says of its mask, JSON-able."""
        return {
            "mask": "full" if isinstance(self.mask, str) else "found",
            "found_blade_share": None if self.blade_share is None else round(self.blade_share, 4),
            "forest_used": self.forest_used,
        }


def find_mask(
    segmenter: Segmenter | None,
    pixels: NDArray[np.uint8],
    surface: str | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> FoundMask:
    """Find the blade in a picture.

    Parameters
    ----------
    segmenter
        None where no model can find the blade.
    pixels
        (H, W, 3) or (H, W).
    surface, checkpoint
        As for `Segmenter.segment`.

    Returns
    -------
    FoundMask
        ``full`` if the blade cannot be looked for, if none was found or nearly everything is:
        a wrong mask would cost pixels of the blade, a full one costs bytes only.
    """
    if segmenter is None:
        return _nothing_looked("There is no model that finds the blade.")
    try:
        (found,) = segmenter.segment([pixels], surface=surface, checkpoint=checkpoint)
    except ModelUnavailable as error:
        return _nothing_looked(f"The blade could not be looked for: {error.detail}")
    share, mask = found.blade_share, found.mask
    # A small picture may have no pixel for the little that was found: it is warned of.
    in_doubt = not mask.any() or share > NEARLY_ALL
    return FoundMask(
        mask="full" if in_doubt else mask,
        warnings=(*found.warnings, _IN_DOUBT) if in_doubt else found.warnings,
        blade_share=share,
        forest_used=found.forest_used,
        seconds=found.seconds,
    )


def _nothing_looked(why: str) -> FoundMask:
    return FoundMask("full", (f"{why} {_IN_DOUBT}",), None, False, {})
