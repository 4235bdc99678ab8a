"""The exact networks of a batch of patches, group after group.

Encoder and decoder walk the same chain, so they see the same tables: ask for a group's tables,
code its symbols, hand them over, go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from service.runtime.card import GroupCard
from service.runtime.sessions import Session

QUALITY_STEPS = 64  # steps of q from one anchor to the next
INDEX_FRACTION_BITS = 4  # index networks answer in sixteenths of a table step
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

    def fold_into(
        self,
        y: NDArray[_Number],
        values: NDArray[_Number],
        patches: slice | NDArray[np.intp] = slice(None),
    ) -> None:
        """Inverse of ``unfold``: write (P, f h, f w, n) to this group's channels of ``y``.

        ``patches`` are those of y's first axis that the values belong to.
        """
        h, w = y.shape[1:3]
        f = self.fold
        cells = values.reshape(-1, h, f, w, f, self.native).transpose(0, 1, 3, 5, 2, 4)
        y[patches, ..., self.channels] = cells.reshape(-1, h, w, self.native * f * f)


def layouts_of(groups: Sequence[GroupCard]) -> tuple[GroupLayout, ...]:
    """Layout of every group of a level, in coding order."""
    made, start = [], 0
    for group in groups:
        made.append(GroupLayout(start, group.channels // group.fold**2, group.fold))
        start += group.channels
    return tuple(made)


class ExactLevel:
    """The exact networks of one level and what turns their answers into tables; integers all.

    Parameters
    ----------
    groups
        The level's groups, from the card.
    steps
        One network a group, in coding order.
    index_offsets
        (anchors, native channels) int32: what a quality adds to an index, in sixteenths.
    table_count
        Tables there are.
    """

    def __init__(
        self,
        groups: Sequence[GroupCard],
        steps: Sequence[Session],
        index_offsets: NDArray[np.int32],
        table_count: int,
    ) -> None:
        self.layouts = layouts_of(groups)
        self.steps = tuple(steps)
        self._offsets = index_offsets
        self._last_table = table_count - 1
        sizes = np.cumsum([0, *(layout.native for layout in self.layouts)])
        if index_offsets.ndim != 2 or index_offsets.shape[1] != sizes[-1]:
            raise ValueError(f"{sizes[-1]} channels, but offsets {index_offsets.shape}")
        self.native = [slice(int(a), int(b)) for a, b in pairwise(sizes)]

    def index_offset(self, quality64: int, group: int) -> NDArray[np.int32]:
        """What a quality adds to a group's indices, (n,) in sixteenths.

        Between two anchors a and b of parts 64: (a (64 - part) + b part + 32) >> 6.
        """
        low = min(quality64 // QUALITY_STEPS, len(self._offsets) - 2)
        part = quality64 - low * QUALITY_STEPS
        below, above = self._offsets[low], self._offsets[low + 1]
        mixed = (below * (QUALITY_STEPS - part) + above * part + QUALITY_STEPS // 2) >> 6
        chosen: NDArray[np.int32] = mixed[self.native[group]].astype(np.int32)
        return chosen

    def to_tables(self, index: NDArray[np.float32], offset: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Tables from a step's integer answer (P, h, w, n) and offsets (P, 1, 1, n)."""
        total = (index.astype(np.int32) + offset) >> INDEX_FRACTION_BITS
        tables: NDArray[np.uint8] = np.clip(total, 0, self._last_table).astype(np.uint8)
        return tables


class ExactChain:
    """Tables of P patches (or one band), group after group.

    Parameters
    ----------
    level
        The networks.
    features
        (P, h, w, F) float32, integers: what is known from above, on the level's grid.
    quality64
        (P,) quality of each patch in steps of 1/64.
    """

    def __init__(
        self, level: ExactLevel, features: NDArray[np.float32], quality64: NDArray[np.integer]
    ) -> None:
        self._level = level
        self._quality = quality64
        self._state = features
        self._symbols = np.empty((0,), np.float32)  # of the group before; the first has none

    def tables(self, group: int) -> NDArray[np.uint8]:
        """Tables (P, h, w, n) of a group, for the patches still in the batch."""
        session = self._level.steps[group]
        feeds: dict[str, NDArray[np.float32]] = {}
        if "features" in session.inputs:
            feeds["features"] = self._state
        if "state" in session.inputs:
            feeds["state"], feeds["symbols"] = self._state, self._symbols
        if "quality" in session.inputs:
            feeds["quality"] = np.minimum(self._quality // 2, 255).astype(np.float32)
        index, *state = session.run(**feeds)
        self._state = state[0] if state else index
        offsets = {int(q): self._level.index_offset(int(q), group) for q in set(self._quality)}
        offset = np.stack([offsets[int(q)] for q in self._quality])
        return self._level.to_tables(index, offset[:, None, None, :])

    def absorb(self, symbols: NDArray[np.integer]) -> None:
        """Hand over the group's symbols (P, h, w, n)."""
        self._symbols = symbols.astype(np.float32)

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Go on with some of the patches, those that have groups left: true in ``chosen`` (P,)."""
        if chosen.all():
            return
        self._state = self._state[chosen]
        self._quality = self._quality[chosen]
        if self._symbols.size:
            self._symbols = self._symbols[chosen]
