"""The lowest level: one stream a patch, its groups coded one after another.

Encoding and decoding walk the same chain of exact networks (``ExactChain``): a group's tables
depend on the groups before it, never on other patches. Nor do the means that some models predict.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.container.layout import Stream
from service.codec.grid import LATENT, Grid
from service.codec.integrity import crc32c_of_symbols
from service.codec.lossy import UpperLevel
from service.codec.patch_mask import PATCH
from service.codec.predicted_means import PredictedMeans
from service.errors import BadStream
from service.runtime.exact_chain import ExactChain, GroupLayout
from service.runtime.lossy_model import LossyModel

BATCH = 16  # patches that run through the networks together
SIDE = PATCH // LATENT
MARGIN = 2  # cells beyond the picture's right and lower border that are coded beside their means

Symbols = NDArray[np.int32]
Tables = NDArray[np.uint8]


def patch_slices(grid: Grid, number: int) -> tuple[slice, slice]:
    """Rows and columns of a patch on the 1/16 grid."""
    row, column = divmod(number, grid.columns)
    return slice(row * SIDE, (row + 1) * SIDE), slice(column * SIDE, (column + 1) * SIDE)


class PatchCoder:
    """Codes patches of one picture with one model.

    Parameters
    ----------
    model
        The lossy model.
    grid
        The picture's geometry.
    upper
        The upper level, decoded or about to be coded.
    quality64
        (rows, columns) quality of each patch.
    """

    def __init__(
        self, model: LossyModel, grid: Grid, upper: UpperLevel, quality64: NDArray[np.int32]
    ) -> None:
        self._model = model
        self._grid = grid
        self._upper = upper
        self._quality = quality64.ravel()
        self._layouts = model.lower.layouts

    # -- encoding -----------------------------------------------------------------------------

    def encode(self, y: NDArray[np.float32], numbers: Sequence[int], verify: bool) -> list[Stream]:
        """Streams of up to BATCH patches of y (h, w, C).

        Raises
        ------
        BadStream
            A stream does not decode to the symbols that went in (``verify``).
        """
        symbols, tables = self.quantise(y, numbers)
        streams = []
        for patch in range(len(numbers)):
            groups = _coded_groups(symbols[patch])
            coded, chosen = symbols[patch][:groups], tables[patch][:groups]
            stream = self._push(coded, chosen)
            if verify:
                self._verify(stream, coded, chosen)
            streams.append(stream)
        return streams

    def quantise(
        self, y: NDArray[np.float32], numbers: Sequence[int]
    ) -> tuple[list[list[Symbols]], list[list[Tables]]]:
        """Symbols and tables by patch and group, each (h, w, n).

        A group is rounded when its tables are known, since they say what a symbol costs. A patch
        ends with its last group that has a value of half a step or more before means are
        predicted.
        """
        values = np.stack([y[patch_slices(self._grid, n)] for n in numbers])
        shown = self._start(numbers, values.shape[3])
        values -= shown
        scales = [
            self._gains(group, numbers) * self._inside(layout, numbers)
            for group, layout in enumerate(self._layouts)
        ]
        scaled = [
            layout.unfold(values) * scale
            for layout, scale in zip(self._layouts, scales, strict=True)
        ]
        counts = _groups_needed(scaled)
        symbols: list[list[Symbols]] = [[] for _ in numbers]
        tables: list[list[Tables]] = [[] for _ in numbers]
        live = np.arange(len(numbers))
        chain, means = self._chain(numbers), self._means(numbers)
        for group in range(int(counts.max(initial=0))):
            going_on = counts[live] > group
            chain.keep(going_on)
            means.keep(going_on)
            live = live[going_on]
            chosen = chain.tables(group)
            left = scaled[group][live]
            if means.any:
                mean = means.of(group, shown, live)
            if means.predicts(group):
                left -= mean * scales[group][live]
            rounded = self._model.quantiser.quantise(left, chosen)
            for position, patch in enumerate(live):
                symbols[patch].append(rounded[position])
                tables[patch].append(chosen[position])
            chain.absorb(rounded)
            if means.any:
                self._show(shown, group, rounded, chosen, mean, numbers, live)
        return symbols, tables

    def _inside(self, layout: GroupLayout, numbers: Sequence[int]) -> NDArray[np.float32]:
        """(P, h, w, 1): 1 where a latent reaches the picture, 0 in the padding beyond.

        Zeros cost next to nothing. Where z predicts means, these stand beyond as well, and what is
        left out of them changes no pixel that is shown; else all is coded that synthesis sees.
        """
        cell = LATENT // layout.fold
        means, halo = self._model.means, self._model.anatomy.synthesis_halo
        margin = MARGIN if means is not None else -(-halo // cell)
        rows, columns = np.divmod(np.asarray(numbers)[:, None], self._grid.columns)
        offsets = (np.arange(layout.side) - margin) * cell
        below = rows * PATCH + offsets < self._grid.height
        beside = columns * PATCH + offsets < self._grid.width
        return (below[:, :, None] & beside[:, None, :])[..., None].astype(np.float32)

    def _push(self, symbols: list[Symbols], tables: list[Tables]) -> Stream:
        if not symbols:
            return Stream(b"", 0)
        stack = Stack(crc32c_of_symbols(*symbols))
        for ints, chosen in zip(reversed(symbols), reversed(tables), strict=True):
            stack.push_step(ints.ravel(), chosen.ravel(), self._model.tables)
        return Stream(stack.to_bytes(), len(symbols))

    def _verify(self, stream: Stream, symbols: list[Symbols], tables: list[Tables]) -> None:
        """Pop the stream with the tables that it was pushed with.

        That is a whole check: the networks are exact, so equal symbols of one group give equal
        tables for the next.
        """
        if not symbols:
            return
        stack = Stack.from_bytes(stream.data)
        for ints, chosen in zip(symbols, tables, strict=True):
            found = stack.pop_step(chosen.ravel(), self._model.tables)
            if not np.array_equal(found, ints.ravel()):
                raise BadStream("A stream that was just coded does not decode to its symbols.")
        if not stack.ends_on(crc32c_of_symbols(*symbols)):
            raise BadStream("A stream that was just coded does not end where it began.")

    # -- decoding -----------------------------------------------------------------------------

    def decode(
        self,
        streams: Sequence[tuple[bytes | memoryview, int]],
        numbers: Sequence[int],
        y: NDArray[np.float32],
    ) -> list[int]:
        """Decode up to BATCH patches (data, groups) into y (h, w, C); mirrors ``encode``.

        Returns
        -------
        list[int]
            Patches whose stream is damaged; of these, y holds what the upper level tells.
        """
        start = self._start(numbers, y.shape[2])
        shown = start.copy()
        damaged: set[int] = set()
        stacks: dict[int, Stack] = {}
        for patch, (data, groups) in enumerate(streams):
            try:
                if groups > len(self._layouts):
                    raise BadStream(f"A patch has {groups} groups; the model has fewer.")
                stacks[patch] = Stack.from_bytes(data)
            except BadStream:
                damaged.add(patch)
        popped: list[list[Symbols]] = [[] for _ in numbers]
        live = np.arange(len(numbers))
        chain, means = self._chain(numbers), self._means(numbers)
        for group in range(len(self._layouts)):
            going_on = np.array(
                [p not in damaged and streams[p][1] > group for p in live.tolist()], np.bool_
            )
            if not going_on.any():
                break
            chain.keep(going_on)
            means.keep(going_on)
            live = live[going_on]
            tables = chain.tables(group)
            symbols = np.zeros(tables.shape, np.int32)
            for position, patch in enumerate(live.tolist()):
                try:
                    flat = stacks[patch].pop_step(tables[position].ravel(), self._model.tables)
                    symbols[position] = flat.reshape(tables.shape[1:])
                except BadStream:
                    damaged.add(patch)
                popped[patch].append(symbols[position])
            chain.absorb(symbols)
            mean = means.of(group, shown, live)
            self._show(shown, group, symbols, tables, mean, numbers, live)
        for patch, (_, groups) in enumerate(streams):
            if patch in damaged or not groups:
                continue
            if not stacks[patch].ends_on(crc32c_of_symbols(*popped[patch])):
                damaged.add(patch)
        for patch, number in enumerate(numbers):
            y[patch_slices(self._grid, number)] = (start if patch in damaged else shown)[patch]
        return sorted(numbers[patch] for patch in damaged)

    # -- shared -------------------------------------------------------------------------------

    def _chain(self, numbers: Sequence[int]) -> ExactChain:
        features = self._gather(self._upper.features, numbers)
        return ExactChain(self._model.lower, features, self._quality[list(numbers)])

    def _means(self, numbers: Sequence[int]) -> PredictedMeans:
        return PredictedMeans(self._model, self._quality[list(numbers)])

    def _start(self, numbers: Sequence[int], channels: int) -> NDArray[np.float32]:
        """What is known of patches before their first group: (P, 16, 16, C)."""
        known = np.zeros((len(numbers), SIDE, SIDE, channels), np.float32)
        k = self._model.anatomy.mean_channels
        known[..., :k] = self._gather(self._upper.means, numbers)
        return known

    def _show(
        self,
        shown: NDArray[np.float32],
        group: int,
        symbols: Symbols,
        tables: Tables,
        mean: NDArray[np.float32],
        numbers: Sequence[int],
        live: NDArray[np.intp],
    ) -> None:
        """Write what a group's symbols (P, h, w, n) of the live patches stand for to ``shown``."""
        gains = self._gains(group, [numbers[patch] for patch in live.tolist()])
        values = self._model.quantiser.reconstruct(symbols, tables) / gains
        self._layouts[group].fold_into(shown, values + mean, live)

    def _gather(self, array: NDArray[np.float32], numbers: Sequence[int]) -> NDArray[np.float32]:
        return np.stack([array[patch_slices(self._grid, n)] for n in numbers])

    def _gains(self, group: int, numbers: Sequence[int]) -> NDArray[np.float32]:
        """(P, 1, 1, n) gains of a group at each patch's quality."""
        qualities = [int(self._quality[n]) for n in numbers]
        gains = {q: self._model.gain(q, group) for q in set(qualities)}
        return np.stack([gains[q] for q in qualities])[:, None, None, :]


def _groups_needed(scaled: Sequence[NDArray[np.float32]]) -> NDArray[np.intp]:
    """Groups up to the last one with a value of half a step or more, (P,).

    scaled : of each group (P, h, w, n), in steps.
    """
    counts = np.zeros(len(scaled[0]), np.intp)
    for group, values in enumerate(scaled):
        counts[np.abs(values).max(axis=(1, 2, 3)) >= 0.5] = group + 1
    return counts


def _coded_groups(symbols: list[Symbols]) -> int:
    """Groups up to the last one with a symbol other than 0."""
    return max((group + 1 for group, ints in enumerate(symbols) if ints.any()), default=0)
