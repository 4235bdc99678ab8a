"""docs/FORMAT.md, section 9, word for word in plain Python, reads what the encoder wrote."""

from __future__ import annotations

import numpy as np

from service.codec.colour import from_ycocg
from service.codec.container.parser import parse
from service.codec.encoder import Encoder
from service.codec.integrity import crc32c
from service.codec.options import CompressOptions
from service.runtime.tables import TableSet
from tests.service.codec.coding import picture_of, textured
from tests.service.codec.conftest import ToyZoo
from tests.service.codec.latent_toy import POSTERIOR_TABLES, TABLES, ToyModel
from tests.service.codec.reference_coder import ReferenceStack, pop_step, push_step, uniform_pop

Plain = dict[int, tuple[list[int], int]]


def plain(table_set: TableSet) -> Plain:
    """Frequencies and half width of each table."""
    sizes = 2 * table_set.half_widths + 1 + table_set.escapes
    parts = np.split(table_set.frequencies, np.cumsum(sizes)[:-1])
    halves = table_set.half_widths.tolist()
    return {t: (part.tolist(), halves[t]) for t, part in enumerate(parts)}


def popped(stack: ReferenceStack, given, tables: Plain) -> np.ndarray:  # type: ignore[no-untyped-def]
    centres, chosen = given
    symbols = pop_step(stack, chosen.ravel().tolist(), tables)
    return centres + np.array(symbols, np.int32).reshape(centres.shape)


def read_block(
    model: ToyModel,
    stack: ReferenceStack,
    rows: int,
    columns: int,
    priors: Plain,
    posteriors: Plain,
) -> np.ndarray:
    """A block's steps for two levels, as the document counts them."""
    z2 = popped(stack, model.prior(2, None, 1), priors)
    z1 = popped(stack, model.prior(1, z2, 1), priors)
    centres, tables = model.posterior(2, z1)
    push_step(stack, (z2 - centres).ravel().tolist(), tables.ravel().tolist(), posteriors)

    def component(number: int, centres: np.ndarray, tables: np.ndarray) -> np.ndarray:
        inside = popped(stack, (centres[0, :rows, :columns], tables[0, :rows, :columns]), priors)
        nearest_row = np.minimum(np.arange(64), rows - 1)
        nearest_column = np.minimum(np.arange(64), columns - 1)
        return inside[nearest_row][:, nearest_column][None]

    x = model.pixels(z1, component, False)
    centres, tables = model.posterior(1, x)
    push_step(stack, (z1 - centres).ravel().tolist(), tables.ravel().tolist(), posteriors)
    return x[0]


def keystream_word(i: int) -> int:
    h = (i + 1) * 0x9E3779B9 % 2**32
    h = (h ^ (h >> 16)) * 0x85EBCA6B % 2**32
    h = (h ^ (h >> 13)) * 0xC2B2AE35 % 2**32
    return h ^ (h >> 16)


def test_the_document_reads_a_stack(toy_encoder: Encoder, toy_zoo: ToyZoo) -> None:
    """Two blade patches of two blocks and one, chained, on what two background patches lent."""
    pixels = textured(40, 256 * 3 + 60)
    pixels[:, 256:512, :] //= 2
    mask = np.zeros(pixels.shape[:2], bool)
    mask[:, :256] = mask[:, 768:] = True
    options = CompressOptions(mode="lossless", quality=8.0, dilation=0)
    blade = parse(toy_encoder.compress(picture_of(pixels), mask, options).data)
    priors, posteriors = plain(TABLES), plain(POSTERIOR_TABLES)
    blocks = {0: [(0, 64 * n, 64) for n in range(4)], 3: [(0, 768, 60)]}
    lent: dict[int, bytes] = {}
    for number, entry in enumerate(blade.stacks):
        stack = ReferenceStack.from_bytes(bytes(blade.stack(number) or b""))
        for patch in reversed(entry.patches):
            found = np.zeros_like(pixels)
            for top, left, columns in reversed(blocks[patch]):
                x = read_block(toy_zoo.toy, stack, 40, columns, priors, posteriors)
                samples = from_ycocg(x[:40, :columns])
                assert samples.min() >= 0
                found[top : top + 40, left : left + columns] = samples
            area = slice(256 * patch, min(256 * patch + 256, 828))
            assert np.array_equal(found[:, area], pixels[:, area])
            low, high = uniform_pop(stack, 2**16), uniform_pop(stack, 2**16)
            assert high << 16 | low == crc32c(found[:, area].tobytes())
        assert stack.state >> 32 == 1
        words = [*stack.words, stack.state % 2**32]
        white = [word ^ keystream_word(i) for i, word in enumerate(words)]
        loan = b"".join(word.to_bytes(4, "little") for word in white)
        for donor in entry.donors:
            length = blade.patches[donor].length
            lent[donor], loan = loan[:length], loan[length:]
        assert loan == bytes(entry.filler)
    assert sorted(n for entry in blade.stacks for n in entry.patches) == [0, 3]
    assert sorted(lent) == [n for n, entry in enumerate(blade.patches) if entry.stack is not None]
    progressive = CompressOptions(mode="lossless", quality=8.0, dilation=0, progressive=True)
    front = parse(toy_encoder.compress(picture_of(pixels), mask, progressive).data)
    assert lent
    assert all(front.patch(number) == data for number, data in lent.items())
