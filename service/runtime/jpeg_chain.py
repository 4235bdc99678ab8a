"""Coefficients of patches, group after group: which table each is coded with, given those before.

Encoder and decoder take the same walk, so they see the same tables: the encoder answers each group
with the symbols of its coefficients, the decoder with those it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from service.runtime.exact_chain import ExactChain
from service.runtime.jpeg_model import (
    CHANNELS,
    LARGEST_VALUE,
    CoefficientGroup,
    JpegModel,
    Steps,
    steps_of,
)
from service.runtime.lossless_model import FRACTIONS

CELLS = 16  # on a side of a patch
ACTIVITIES = 16
ACTIVITY_UNIT = 32  # what one more adds to the quality that the networks are told
_MEAN_BITS = 12  # weights of means are in 1/4096
_QUARTER_BITS = _MEAN_BITS - 2

Code = Callable[[int, NDArray[np.int32], NDArray[np.uint8]], NDArray[np.int32]]
"""(group, centres (P, 16, 16, n), tables likewise) -> symbols likewise."""


class JpegChain:
    """The walk through P patches of one picture.

    Parameters
    ----------
    model
        Networks, means and tables.
    steps, sampling
        The picture's.
    activities
        (P,) how busy each patch is, 0 to 15; each is coded on its own.
    """

    def __init__(
        self,
        model: JpegModel,
        steps: Steps,
        sampling: tuple[int, int],
        activities: Sequence[int] | NDArray[np.integer],
    ) -> None:
        self.groups = model.groups[: model.count(sampling, len(steps))]
        self._steps = steps
        patches = len(activities)
        told = model.features(steps, sampling)
        features = np.broadcast_to(told, (patches, CELLS, CELLS, len(told)))
        self._chain = ExactChain(model.level, features, ACTIVITY_UNIT * np.asarray(activities))
        self._values = np.zeros((patches, CELLS, CELLS, CHANNELS), np.int32)

    def walk(self, code: Code) -> NDArray[np.int32]:
        """Go through all groups that the picture has.

        Returns
        -------
        NDArray[np.int32]
            (P, 16, 16, 768) coefficients that the symbols stand for, within 16 bits; 0 in
            channels that are not there.

        Raises
        ------
        ModelUnavailable
            A network failed.
        """
        for number, group in enumerate(self.groups):
            scales = self._chain.tables(number)
            mean = self._means(group)
            centres, fractions = mean >> 2, mean & 3
            tables = (FRACTIONS * scales + fractions).astype(np.uint8)
            symbols = code(number, centres, tables)
            self._chain.absorb(symbols)
            self._values[..., group.channels] = values_of(group, centres, symbols)
        return self._values

    def _means(self, group: CoefficientGroup) -> NDArray[np.int32]:
        """Means in quarters of a step, and half a step more: (P, 16, 16, n)."""
        shape = (*self._values.shape[:3], len(group.channels))
        if not group.inputs.size:
            return np.full(shape, 2, np.int32)
        known = self._values[..., group.inputs] * steps_of(group.inputs, self._steps)
        framed = np.pad(known.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
        total = np.zeros(shape)
        for row in range(3):
            for column in range(3):
                cells = framed[:, row : row + CELLS, column : column + CELLS]
                total += cells @ group.weights[row, column]
        steps = steps_of(group.channels, self._steps)
        half = steps << (_QUARTER_BITS - 1)
        quarters = (total.astype(np.int64) + half) // (steps << _QUARTER_BITS)
        limit = 4 * LARGEST_VALUE
        means: NDArray[np.int32] = np.clip(quarters, -limit, limit - 1).astype(np.int32)
        return means + 2


def symbols_of(
    group: CoefficientGroup, centres: NDArray[np.int32], values: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Symbols of coefficients, both (P, 16, 16, n)."""
    if not group.differences:
        return values - centres
    symbols = values.copy()
    symbols[:, 1:] -= values[:, :-1]
    symbols[:, 0, 1:] -= values[:, 0, :-1]
    return symbols


def values_of(
    group: CoefficientGroup, centres: NDArray[np.int32], symbols: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Coefficients of symbols, both (P, 16, 16, n); mirrors ``symbols_of``.

    Only a damaged stream has some beyond 16 bits; they are clipped.
    """
    values = symbols.astype(np.int64)
    if group.differences:
        values[:, 0] = values[:, 0].cumsum(axis=1)
        values = values.cumsum(axis=1)
    else:
        values += centres
    clipped: NDArray[np.int64] = np.clip(values, -LARGEST_VALUE, LARGEST_VALUE - 1)
    return clipped.astype(np.int32)
