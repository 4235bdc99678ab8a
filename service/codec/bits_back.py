"""Bits-back coding of one block: latents are popped by their posterior, pushed by their prior.

A latent costs what its prior asks and gives back what its posterior took, so that a block costs
-ELBO. In Bit-Swap's order (Kingma et al., ICML 2019; here docs/FORMAT.md, section 9) whatever can
be pushed is pushed before the next latent is popped: only z1 is taken from bits that must already
be there. `decode_block` is `encode_block` read from its last line to its first, with pushes and
pops exchanged.

All stacks advance together: block s of a batch is coded on stack s, and a network sees the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.errors import BadStream
from service.runtime.latent_model import Distribution, LatentModel
from service.runtime.tables import TableSet

Integers = NDArray[np.int32]


@dataclass(frozen=True)
class Extent:
    """How much of a block lies within the picture: its first rows and columns, 1 to 64."""

    rows: int
    columns: int


class StackBatch:
    """Stacks that advance together.

    Attributes
    ----------
    sound
        (S,) bool: false for stacks that ran short or turned out damaged. They are left alone, and
        what is popped from them are the centres.
    """

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self._stacks = stacks
        self.sound: NDArray[np.bool_] = np.ones(len(stacks), bool)

    def __len__(self) -> int:
        """Return the number of stacks."""
        return len(self._stacks)

    def push(
        self,
        values: Integers,
        given: Distribution,
        table_set: TableSet,
        extents: Sequence[Extent] | None = None,
    ) -> None:
        """Push a step on every stack; `pop` undoes it.

        Parameters
        ----------
        values
            (S, ...) integers.
        given
            Centres and tables of the same shape.
        table_set
            The tables.
        extents
            What of (S, 64, 64) is to be coded; None is all.
        """
        centres, tables = given
        symbols = values - centres
        for number, stack in enumerate(self._stacks):
            if self.sound[number]:
                part = _inside(number, extents)
                try:
                    stack.push_step(symbols[part].ravel(), tables[part].ravel(), table_set)
                except (BadStream, ValueError):  # a value that no bits could have been popped to
                    self.sound[number] = False

    def pop(
        self,
        given: Distribution,
        table_set: TableSet,
        extents: Sequence[Extent] | None = None,
    ) -> Integers:
        """Pop a step from every stack: (S, ...) integers, centres where nothing is coded."""
        centres, tables = given
        values = centres.copy()
        for number, stack in enumerate(self._stacks):
            if self.sound[number]:
                part = _inside(number, extents)
                chosen = tables[part]
                try:
                    symbols = stack.pop_step(chosen.ravel(), table_set)
                    values[part] += symbols.reshape(chosen.shape)
                except BadStream:
                    self.sound[number] = False
        return values

    def leave_short_ones(self) -> None:
        """Give up stacks whose pops have reached the bottom."""
        self.sound &= [not stack.is_short for stack in self._stacks]


def encode_block(
    model: LatentModel,
    stacks: StackBatch,
    pixels: Integers,
    extents: Sequence[Extent],
    grey: bool,
) -> None:
    """Push a block on every stack.

    Parameters
    ----------
    model
        The model.
    stacks
        S stacks; those that did not hold enough bits for the latents are no longer ``sound``.
    pixels
        (S, 64, 64, 3) YCoCg-R, settled outside of the picture.
    extents
        What of each block lies within the picture.
    grey
        Whether Co and Cg are 0 and not coded.
    """
    below = pixels
    for level in range(1, model.latents + 1):
        latent = stacks.pop(model.posterior(level, below), model.posterior_tables)
        stacks.leave_short_ones()
        if level == 1:
            push_pixels(model, stacks, pixels, latent, extents, grey)
        else:
            stacks.push(below, model.prior(level - 1, latent, len(stacks)), model.tables)
        below = latent
    stacks.push(below, model.prior(model.latents, None, len(stacks)), model.tables)


def decode_block(
    model: LatentModel, stacks: StackBatch, extents: Sequence[Extent], grey: bool
) -> Integers:
    """Pop a block from every stack: (S, 64, 64, 3) YCoCg-R; mirrors `encode_block`."""
    above = stacks.pop(model.prior(model.latents, None, len(stacks)), model.tables)
    for level in range(model.latents, 0, -1):
        if level == 1:
            latent = pop_pixels(model, stacks, above, extents, grey)
        else:
            latent = stacks.pop(model.prior(level - 1, above, len(stacks)), model.tables)
        stacks.push(above, model.posterior(level, latent), model.posterior_tables)
        above = latent
    return above


def push_pixels(
    model: LatentModel,
    stacks: StackBatch,
    pixels: Integers,
    z1: Integers,
    extents: Sequence[Extent],
    grey: bool,
) -> None:
    """Push x with p(x | z1): Cg, Co, Y, since they are popped the other way round."""
    given: list[Distribution] = []

    def code(component: int, centres: Integers, tables: NDArray[np.uint8]) -> Integers:
        given.append((centres, tables))
        return pixels[..., component]

    model.pixels(z1, code, grey)
    for component in reversed(range(len(given))):
        stacks.push(pixels[..., component], given[component], model.tables, extents)


def pop_pixels(
    model: LatentModel,
    stacks: StackBatch,
    z1: Integers,
    extents: Sequence[Extent],
    grey: bool,
) -> Integers:
    """Pop x with p(x | z1): Y, Co, Cg; mirrors `push_pixels`."""

    def code(component: int, centres: Integers, tables: NDArray[np.uint8]) -> Integers:
        values = stacks.pop((centres, tables), model.tables, extents)
        settle_blocks(values, extents)
        return values

    return model.pixels(z1, code, grey)


def settle_blocks(values: Integers, extents: Sequence[Extent]) -> None:
    """Let (S, 64, 64, ...) go on outside of the picture as it ended; in place."""
    for number, extent in enumerate(extents):
        block = values[number]
        block[extent.rows :] = block[extent.rows - 1]
        block[:, extent.columns :] = block[:, extent.columns - 1 : extent.columns]


def _inside(number: int, extents: Sequence[Extent] | None) -> tuple[int | slice, ...]:
    if extents is None:
        return (number,)
    return number, slice(extents[number].rows), slice(extents[number].columns)
