"""A block on a stack: what encoding pops and pushes, decoding pushes and pops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from service.codec.ans import Stack
from service.codec.bits_back import Extent, StackBatch, decode_block, encode_block
from service.codec.colour import to_ycocg
from service.codec.grid import Grid, Window
from service.codec.lending import returned
from service.codec.stacks import block_values, blocks_of
from service.errors import BadStream
from tests.service.codec.coding import textured
from tests.service.codec.latent_toy import POSTERIOR_TABLES, TABLES, ToyModel

FULL = Extent(64, 64)


def loan(words: int, seed: int = 0) -> NDArray[np.uint32]:
    return np.random.default_rng(seed).integers(0, 2**32, words, dtype=np.uint32)


def blocks_and_extents(grey: bool) -> tuple[NDArray[np.int32], list[Extent]]:
    """Three blocks: whole, cut on both sides, one pixel."""
    pixels = textured(64, 200, grey=grey)
    windows = [Window(0, 64, 0, 64), Window(0, 50, 64, 101), Window(0, 1, 128, 129)]
    blocks = []
    for window in windows:
        part = pixels[window.slices]
        blocks.append(block_values(part, Window(0, part.shape[0], 0, part.shape[1])))
    return np.stack(blocks), [Extent(64, 64), Extent(50, 37), Extent(1, 1)]


@pytest.mark.parametrize("latents", [1, 2, 3])
@pytest.mark.parametrize("grey", [False, True])
def test_decoding_undoes_encoding(latents: int, grey: bool) -> None:
    model = ToyModel(latents)
    blocks, extents = blocks_and_extents(grey)
    loans = [loan(600 * latents, seed) for seed in range(3)]
    stacks = [Stack.on_loan(words) for words in loans]
    batch = StackBatch(stacks)
    encode_block(model, batch, blocks, extents, grey)
    assert batch.sound.all()
    assert stacks[0].bits > 32 * 600 * latents + 5000  # pixels were pushed
    found = decode_block(model, StackBatch(stacks), extents, grey)
    assert np.array_equal(found, blocks)
    for stack, words in zip(stacks, loans, strict=True):
        left = stack.loan()
        assert left is not None
        assert np.array_equal(left, words)


def test_stacks_of_a_batch_do_not_know_each_other() -> None:
    model = ToyModel(2)
    blocks, extents = blocks_and_extents(False)
    together = [Stack.on_loan(loan(900)) for _ in blocks]
    encode_block(model, StackBatch(together), blocks, extents, False)
    for number, stack in enumerate(together):
        alone = Stack.on_loan(loan(900))
        one = slice(number, number + 1)
        encode_block(model, StackBatch([alone]), blocks[one], extents[one], False)
        assert alone.to_bytes() == stack.to_bytes()


@pytest.mark.parametrize("latents", [1, 2, 3])
def test_only_the_first_latent_needs_bits_that_are_there(latents: int) -> None:
    """Bit-Swap's order: the initial bits do not grow with the number of levels."""
    blocks, extents = blocks_and_extents(False)
    _, tables = ToyModel(latents).posterior(1, blocks[:1])
    first = POSTERIOR_TABLES.entropies[tables].sum()
    enough = int(first * 1.1 / 32) + 4
    for words, fits in ((enough, True), (int(first * 0.8 / 32), False)):
        batch = StackBatch([Stack.on_loan(loan(words))])
        encode_block(ToyModel(latents), batch, blocks[:1], extents[:1], False)
        assert batch.sound.tolist() == [fits]


def evidence_bound(model: ToyModel, block: NDArray[np.int32], seed: int) -> float:
    """-ELBO of a block in bits: latents drawn from the posteriors, not from a stack."""
    rng = np.random.default_rng(seed)
    bits, below = 0.0, block[None]
    for level in range(1, model.latents + 1):
        centres, tables = model.posterior(level, below)
        starts = np.concatenate([[0], np.cumsum(2 * POSTERIOR_TABLES.half_widths + 1)])
        latent = np.empty_like(centres)
        for where in np.ndindex(centres.shape):
            table = int(tables[where])
            weights = POSTERIOR_TABLES.frequencies[starts[table] : starts[table + 1]]
            symbol = rng.choice(len(weights), p=weights / 2**24)
            latent[where] = centres[where] + symbol - POSTERIOR_TABLES.half_widths[table]
        bits -= POSTERIOR_TABLES.bits((latent - centres).ravel(), tables.ravel())
        if level == 1:

            def code(component, centres, tables):  # type: ignore[no-untyped-def]
                nonlocal bits
                values = block[None, ..., component]
                bits += TABLES.bits((values - centres).ravel(), tables.ravel())
                return values

            model.pixels(latent, code, False)
        else:
            above_centres, above_tables = model.prior(level - 1, latent, 1)
            bits += TABLES.bits((below - above_centres).ravel(), above_tables.ravel())
        below = latent
    centres, tables = model.prior(model.latents, None, 1)
    return bits + TABLES.bits((below - centres).ravel(), tables.ravel())


@pytest.mark.parametrize("latents", [1, 2])
def test_a_chain_of_blocks_costs_its_evidence_bound(latents: int) -> None:
    """16 blocks: within 1 % of -ELBO, and 64 bits a stream."""
    model = ToyModel(latents)
    pixels = textured(256, 256)
    windows = blocks_of(Grid(256, 256), 0)
    assert len(windows) == 16
    stack = Stack.on_loan(loan(900))
    before = len(stack.to_bytes())
    bound = 0.0
    for number, window in enumerate(windows):
        block = block_values(pixels, window)
        assert np.array_equal(block, to_ycocg(pixels[window.slices]))
        encode_block(model, StackBatch([stack]), block[None], [FULL], False)
        bound += evidence_bound(model, block, number)
    net = 8 * (len(stack.to_bytes()) - before)
    assert abs(net - bound) < 0.01 * bound + 64


def test_a_damaged_stack_is_left_alone() -> None:
    """Values that its posterior could not have given: the others of the batch go on."""
    model = ToyModel(2)
    blocks, extents = blocks_and_extents(False)
    stacks = [Stack.on_loan(loan(900, seed)) for seed in range(3)]
    encode_block(model, StackBatch(stacks), blocks, extents, False)
    stacks[0] = Stack.from_bytes(b"\x01" * 40)
    batch = StackBatch(stacks)
    found = decode_block(model, batch, extents, False)
    assert batch.sound.tolist() == [False, True, True]
    assert np.array_equal(found[1:], blocks[1:])


@pytest.mark.parametrize("words", [[5], [0], [5, 0], [0, 0, 0], [1, 2, 3, 2**32 - 1]])
def test_a_loan_comes_back_whatever_it_ends_with(words: list[int]) -> None:
    lent = np.array(words, np.uint32)
    stack = Stack.on_loan(lent)
    assert stack.loan().tolist() == words  # type: ignore[union-attr]
    stack.push_check(0xFFFF0001)
    data = stack.to_bytes()
    again = Stack.from_bytes(data)
    assert returned(again.loan(), [], 4 * len(words)) is None
    assert again.pop_check() == 0xFFFF0001
    assert again.loan().tolist() == words  # type: ignore[union-attr]


def test_a_table_without_escapes_takes_nothing_else() -> None:
    with pytest.raises(BadStream):
        Stack().push_step(np.array([61], np.int32), np.array([3]), POSTERIOR_TABLES)
