"""The upper level's streams: z in bands of patch rows, each with a check of its own.

A band is coded like a patch: groups one after another, tables from exact networks that see the
groups before, in the same band alone. A model without such networks has static tables.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.container.layout import Stream
from service.codec.grid import TOP, Grid
from service.codec.integrity import crc32c_of_symbols
from service.codec.patch_mask import PATCH
from service.errors import BadStream
from service.runtime.exact_chain import ExactChain, GroupLayout
from service.runtime.lossy_model import LossyModel

BAND_PATCHES = 256  # a band covers about this many patches
_QUALITY_STEPS = 64

Symbols = NDArray[np.int32]


def band_rows(grid: Grid) -> int:
    """Rows of patches in a band."""
    return min(max(1, BAND_PATCHES // grid.columns), grid.rows)


def encode_bands(
    model: LossyModel, symbols: Symbols, anchor: int, rows_of_patches: int
) -> list[Stream]:
    """One stream a band of z's symbols (h, w, Cz); an all-zero band is an empty stream."""
    height = rows_of_patches * (PATCH // TOP)
    return [
        encode_band(model, symbols[top : top + height], anchor)
        for top in range(0, len(symbols), height)
    ]


def encode_band(model: LossyModel, band: Symbols, anchor: int) -> Stream:
    """Code one band, (h, w, Cz)."""
    if not band.any():
        return Stream(b"", 0)
    coded = along_columns(band, model.anatomy.top_differences)
    chain = _Chain(model, (band.shape[0], band.shape[1]), anchor)
    symbols, tables = [], []
    for group, layout in enumerate(chain.layouts):
        symbols.append(np.ascontiguousarray(layout.unfold(coded[None])[0]))
        tables.append(chain.tables(group))
        chain.absorb(symbols[-1])
    stack = Stack(crc32c_of_symbols(*symbols))
    for ints, chosen in zip(reversed(symbols), reversed(tables), strict=True):
        stack.push_step(ints.ravel(), chosen.ravel(), model.upper_tables)
    return Stream(stack.to_bytes(), len(symbols))


def decode_band(
    model: LossyModel,
    data: bytes | memoryview,
    groups: int,
    anchor: int,
    shape: tuple[int, int, int],
) -> Symbols:
    """Symbols of one band, (h, w, Cz); mirrors ``encode_band``.

    Raises
    ------
    BadStream
        The stream is damaged.
    """
    coded = np.zeros((1, *shape), np.int32)
    if groups == 0:
        return np.zeros(shape, np.int32)
    chain = _Chain(model, shape[:2], anchor)
    if groups != len(chain.layouts):
        raise BadStream(f"A band has {groups} groups; the model has {len(chain.layouts)}.")
    stack = Stack.from_bytes(data)
    symbols = []
    for group, layout in enumerate(chain.layouts):
        tables = chain.tables(group)
        symbols.append(stack.pop_step(tables.ravel(), model.upper_tables).reshape(tables.shape))
        chain.absorb(symbols[-1])
        layout.fold_into(coded, symbols[-1][None])
    if not stack.ends_on(crc32c_of_symbols(*symbols)):
        raise BadStream("A band of the upper level is damaged.")
    return from_columns(coded[0], model.anatomy.top_differences)


class _Chain:
    """Tables of a band's groups, from the model's networks or static."""

    def __init__(self, model: LossyModel, size: tuple[int, int], anchor: int) -> None:
        self._static: NDArray[np.uint8] | None = None
        if model.upper is None:
            channels = model.anatomy.top_channels
            self.layouts: tuple[GroupLayout, ...] = (GroupLayout(0, channels, 1),)
            self._static = np.broadcast_to(model.top_tables(anchor), (*size, channels))
            return
        self.layouts = model.upper.layouts
        nothing = np.zeros((1, *size, 1), np.float32)  # there is no level above
        self._chain = ExactChain(model.upper, nothing, np.array([anchor * _QUALITY_STEPS]))

    def tables(self, group: int) -> NDArray[np.uint8]:
        """Tables of a group, (h, w, n)."""
        if self._static is not None:
            return self._static
        tables: NDArray[np.uint8] = self._chain.tables(group)[0]
        return tables

    def absorb(self, symbols: Symbols) -> None:
        """Hand over a group's symbols, (h, w, n)."""
        if self._static is None:
            self._chain.absorb(symbols[None])


def along_columns(symbols: Symbols, channels: int) -> Symbols:
    """The first channels of (h, w, C) as differences to the symbol above, the rest as it is.

    The first row, which has none above, holds differences to the left.
    """
    coded = symbols.copy()
    low = symbols[..., :channels]
    coded[1:, :, :channels] -= low[:-1]
    coded[0, 1:, :channels] -= low[0, :-1]
    return coded


def from_columns(coded: Symbols, channels: int) -> Symbols:
    """Inverse of ``along_columns``."""
    symbols = coded.copy()
    low = symbols[..., :channels]
    low[0] = np.cumsum(low[0], axis=0)
    low[:] = np.cumsum(low, axis=0)
    return symbols
