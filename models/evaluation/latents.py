"""Models with latents, measured: calls, -ELBO, and what a block takes from its stack at first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.bits_back import (
    Extent,
    Integers,
    StackBatch,
    encode_block,
    push_pixels,
)
from service.codec.grid import Grid, Window
from service.codec.stacks import block_values, blocks_of, extent_of
from service.runtime.latent_model import BLOCK, Code, Distribution, LatentModel
from service.runtime.tables import PRECISION, TableSet

LOAN_WORDS = 2**16  # more than any block can take
_BATCH = 32


class CountedModel(LatentModel):
    """A model that counts the networks it runs, each on any number of blocks."""

    def __init__(self, model: LatentModel) -> None:
        vars(self).update(vars(model))
        self._counted = model
        self.calls = 0

    def posterior(self, level: int, below: Integers) -> Distribution:
        """Count, and pass on."""
        self.calls += 1
        return self._counted.posterior(level, below)

    def prior(self, level: int, above: Integers | None, stacks: int) -> Distribution:
        """Count, but for the top, which is fixed; and pass on."""
        self.calls += above is not None
        return self._counted.prior(level, above, stacks)

    def pixels(self, z1: Integers, code: Code, grey: bool) -> Integers:
        """Count a network a component, and pass on."""
        self.calls += 1 if grey else 3
        return self._counted.pixels(z1, code, grey)


class _MeasuredBatch(StackBatch):
    """Remembers how little was left on each stack."""

    def __init__(self, stacks: list[Stack]) -> None:
        super().__init__(stacks)
        self.lowest = np.array([stack.bits for stack in stacks])

    def pop(self, *given: object) -> Integers:
        """Pop, and look how much is left."""
        values: Integers = super().pop(*given)  # type: ignore[arg-type]
        self.lowest = np.minimum(self.lowest, [stack.bits for stack in self._stacks])
        return values


def encode_block_recursively(
    model: LatentModel, stacks: StackBatch, pixels: Integers, extents: list[Extent], grey: bool
) -> None:
    """Push a block in the order of plain bits-back: all latents popped, then all pushed.

    Paper roi-eml, section V-C (the first of its two orders): each level takes its initial bits.
    """
    values = [pixels]
    for level in range(1, model.latents + 1):
        given = model.posterior(level, values[-1])
        values.append(stacks.pop(given, model.posterior_tables))
    push_pixels(model, stacks, pixels, values[1], extents, grey)
    for level in range(1, model.latents + 1):
        above = values[level + 1] if level < model.latents else None
        stacks.push(values[level], model.prior(level, above, len(stacks)), model.tables)


def initial_bits(
    model: LatentModel, blocks: Integers, grey: bool, *, recursive: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bits that each block takes from below its own, and its net bits.

    Parameters
    ----------
    model
        The model.
    blocks
        (S, 64, 64, 3) YCoCg-R, all within the picture.
    grey
        Whether Co and Cg are 0 and not coded.
    recursive
        Plain recursive bits-back; else Bit-Swap's order.

    Returns
    -------
    tuple
        Two arrays (S,).
    """
    rng = np.random.default_rng(0)
    loans = rng.integers(0, 2**32, (len(blocks), LOAN_WORDS), dtype=np.uint32)
    stacks = [Stack.on_loan(words) for words in loans]
    batch = _MeasuredBatch(stacks)
    before = np.array([stack.bits for stack in stacks])
    extents = [Extent(BLOCK, BLOCK)] * len(blocks)
    encode = encode_block_recursively if recursive else encode_block
    encode(model, batch, blocks, extents, grey)
    return before - batch.lowest, np.array([stack.bits for stack in stacks]) - before


def evidence_bound(model: LatentModel, pixels: NDArray[np.uint8]) -> float:
    """-ELBO of a picture in bits, all its blocks alone; latents drawn at random, not popped.

    Parameters
    ----------
    model
        The model.
    pixels
        (H, W, 3) or (H, W).
    """
    grid = Grid(pixels.shape[1], pixels.shape[0])
    windows = [w for number in range(grid.rows * grid.columns) for w in blocks_of(grid, number)]
    rng = np.random.default_rng(0)
    return sum(
        _bound(model, pixels, windows[start : start + _BATCH], rng)
        for start in range(0, len(windows), _BATCH)
    )


def _bound(
    model: LatentModel,
    pixels: NDArray[np.uint8],
    windows: list[Window],
    rng: np.random.Generator,
) -> float:
    blocks = np.stack([block_values(pixels, window) for window in windows])
    inside = np.zeros(blocks.shape[:3], bool)
    for number, window in enumerate(windows):
        extent = extent_of(window)
        inside[number, : extent.rows, : extent.columns] = True
    bits, below = 0.0, blocks
    for level in range(1, model.latents + 1):
        given = model.posterior(level, below)
        latent = _drawn(given, model.posterior_tables, rng)
        bits -= _cost(latent, given, model.posterior_tables)
        if level == 1:
            bits += _pixel_cost(model, blocks, inside, latent, pixels.ndim == 2)
        else:
            bits += _cost(below, model.prior(level - 1, latent, len(blocks)), model.tables)
        below = latent
    return bits + _cost(below, model.prior(model.latents, None, len(blocks)), model.tables)


def _pixel_cost(
    model: LatentModel, blocks: Integers, inside: NDArray[np.bool_], z1: Integers, grey: bool
) -> float:
    bits = 0.0

    def code(component: int, centres: Integers, tables: NDArray[np.uint8]) -> Integers:
        nonlocal bits
        values = blocks[..., component]
        bits += model.tables.bits((values - centres)[inside], tables[inside])
        return values

    model.pixels(z1, code, grey)
    return bits


def _cost(values: Integers, given: Distribution, table_set: TableSet) -> float:
    centres, tables = given
    return table_set.bits((values - centres).ravel(), tables.ravel())


def _drawn(given: Distribution, table_set: TableSet, rng: np.random.Generator) -> Integers:
    """Integers drawn from tables without escapes."""
    centres, tables = given
    sizes = 2 * table_set.half_widths + 1
    ends = np.cumsum(sizes)
    drawn = centres.copy()
    for table in np.unique(tables):
        there = tables == table
        entries = table_set.frequencies[ends[table] - sizes[table] : ends[table]]
        places = rng.integers(0, 2**PRECISION, int(there.sum()))
        entry = np.searchsorted(np.cumsum(entries), places, side="right")
        drawn[there] += (entry - table_set.half_widths[table]).astype(np.int32)
    return drawn
