"""A lossless model that has networks of its own for patches in the colours of a JPEG."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from service.codec import lossless
from service.codec.ans import Stack
from service.codec.colour import to_ycocg
from service.codec.grid import Grid
from service.codec.jpeg_colour import from_ycbcr
from service.codec.lossless import LosslessCoder
from tests.service.codec.base_chain import MODEL, TABLES, BaseChain
from tests.service.codec.coding import textured

TWOFOLD = SimpleNamespace(**{**vars(MODEL), "jpeg": SimpleNamespace(tables=TABLES)})

pytestmark = pytest.mark.usefixtures("base_chain")


@pytest.mark.parametrize(("height", "width"), [(63, 65), (300, 515)])
def test_patches_in_the_colours_of_a_jpeg_are_told_apart(height: int, width: int) -> None:
    """With a model that has networks for them; here only their tables differ."""
    seen = []

    class Seen(BaseChain):
        def walk(self, code):  # type: ignore[no-untyped-def]
            seen.append((self.model is TWOFOLD.jpeg, self.patches))
            return super().walk(code)

    pixels = textured(height, width)
    values = to_ycocg(pixels) // 2
    pixels[:, :256] = from_ycbcr(values[:, :256].astype(np.int32))
    grid = Grid(width, height)
    coder = LosslessCoder(TWOFOLD, grid, grey=False)
    numbers = list(range(grid.rows * grid.columns))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lossless, "PixelChain", Seen)
        streams = coder.encode(pixels, numbers)
        # Twenty times the same one, to see where blocks begin.
        assert seen[:20] == [(True, 1)] * 20
        assert seen[20:] == ([(True, 1)] if len(numbers) == 1 else [(False, 4), (True, 2)])
        seen.clear()
        found = coder.decode([(stream.data, stream.raw) for stream in streams], numbers)
    assert (True, sum(not stream.raw for stream in streams[:: grid.columns])) in seen
    for number, samples in enumerate(found):
        assert np.array_equal(samples, pixels[grid.patch(number).slices])


@pytest.mark.parametrize("start", [(0, 0), (3, 9), (15, 15)])
@pytest.mark.parametrize(("height", "width"), [(2, 300), (300, 257)])
def test_patches_come_back_wherever_their_blocks_begin(
    height: int, width: int, start: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lossless, "cheapest_start", lambda cost: start)
    pixels = from_ycbcr(to_ycocg(textured(height, width)) // 2).astype(np.uint8)
    grid = Grid(width, height)
    coder = LosslessCoder(TWOFOLD, grid, grey=False)
    numbers = list(range(grid.rows * grid.columns))
    streams = coder.encode(pixels, numbers)
    coded = next(stream for stream in streams if not stream.raw)
    stack = Stack.from_bytes(coded.data)
    assert (stack.pop_choice(2), stack.pop_choice(16), stack.pop_choice(16)) == (1, *start)
    found = coder.decode([(stream.data, stream.raw) for stream in streams], numbers)
    for number, samples in enumerate(found):
        assert np.array_equal(samples, pixels[grid.patch(number).slices])


@pytest.mark.parametrize("model", [MODEL, TWOFOLD])
def test_bits_are_those_of_the_streams(model: SimpleNamespace) -> None:
    pixels = textured(300, 300)
    pixels[:, :256] = from_ycbcr((to_ycocg(pixels) // 2)[:, :256])
    coder = LosslessCoder(model, Grid(300, 300), grey=False)
    streams = coder.encode(pixels, [0, 1])
    assert not any(stream.raw for stream in streams)
    length = 8 * sum(len(stream.data) for stream in streams)
    # Ends: the check, and what is left of a word.
    assert 0 < length - coder.bits(pixels, [0, 1]) < 2 * (32 + 64)


def test_a_grey_patch_says_nothing_of_colours() -> None:
    pixels = textured(40, 50, grey=True)
    plain, twofold = (
        LosslessCoder(model, Grid(50, 40), grey=True).encode(pixels, [0])[0].data
        for model in (MODEL, TWOFOLD)
    )
    assert plain == twofold


def test_a_bit_that_lies_about_the_colours_is_damage() -> None:
    pixels = from_ycbcr(to_ycocg(textured(60, 50)) // 2).astype(np.uint8)
    coder = LosslessCoder(TWOFOLD, Grid(50, 60), grey=False)
    (stream,) = coder.encode(pixels, [0])
    stack = Stack.from_bytes(stream.data)
    assert stack.pop_choice(2)
    stack.push_choice(0, 2)
    assert coder.decode([(stack.to_bytes(), False)], [0]) == [None]
