"""The blade with a model that has latents: stacks planned, coded, and coded again if short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.codec.container.layout import RAW_CHECK_BYTES, Stream
from service.codec.container.stacks import BladeStream, Chained, StackStream
from service.codec.grid import Grid
from service.codec.lending import Plan, Pool, loan_words, plan_stacks
from service.codec.lossless import Samples, raw_stream
from service.codec.options import Checkpoint
from service.codec.stacks import LANES, CodedStack, block_values, blocks_of, encode_stacks
from service.runtime.latent_model import LatentModel

MARGIN = 64
"""Bytes of initial bits beyond what the first latents take on average: about ten deviations."""


Planner = Callable[[Grid, Mapping[int, int], Pool], list[Plan]]
"""(geometry, bytes that a stack must start with by its first patch, streams to lend) -> stacks."""


@dataclass(frozen=True)
class Stacks:
    """What holds the blade's samples.

    Attributes
    ----------
    streams
        One a blade patch, in raster order.
    lent
        For each background patch whose stream was lent, the number of the stack that holds it.
    """

    streams: list[BladeStream]
    lent: dict[int, int] = field(default_factory=dict)

    @property
    def filler(self) -> int:
        """Bytes that stacks start with and nobody lent."""
        return sum(stream.filler for stream in self.streams if isinstance(stream, StackStream))


def encode_on_stacks(
    model: LatentModel,
    pixels: Samples,
    grid: Grid,
    mask: NDArray[np.bool_],
    lossy: Sequence[Stream],
    checkpoint: Checkpoint,
    planner: Planner = plan_stacks,
) -> Stacks:
    """Code the blade patches of a picture (H, W, 3) or (H, W).

    Parameters
    ----------
    model
        The model.
    pixels
        The picture.
    grid
        Its geometry.
    mask
        (rows, columns), true for blade.
    lossy
        Streams of the lossy layer's patches, of which those of the background may be lent; none if
        nothing is to be lent.
    checkpoint
        Called between blocks.
    planner
        Decides who lends to whom; what it decides is not part of the format.
    """
    numbers = [int(number) for number in np.flatnonzero(mask)]
    lengths = {
        number: len(stream.data) for number, stream in enumerate(lossy) if not mask.flat[number]
    }
    pool = Pool(grid, lengths)
    needs = dict(zip(numbers, initial_bytes(model, pixels, grid, numbers), strict=True))
    plans = planner(grid, needs, pool)
    done: list[tuple[Plan, CodedStack]] = []
    while plans:
        loans = [
            loan_words([lossy[donor].data for donor in plan.donors], plan.filler) for plan in plans
        ]
        again = []
        coded = encode_stacks(model, pixels, grid, plans, loans, checkpoint)
        for plan, loan, stack in zip(plans, loans, coded, strict=True):
            if stack.data is None:
                again.append(pool.enlarge(plan, loan.nbytes))
            elif _own_bytes(plan, stack, lossy) < _raw_bytes(grid, stack, pixels):
                done.append((plan, stack))
            else:
                pool.take_back(plan)
        plans = again
    return _numbered(done, numbers, pixels, grid)


def _own_bytes(plan: Plan, coded: CodedStack, lossy: Sequence[Stream]) -> int:
    """What a stack adds to the file: all but the streams that it was lent; filler counts."""
    return len(coded.data or b"") - sum(len(lossy[donor].data) for donor in plan.donors)


def _raw_bytes(grid: Grid, coded: CodedStack, pixels: Samples) -> int:
    """What the patches of a stack take as they are; 0 if there are none."""
    return sum(pixels[grid.patch(number).slices].size + RAW_CHECK_BYTES for number in coded.patches)


def initial_bytes(
    model: LatentModel, pixels: Samples, grid: Grid, numbers: Sequence[int]
) -> Iterator[int]:
    """Bytes that a stack must start with to take a patch first: what its first z1 takes."""
    for start in range(0, len(numbers), LANES):
        blocks = [
            block_values(pixels, blocks_of(grid, number)[0])
            for number in numbers[start : start + LANES]
        ]
        _, tables = model.posterior(1, np.stack(blocks))
        entropies = model.posterior_tables.entropies[tables]
        for bits in entropies.reshape(len(blocks), -1).sum(1):
            yield int(np.ceil(bits / 8)) + MARGIN


def _numbered(
    done: list[tuple[Plan, CodedStack]], numbers: Sequence[int], pixels: Samples, grid: Grid
) -> Stacks:
    """Streams in raster order; stacks are numbered by the first patch on each."""
    done.sort(key=lambda pair: pair[1].patches[0])
    found: dict[int, BladeStream] = {}
    lent: dict[int, int] = {}
    for stack, (plan, coded) in enumerate(done):
        found |= dict.fromkeys(coded.patches, Chained(stack))
        found[coded.patches[0]] = StackStream(coded.data or b"", plan.filler)
        lent |= dict.fromkeys(plan.donors, stack)
    for number in numbers:
        if number not in found:
            samples = np.ascontiguousarray(pixels[grid.patch(number).slices])
            found[number] = raw_stream(samples)
    return Stacks([found[number] for number in numbers], lent)
