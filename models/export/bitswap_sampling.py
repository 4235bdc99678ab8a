"""A walk through blocks with sampled latents: what each step costs in a model's integer tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.layers.ycocg import to_ycocg
from models.networks.bitswap import to_blocks
from service.codec.ans import Stack
from service.runtime.latent_model import COMPONENT_NAMES, LatentModel


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


def negative_elbo(
    model: LatentModel, values: NDArray[np.int32], rng: np.random.Generator
) -> dict[str, float]:
    """Bits of every step of a walk by name; q's are given back, so they are negative."""
    spent = {}
    for step in walk(model, values, rng):
        popped = step.name.startswith("q")
        tables = model.posterior_tables if popped else model.tables
        bits = tables.bits(step.symbols.reshape(-1), step.tables.reshape(-1))
        spent[step.name] = -bits if popped else bits
    return spent


def blocks_of(picture: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(64 r, 64 c, 3) RGB to (r c, 64, 64, 3) YCoCg-R, raster order."""
    rgb = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    blocks = to_blocks(to_ycocg(rgb)).permute(0, 2, 3, 1).int().contiguous()
    found: NDArray[np.int32] = blocks.numpy()
    return found
