"""The network's opinion: probabilities averaged over flipped pictures (paper, section III-B)."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.codec.options import Checkpoint, no_checkpoint
from service.errors import BadParameter

FOUND = 1 / 8
"""Probability from which a pixel is blade: a lost one costs as much as seven wrongly found."""

FLIPS = {
    1: ((1, 1),),
    2: ((1, 1), (1, -1)),
    4: ((1, 1), (1, -1), (-1, 1), (-1, -1)),
}
"""Steps along rows and columns of each flipped picture, by their number."""


class TellsBlade(Protocol):
    """What is needed of `service.runtime.segmentation_model.SegmentationModel`."""

    def probability(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 3, 512, 768) from 0 to 255 in, (B, 512, 768) from 0 to 1 out."""


def blade_probability(
    model: TellsBlade,
    working: NDArray[np.uint8],
    flips: int,
    checkpoint: Checkpoint = no_checkpoint,
) -> NDArray[np.float32]:
    """How probable each pixel is blade: the mean over flipped pictures, turned back.

    Parameters
    ----------
    model
        The network.
    working
        (512, 768, 3).
    flips
        1: the picture as it is; 2: mirrored, too; 4: mirrored, upside down, and both.
    checkpoint
        Called before each run of the network.

    Returns
    -------
    NDArray[np.float32]
        (512, 768), 0 to 1.

    Raises
    ------
    BadParameter
        Another number of flips.
    """
    if flips not in FLIPS:
        raise BadParameter(f"flips must be 1, 2 or 4, not {flips}.")
    channels = working.transpose(2, 0, 1).astype(np.float32)
    total = np.zeros(working.shape[:2], np.float32)
    for done, (rows, columns) in enumerate(FLIPS[flips]):
        checkpoint("network", done, flips)
        # One picture a run: on a CPU a batch takes the memory of all and is no faster.
        flipped = np.ascontiguousarray(channels[:, ::rows, ::columns])
        total += model.probability(flipped[None])[0, ::rows, ::columns]
    checkpoint("network", flips, flips)
    total /= flips
    return total
