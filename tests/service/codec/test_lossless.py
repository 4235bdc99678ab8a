"""Blade patches come back bit for bit, whatever they hold, or say that they are damaged.

Most of it with a model without networks, which is fast; the laws are those of any model.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.codec import lossless
from service.codec.grid import Grid
from service.codec.integrity import crc32c
from service.codec.lossless import Extent, LosslessCoder, settle
from service.runtime.pixel_chain import Step
from tests.service.codec.base_chain import MODEL, TABLES, BaseChain
from tests.service.codec.coding import textured
from tests.service.codec.reference_coder import ReferenceStack, push_step

pytestmark = pytest.mark.usefixtures("base_chain")


def coder_of(pixels: np.ndarray) -> tuple[LosslessCoder, list[int]]:
    grid = Grid(pixels.shape[1], pixels.shape[0])
    return LosslessCoder(MODEL, grid, pixels.ndim == 2), list(range(grid.rows * grid.columns))


def there_and_back(pixels: np.ndarray) -> list:
    """Code all patches and decode them; the streams, if every sample came back."""
    coder, numbers = coder_of(pixels)
    streams = coder.encode(pixels, numbers)
    found = coder.decode([(stream.data, stream.raw) for stream in streams], numbers)
    grid = Grid(pixels.shape[1], pixels.shape[0])
    for number, samples in enumerate(found):
        assert samples is not None
        assert samples.dtype == np.uint8
        assert np.array_equal(samples, pixels[grid.patch(number).slices])
    return streams


SIZES = [(1, 1), (1, 300), (300, 1), (2, 3), (63, 65), (255, 257), (256, 256), (300, 515)]


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_any_size(height: int, width: int, grey: bool) -> None:
    there_and_back(textured(height, width, grey=grey))


def extremes(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, shape)
    return {
        "noise": noise,
        "black": np.zeros(shape),
        "white": np.full(shape, 255),
        "saturated": 255 * (noise & 1),
        "16 levels": noise // 16 * 17,
        "checkerboard": 255 * (np.indices(shape).sum(0) & 1),
        "one sample": np.where(np.arange(noise.size).reshape(shape) == 777, 255, 0),
    }[kind].astype(np.uint8)


KINDS = ["noise", "black", "white", "saturated", "16 levels", "checkerboard", "one sample"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(70, 90, 3), (70, 90)])
def test_any_content(kind: str, shape: tuple[int, ...]) -> None:
    there_and_back(extremes(kind, shape))


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.binary(min_size=1, max_size=60))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_samples(height: int, width: int, grey: bool, seed: bytes) -> None:
    shape = (height, width) if grey else (height, width, 3)
    there_and_back(np.resize(np.frombuffer(seed, np.uint8), shape))


def test_a_patch_that_would_not_shrink_is_stored_raw() -> None:
    pixels = np.hstack([extremes("noise", (256, 256, 3)), textured(256, 256)])
    noise, smooth = there_and_back(pixels)
    assert (noise.raw, smooth.raw) == (True, False)
    assert len(noise.data) == 256 * 256 * 3 + 4
    assert noise.data[:-4] == pixels[:, :256].tobytes()
    assert len(smooth.data) < 256 * 256 * 3


def test_no_stream_is_longer_than_its_samples_and_their_check() -> None:
    for kind in KINDS:
        for shape in ((1, 1, 3), (9, 5), (70, 90, 3)):
            pixels = extremes(kind, shape)
            assert len(there_and_back(pixels)[0].data) <= pixels.size + 4


def test_padding_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many symbols are pushed as there are samples in the picture, not in its patches."""
    pushed = []
    push = lossless.Stack.push_step

    def listen(self, symbols, tables, table_set) -> None:  # type: ignore[no-untyped-def]
        pushed.append(symbols.size)
        push(self, symbols, tables, table_set)

    monkeypatch.setattr(lossless.Stack, "push_step", listen)
    for shape in ((1, 1, 3), (1, 300), (37, 290, 3)):
        pushed.clear()
        pixels = textured(*shape[:2], grey=len(shape) == 2)
        coder, numbers = coder_of(pixels)
        coder.encode(pixels, numbers)
        assert sum(pushed) == pixels.size


@pytest.mark.parametrize("grey", [False, True])
def test_the_length_is_the_cross_entropy(monkeypatch: pytest.MonkeyPatch, grey: bool) -> None:
    bits = []
    push = lossless.Stack.push_step

    def listen(self, symbols, tables, table_set) -> None:  # type: ignore[no-untyped-def]
        bits.append(table_set.bits(symbols, tables))
        push(self, symbols, tables, table_set)

    monkeypatch.setattr(lossless.Stack, "push_step", listen)
    pixels = textured(256, 256, grey=grey) // 8
    coder, numbers = coder_of(pixels)
    (stream,) = coder.encode(pixels, numbers)
    assert not stream.raw
    assert abs(8 * len(stream.data) - sum(bits)) <= 64


