"""A walk through blocks with sampled latents: which symbols meet which of a model's tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.runtime.latent_model import BLOCK, COMPONENT_NAMES, LatentModel


@dataclass(frozen=True)
class Coded:
    """One step over all blocks.

    Attributes
    ----------
    name
        ``q1``, ``q2`` .. posteriors; ``p1`` .. priors; ``y``, ``co``, ``cg``.
    tables, symbols
        Of one shape, blocks first.
    """

    name: str
    tables: NDArray[np.uint8]
    symbols: NDArray[np.int32]


def walk(
    model: LatentModel, values: NDArray[np.int32], rng: np.random.Generator
) -> Iterator[Coded]:
    """Every step of (S, 64, 64, 3) YCoCg-R blocks, latents popped from random bits."""
    latents: list[NDArray[np.int32]] = []
    for level in range(1, model.latents + 1):
        centres, tables = model.posterior(level, latents[-1] if latents else values)
        # A symbol takes 12 bits at most on average, that of the widest table.
        stack = Stack.from_bytes(rng.bytes(2 * tables.size) + b"\1")
        symbols = stack.pop_step(tables.reshape(-1), model.posterior_tables)
        latents.append(centres + symbols.reshape(centres.shape))
        yield Coded(f"q{level}", tables, symbols.reshape(centres.shape))
    for level in range(1, model.latents + 1):
        above = latents[level] if level < model.latents else None
        centres, tables = model.prior(level, above, len(values))
        yield Coded(f"p{level}", tables, latents[level - 1] - centres)
    coded: list[Coded] = []

    def code(
        component: int, centres: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        found: NDArray[np.int32] = values[..., component]
        coded.append(Coded(COMPONENT_NAMES[component], tables, found - centres))
        return found

    model.pixels(latents[0], code, grey=False)
    yield from coded


def blocks_of(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """(64 r, 64 c, 3) to (r c, 64, 64, 3), raster order."""
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    cut = values.reshape(rows, BLOCK, columns, BLOCK, -1).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(cut.reshape(rows * columns, BLOCK, BLOCK, -1))
