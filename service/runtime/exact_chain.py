"""The exact networks of a batch of patches, group after group.

Encoder and decoder walk the same chain, so they see the same tables: ask for a group's tables,
code its symbols, hand them over, go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.runtime.lossy_model import LossyModel

PATCH_LATENTS = 16  # positions on a side of a patch on the 1/16 grid

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True)
class GroupLayout:
    """Where a group's channels lie in y, and how they unfold to the grid of its network.

    Folded channel c f^2 + i f + j at a position is native channel c at row i, column j of the
    f x f cell (PixelUnshuffle's order).
    """

    start: int
    native: int
    fold: int

    @property
    def channels(self) -> slice:
        """Channels of y."""
        return slice(self.start, self.start + self.native * self.fold**2)

    @property
    def side(self) -> int:
        """Positions on a side of a patch."""
        return PATCH_LATENTS * self.fold

    def unfold(self, y: NDArray[_Number]) -> NDArray[_Number]:
        """(P, h, w, C) to this group's (P, f h, f w, n)."""
        p, h, w, _ = y.shape
        f = self.fold
        part = y[..., self.channels]
        if f == 1:
            return part
        cells = part.reshape(p, h, w, self.native, f, f).transpose(0, 1, 4, 2, 5, 3)
        return cells.reshape(p, h * f, w * f, self.native)

    def fold_into(self, y: NDArray[_Number], values: NDArray[_Number]) -> None:
        """Inverse of ``unfold``: write this group's channels of ``y``."""
        p, h, w, _ = y.shape
        f = self.fold
        cells = values.reshape(p, h, f, w, f, self.native).transpose(0, 1, 3, 5, 2, 4)
        y[..., self.channels] = cells.reshape(p, h, w, self.native * f * f)


def layouts_of(model: LossyModel) -> tuple[GroupLayout, ...]:
    """Layout of every group of a model, in coding order."""
    made, start = [], 0
    for group in model.groups:
        made.append(GroupLayout(start, group.channels // group.fold**2, group.fold))
        start += group.channels
    return tuple(made)


class ExactChain:
    """Tables of P patches, group after group.

    Parameters
    ----------
    model
        The lossy model.
    features
        (P, 16, 16, F) float32, integers: the upper level's features of each patch.
    quality64
        (P,) quality of each patch in steps of 1/64.
    """

    def __init__(
        self,
        model: LossyModel,
        features: NDArray[np.float32],
        quality64: NDArray[np.integer],
    ) -> None:
        self.layouts = layouts_of(model)
        self._model = model
        self._quality = quality64
        self._state = features
        self._symbols = np.empty((0,), np.float32)  # of the group before; the first has none

    def tables(self, group: int) -> NDArray[np.uint8]:
        """Tables (P, h, w, n) of a group, for the patches still in the batch."""
        session = self._model.steps[group]
        feeds: dict[str, NDArray[np.float32]] = {}
        if "features" in session.inputs:
            feeds["features"] = self._state
        if "state" in session.inputs:
            feeds["state"], feeds["symbols"] = self._state, self._symbols
        if "quality" in session.inputs:
            feeds["quality"] = np.minimum(self._quality // 2, 255).astype(np.float32)
        index, *state = session.run(**feeds)
        self._state = state[0] if state else index
        offsets = {int(q): self._model.index_offset(int(q), group) for q in set(self._quality)}
        offset = np.stack([offsets[int(q)] for q in self._quality])
        return self._model.to_tables(index, offset[:, None, None, :])

    def absorb(self, symbols: NDArray[np.integer]) -> None:
        """Hand over the group's symbols (P, h, w, n)."""
        self._symbols = symbols.astype(np.float32)

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Go on with some of the patches: those that have groups left."""
        if chosen.all():
            return
        self._state = self._state[chosen]
        self._quality = self._quality[chosen]
        if self._symbols.size:
            self._symbols = self._symbols[chosen]
