"""What the steps that look at one picture hand to those that look at a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture after the steps that need no other: small, so that a whole surface may wait.

    Attributes
    ----------
    size
        Rows and columns of the picture.
    small
        (256, 384, 3), what the forest sees.
    probability
        (512, 768), the network's, one half where it is undecided.
    network, holes
        (512, 768), the masks of the first two steps.
    seconds
        By stage.
    """

    size: tuple[int, int]
    small: NDArray[np.uint8]
    probability: NDArray[np.float32]
    network: NDArray[np.bool_]
    holes: NDArray[np.bool_]
    seconds: dict[str, float]