def test_word_for_word_what_the_document_says() -> None:
    """A cut grey patch, its steps and positions enumerated by hand, in plain integers."""
    height, width = 37, 70
    pixels = textured(height, width, grey=True) // 8
    offsets = {"a": (0, 0), "b": (0, 1), "c": (1, 0), "d": (1, 1)}
    steps: list[tuple[list[int], list[int]]] = []

    def code(step: Step, centre: np.ndarray, tables: np.ndarray) -> np.ndarray:
        unit = 2**step.level
        top, left = (unit * offset for offset in offsets[step.phase])
        rows = [top + 2 * unit * i for i in range(centre.shape[1])]
        columns = [left + 2 * unit * j for j in range(centre.shape[2])]
        inside_rows = [row for row in rows if row < height]
        inside_columns = [column for column in columns if column < width]
        values = np.clip(centre, 0, 255)
        symbols, chosen = [], []
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                if inside_rows and inside_columns:
                    nearest = min(row, inside_rows[-1]), min(column, inside_columns[-1])
                    values[0, i, j] = pixels[nearest]
                if row < height and column < width:
                    symbols.append(int(values[0, i, j] - centre[0, i, j]))
                    chosen.append(int(tables[0, i, j]))
        steps.append((symbols, chosen))
        return values - centre

    BaseChain(MODEL, 1, grey=True).walk(code)
    assert len(steps) == 1 + 6 * 3
    frequencies = [part.tolist() for part in np.split(TABLES.frequencies, 256)]
    table_set = [(part, 60) for part in frequencies]
    stack = ReferenceStack(crc32c(pixels.tobytes()))
    for symbols, chosen in reversed(steps):
        push_step(stack, symbols, chosen, table_set)
    (stream,) = LosslessCoder(MODEL, Grid(width, height), True).encode(pixels, [0])
    assert not stream.raw
    assert stream.data == stack.to_bytes()


def test_a_patch_does_not_depend_on_the_others_of_its_batch() -> None:
    pixels = textured(300, 700)
    coder, numbers = coder_of(pixels)
    together = coder.encode(pixels, numbers)
    alone = [coder.encode(pixels, [number])[0] for number in numbers]
    assert together == alone
    backwards = coder.encode(pixels, numbers[::-1])[::-1]
    assert backwards == alone
    pairs = [(stream.data, stream.raw) for stream in alone]
    for number in numbers:
        (one,) = coder.decode([pairs[number]], [number])
        assert np.array_equal(one, coder.decode(pairs, numbers)[number])


@pytest.mark.parametrize("kind", ["photograph", "noise"])
def test_damage_is_found_and_stays_with_its_patch(kind: str) -> None:
    photograph = kind == "photograph"
    pixels = textured(40, 700) // 8 if photograph else extremes("noise", (40, 700, 3))
    coder, numbers = coder_of(pixels)
    streams = [(stream.data, stream.raw) for stream in coder.encode(pixels, numbers)]
    assert streams[1][1] != photograph
    rng = np.random.default_rng(0)
    size = len(streams[1][0])
    for at in [0, 1, size - 2, size - 1, *rng.integers(0, size, 20).tolist()]:
        changed = bytearray(streams[1][0])
        changed[at] ^= 1 << int(rng.integers(8))
        before, broken, after = coder.decode(
            [streams[0], (bytes(changed), streams[1][1]), streams[2]], numbers
        )
        assert broken is None
        assert np.array_equal(before, pixels[:, :256])
        assert np.array_equal(after, pixels[:, 512:])


@pytest.mark.parametrize("data", [b"", b"\1", b"\0", bytes(4000), b"\xff" * 4000, b"\1\0\0"])
def test_bytes_that_are_no_stream(data: bytes) -> None:
    coder = LosslessCoder(MODEL, Grid(60, 50), grey=False)
    assert coder.decode([(data, False)], [0]) == [None]


def test_a_stream_of_another_patch_is_no_stream_of_this_one() -> None:
    """Equal in size, but cut elsewhere by the picture's border."""
    pixels = textured(256, 300) // 8
    coder, _ = coder_of(pixels)
    whole, cut = coder.encode(pixels, [0, 1])
    assert coder.decode([(cut.data, False), (whole.data, False)], [0, 1]) == [None, None]


def test_what_stands_outside_goes_on_as_the_picture_ended() -> None:
    step = Step(0, "d", 1)  # odd rows and columns
    centre = np.full((2, 128, 128), 7, np.int32)
    values = np.arange(2 * 128 * 128, dtype=np.int32).reshape(2, 128, 128) % 200
    inside = values.copy()
    settle(step, centre, values, [Extent(6, 5), Extent(256, 1)])
    assert np.array_equal(values[0, :3, :2], inside[0, :3, :2])
    assert (values[0, :3, 2:] == inside[0, :3, 1:2]).all()
    assert (values[0, 3:] == values[0, 2]).all()
    assert (values[1] == 7).all()  # one column has no odd one: nothing to go on from
    wild = np.full((1, 128, 128), 10**6, np.int32)
    settle(step, centre[:1], wild, [Extent(256, 256)])
    assert (wild == 255).all()
