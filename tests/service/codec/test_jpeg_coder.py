"""Patches by their coefficients: every pixel comes back, and damage stays where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.codec.container.jpeg_fields import JpegSteps
from service.codec.grid import Grid
from service.codec.jpeg_coder import JpegCoder, coded_cells, from_cells, to_cells
from service.codec.jpeg_pixels import PatchBlocks, cut, patch_pixels
from service.errors import ModelUnavailable
from service.pictures import Picture
from service.pictures.jpeg_blocks import JpegBlocks, read_blocks
from service.runtime.jpeg_model import JpegModel
from service.runtime.zoo import Zoo
from tests.service.codec.jpeg_toy import SUBSAMPLINGS, jpeg_picture

SIZES = [(1, 1), (8, 9), (17, 3), (256, 256), (257, 258), (300, 515), (515, 5)]


@pytest.fixture(scope="module")
def model(jpeg_zoo: Zoo) -> JpegModel:
    found = jpeg_zoo.lossless_of_jpegs()
    assert found is not None
    return found


def blocks_of(picture: Picture) -> JpegBlocks:
    assert picture.jpeg is not None
    blocks = read_blocks(picture.jpeg)
    assert blocks is not None
    return blocks


class Coded:
    """A picture, coded whole."""

    def __init__(self, model: JpegModel, picture: Picture) -> None:
        self.picture = picture
        self.blocks = blocks_of(picture)
        self.grid = Grid(picture.width, picture.height)
        self.numbers = list(range(self.grid.rows * self.grid.columns))
        self.jpeg = JpegSteps(self.blocks.sampling, self.blocks.steps)
        self.coder = JpegCoder(model, self.grid, self.jpeg)
        streams = self.coder.encode(self.blocks, self.picture.pixels, self.numbers)
        self.streams = [(stream.data, stream.raw) for stream in streams]

    def decoded(self, changes: dict[int, bytes] | None = None) -> list[bool]:
        """Which patches come back, all others being None."""
        streams = [
            ((changes or {}).get(n, data), raw) for n, (data, raw) in enumerate(self.streams)
        ]
        found = self.coder.decode(streams, self.numbers)
        for number, samples in enumerate(found):
            if samples is not None:
                truth = self.picture.pixels[self.grid.patch(number).slices]
                assert samples.dtype == np.uint8
                assert np.array_equal(samples, truth)
        return [samples is not None for samples in found]


@pytest.mark.parametrize("kind", SUBSAMPLINGS)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_patches_come_back(model: JpegModel, kind: str, height: int, width: int) -> None:
    coded = Coded(model, jpeg_picture(height, width, kind))
    assert all(coded.decoded())


@pytest.mark.parametrize("kind", SUBSAMPLINGS)
def test_patches_of_pixels_enough_are_coded(model: JpegModel, kind: str) -> None:
    coded = Coded(model, jpeg_picture(320, 520, kind))
    assert [raw for _, raw in coded.streams] == [False] * 6  # the last has 64x8 pixels
    coded = Coded(model, jpeg_picture(257, 513, kind))
    assert coded.streams[-1][1]  # one pixel
    assert not coded.streams[0][1]


@pytest.mark.parametrize("quality", [1, 30, 100])
def test_any_quality(model: JpegModel, quality: int) -> None:
    coded = Coded(model, jpeg_picture(200, 260, "4:2:0", quality=quality))
    assert all(coded.decoded())


@pytest.mark.parametrize("kind", SUBSAMPLINGS)
def test_a_patch_does_not_hang_on_its_batch(model: JpegModel, kind: str) -> None:
    coded = Coded(model, jpeg_picture(300, 515, kind))
    for number in (0, 4):
        (alone,) = coded.coder.encode(coded.blocks, coded.picture.pixels, [number])
        assert (alone.data, alone.raw) == coded.streams[number]
        (samples,) = coded.coder.decode([coded.streams[number]], [number])
        assert samples is not None
    assert coded.coder.decode([], []) == []


def test_damage_stays_in_its_patch(model: JpegModel) -> None:
    coded = Coded(model, jpeg_picture(300, 515, "4:2:0"))
    data = coded.streams[1][0]
    rng = np.random.default_rng(5)
    broken = [data[:-1], data[: len(data) // 2], b"", data + b"\1\2\3\4", b"\xff" * len(data)]
    for _ in range(10):
        flipped = bytearray(data)
        flipped[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        broken.append(bytes(flipped))
    broken += [rng.bytes(size) for size in (4, 100, 5000)]
    for bad in broken:
        expected = [number != 1 for number in coded.numbers]
        assert coded.decoded({1: bad}) == expected, bad[:20]


def test_damage_of_a_raw_patch_is_found(model: JpegModel) -> None:
    coded = Coded(model, jpeg_picture(1, 1, "4:2:0"))
    ((data, raw),) = coded.streams
    assert raw
    assert coded.decoded({0: bytes([data[0] ^ 1]) + data[1:]}) == [False]


def test_other_steps_are_damage(model: JpegModel) -> None:
    coded = Coded(model, jpeg_picture(256, 256, "4:2:2"))
    luma, blue, red = (steps.copy() for steps in coded.blocks.steps)
    luma[0] += 1
    coded.coder = JpegCoder(model, coded.grid, JpegSteps((2, 1), (luma, blue, red)))
    assert coded.decoded() == [False]


def test_a_network_that_fails_is_no_damage(
    model: JpegModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    coded = Coded(model, jpeg_picture(256, 256, "grey"))

    def fail(**arrays: object) -> None:
        raise ModelUnavailable("A network failed")

    monkeypatch.setattr(model.level.steps[1], "run", fail)
    with pytest.raises(ModelUnavailable):
        coded.decoded()


# -- cells -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", [(1, 1), (2, 1), (2, 2)])
def test_channels_are_numbered_as_the_document_says(sampling: tuple[int, int]) -> None:
    across, down = sampling
    rng = np.random.default_rng(1)
    luma = rng.integers(-99, 99, (32, 32, 64)).astype(np.int32)
    chroma = rng.integers(-99, 99, (2, 32 // down, 32 // across, 64)).astype(np.int32)
    cells = to_cells(PatchBlocks(luma, chroma, np.zeros((2, 0), np.int32)), sampling)
    seen = np.zeros(768, bool)
    for component, blocks in enumerate([luma, *chroma]):
        rows, columns = blocks.shape[0] // 16, blocks.shape[1] // 16
        for i, j in np.ndindex(rows, columns):
            for frequency in (0, 9, 63):
                channel = 256 * component + 64 * (2 * i + j) + frequency
                assert np.array_equal(cells[..., channel], blocks[i::rows, j::columns, frequency])
            seen[channel - 63 : channel + 1] = True
    assert not cells[..., ~seen].any()
    back = from_cells(cells, sampling, 3)
    assert np.array_equal(back.luma, luma)
    assert np.array_equal(back.chroma, chroma)


def test_cells_of_a_grey_patch() -> None:
    blocks = blocks_of(jpeg_picture(40, 50, "grey"))
    patch = cut(blocks, Grid(50, 40), 0)
    cells = to_cells(patch, (1, 1))
    assert not cells[..., 256:].any()
    back = from_cells(cells, (1, 1), 1)
    assert np.array_equal(back.luma, patch.luma)
    assert len(back.chroma) == 0


# -- blocks outside the picture --------------------------------------------------------------------


@pytest.mark.parametrize("sampling", [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize(
    ("size", "number"),
    [((600, 600), 0), ((600, 600), 8), ((8, 8), 0), ((9, 8), 0), ((16, 17), 0), ((257, 513), 2)],
)
def test_which_blocks_are_coded(
    sampling: tuple[int, int], size: tuple[int, int], number: int
) -> None:
    grid = Grid(size[1], size[0])
    patch = grid.patch(number)
    found = coded_cells(grid, number, sampling)
    for component in range(3):
        across, down = sampling if component else (1, 1)
        for row, column in np.ndindex(32 // down, 32 // across):
            cell, i = divmod(row, 2 // down)
            other, j = divmod(column, 2 // across)
            expected = (
                patch.top + 8 * down * row < size[0] and patch.left + 8 * across * column < size[1]
            )
            first = 256 * component + 64 * (2 * i + j)
            assert (found[cell, other, first : first + 64] == expected).all()


@pytest.mark.parametrize("kind", SUBSAMPLINGS)
@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (24, 40), (257, 281), (300, 265), (270, 515)]
)
def test_pixels_hang_on_coded_blocks_alone(kind: str, height: int, width: int) -> None:
    picture = jpeg_picture(height, width, kind)
    blocks = blocks_of(picture)
    grid = Grid(width, height)
    rng = np.random.default_rng(3)
    for number in range(grid.rows * grid.columns):
        patch = cut(blocks, grid, number)
        cells = to_cells(patch, blocks.sampling)
        coded = coded_cells(grid, number, blocks.sampling)
        other = np.where(coded, cells, rng.integers(-99, 99, cells.shape)).astype(np.int32)
        spoiled = from_cells(other, blocks.sampling, len(blocks.steps))
        spoiled = PatchBlocks(spoiled.luma, spoiled.chroma, patch.ring)
        pixels = patch_pixels(spoiled, blocks.steps, blocks.sampling, grid, number)
        assert np.array_equal(pixels, picture.pixels[grid.patch(number).slices])
    assert not coded[..., :256].all()


def test_blocks_outside_cost_nothing(model: JpegModel) -> None:
    """Whatever the file has there, the stream is the same."""
    coded = Coded(model, jpeg_picture(264, 264, "4:2:0"))
    assert not coded.streams[0][1]
    rng = np.random.default_rng(3)
    wild = [component.copy() for component in coded.blocks.coefficients]
    assert wild[0].shape == (34, 34, 64)
    wild[0][33:] = rng.integers(-999, 999, wild[0][33:].shape)
    wild[0][:, 33:] = rng.integers(-999, 999, wild[0][:, 33:].shape)
    blocks = replace(coded.blocks, coefficients=tuple(wild))
    streams = coded.coder.encode(blocks, coded.picture.pixels, coded.numbers)
    assert [(stream.data, stream.raw) for stream in streams] == coded.streams
    wild[0][32, 32, 0] += 9
    streams = coded.coder.encode(blocks, coded.picture.pixels, coded.numbers)
    assert [(stream.data, stream.raw) for stream in streams[:3]] == coded.streams[:3]
    assert streams[3].data != coded.streams[3][0]


def test_a_patch_at_the_border_costs_what_it_shows(
    model: JpegModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.codec.jpeg_coder.RAW_CHECK_BYTES", 2**20)  # none raw
    coded = Coded(model, jpeg_picture(256, 272, "4:4:4", quality=95))
    assert [raw for _, raw in coded.streams] == [False, False]
    assert all(coded.decoded())
    whole, strip = (len(data) for data, _ in coded.streams)
    assert strip < 0.07 * whole  # a sixteenth of it
