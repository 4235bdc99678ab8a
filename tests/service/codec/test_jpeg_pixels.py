"""Patches of a JPEG: each gives, alone, the pixels that Pillow decodes."""

import io
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from service.codec.chroma_ring import ChromaPlace
from service.codec.grid import Grid
from service.codec.inverse_dct import samples_of_blocks
from service.codec.jpeg_pixels import PatchBlocks, cut, patch_pixels, ring_residuals, with_ring
from service.pictures.jpeg_blocks import read_blocks

SAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}


def scene(width, height, kind):
    """Waves with a little noise; noise alone; noise of 0 and 255 alone."""
    rng = np.random.default_rng(width * 1000 + height)
    if kind == "waves":
        row, column = np.mgrid[:height, :width]
        waves = np.stack([np.sin(row / (5 + k)) + np.cos(column / (9 - k)) for k in range(3)], -1)
        return np.clip(128 + 70 * waves + rng.normal(0, 6, waves.shape), 0, 255).astype(np.uint8)
    if kind == "noise":
        return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return (255 * rng.integers(0, 2, (height, width, 3))).astype(np.uint8)


def encoded(width, height, kind="waves", mode="RGB", **options):
    """A JPEG's blocks and its pixels, as Pillow decodes them."""
    data = io.BytesIO()
    Image.fromarray(scene(width, height, kind)).convert(mode).save(data, "JPEG", **options)
    blocks = read_blocks(data.getvalue())
    assert blocks is not None
    with Image.open(data) as image:
        return blocks, np.asarray(image), Grid(width, height)


def without_ring(patch):
    return replace(patch, ring=np.zeros((2, 0), np.int32))


def through_the_ring_coder(patch, blocks, grid, number):
    about = blocks.steps, blocks.sampling, grid, number
    coded = dict(enumerate(ring_residuals(patch, *about)))

    def read(number_of_pass, asked):
        assert number_of_pass == min(coded)
        symbols, contexts = coded.pop(number_of_pass)
        assert (symbols.dtype, contexts.dtype) == (np.int32, np.uint8)
        assert symbols.shape == contexts.shape
        assert np.array_equal(asked, contexts)
        while coded and not coded[min(coded)][0].size:
            coded.pop(min(coded))
        return symbols

    while coded and not coded[min(coded)][0].size:
        coded.pop(min(coded))
    received = with_ring(without_ring(patch), *about, read)
    assert not coded
    return received


def check_all_patches(blocks, pixels, grid):
    for number in range(grid.rows * grid.columns):
        patch = cut(blocks, grid, number)
        received = through_the_ring_coder(patch, blocks, grid, number)
        assert np.array_equal(received.ring, patch.ring)
        assert received.ring.dtype == patch.ring.dtype == np.int32
        found = patch_pixels(received, blocks.steps, blocks.sampling, grid, number)
        assert found.dtype == np.uint8
        assert np.array_equal(found, pixels[grid.patch(number).slices])


@pytest.mark.parametrize("subsampling", SAMPLINGS)
@pytest.mark.parametrize(
    "size",
    [(1, 1), (3, 5), (4, 300), (5, 2), (17, 33), (255, 256), (257, 255), (258, 514), (300, 1)],
)
def test_pixels_of_odd_sizes(subsampling, size):
    check_all_patches(*encoded(*size, quality=90, subsampling=subsampling))


@pytest.mark.parametrize("subsampling", SAMPLINGS)
@pytest.mark.parametrize("kind", ["waves", "noise", "extremes"])
@pytest.mark.parametrize("quality", [30, 75, 95, 100])
def test_pixels_of_all_qualities(subsampling, kind, quality):
    blocks, pixels, grid = encoded(283, 261, kind, quality=quality, subsampling=subsampling)
    assert blocks.sampling == SAMPLINGS[subsampling]
    check_all_patches(blocks, pixels, grid)


@pytest.mark.parametrize("quality", [40, 97])
def test_grey_pixels(quality):
    blocks, pixels, grid = encoded(270, 300, mode="L", quality=quality)
    patch = cut(blocks, grid, 0)
    assert patch.chroma.shape[0] == 0
    assert patch.ring.shape == (2, 0)
    assert patch_pixels(patch, blocks.steps, blocks.sampling, grid, 0).shape == (256, 256)
    check_all_patches(blocks, pixels, grid)


@pytest.mark.parametrize(
    ("subsampling", "chroma", "ring"),
    [("4:4:4", (32, 32), 0), ("4:2:2", (32, 16), 512), ("4:2:0", (16, 16), 516)],
)
def test_shapes(subsampling, chroma, ring):
    blocks, _, grid = encoded(300, 300, subsampling=subsampling)
    patch = cut(blocks, grid, 3)
    assert patch.luma.shape == (32, 32, 64)
    assert patch.chroma.shape == (2, *chroma, 64)
    assert patch.ring.shape == (2, ring)
    assert {array.dtype for array in (patch.luma, patch.chroma)} == {np.dtype(np.int32)}


def test_blocks_beyond_the_file_are_zero():
    blocks, _, grid = encoded(304, 32, "noise", quality=95)
    own = blocks.coefficients[0][:, 32:]
    assert own.shape == (4, 6, 64)
    patch = cut(blocks, grid, 1)
    assert np.array_equal(patch.luma, np.pad(own, ((0, 28), (0, 26), (0, 0))))
    for component, found in zip(blocks.coefficients[1:], patch.chroma, strict=True):
        rest = component[:, 16:]
        assert rest.shape == (2, 3, 64)
        assert np.array_equal(found, np.pad(rest, ((0, 14), (0, 13), (0, 0))))


@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0"])
def test_the_ring_counts_only_at_the_border(subsampling):
    blocks, pixels, grid = encoded(700, 700, quality=95, subsampling=subsampling)
    patch = cut(blocks, grid, 4)
    other = replace(patch, ring=255 - patch.ring)
    found = patch_pixels(other, blocks.steps, blocks.sampling, grid, 4)
    differs = (found != pixels[grid.patch(4).slices]).any(-1)
    assert not differs[1:-1, 1:-1].any()
    assert differs[1:-1, 0].mean() > 0.9
    assert differs[1:-1, -1].mean() > 0.9
    if subsampling == "4:2:0":
        assert differs[0].mean() > 0.9
        assert differs[-1].mean() > 0.9


@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0"])
@pytest.mark.parametrize("number", [1, 4, 8])
def test_what_is_coded_of_each_sample(subsampling, number):
    blocks, _, grid = encoded(700, 700, quality=95, subsampling=subsampling)
    patch = cut(blocks, grid, number)
    found = ring_residuals(patch, blocks.steps, blocks.sampling, grid, number)
    place = ChromaPlace(blocks.sampling, grid, number)
    last = [
        min(side, whole - first) - 1
        for side, whole, first in zip(place.size, place.picture_size, place.first, strict=True)
    ]
    residuals, contexts = np.zeros(patch.ring.shape, int), np.zeros(patch.ring.shape, int)
    for component in (0, 1):
        plane = samples_of_blocks(patch.chroma[component], blocks.steps[1 + component]).astype(int)
        for at, (sample, *position) in enumerate(
            zip(patch.ring[component], *place.ring, strict=True)
        ):
            near = [min(max(at, 0), end) for at, end in zip(position, last, strict=True)]
            inner = [one + (one > at) - (one < at) for one, at in zip(near, position, strict=True)]
            residuals[component, at] = sample - plane[*near]
            contexts[component, at] = min(abs(plane[*near] - plane[*inner]), 15)
    first, *others = zip(found, place.passes, strict=True)
    (symbols, chosen), one = first
    assert symbols.tolist() == residuals[:, one.samples].reshape(-1).tolist()
    assert chosen.tolist() == contexts[:, one.samples].reshape(-1).tolist()
    for (symbols, chosen), one in others:
        assert symbols.size == 2 * one.samples.size
        expected, expected_contexts = [], []
        for component in (0, 1):
            for at, *sides in zip(one.samples, one.before, one.after, strict=True):
                a, b = (residuals[component, side] for side in sides)
                expected.append(residuals[component, at] - (a + b) // 2)
                expected_contexts.append(min(abs(a - b), 15))
        assert symbols.tolist() == expected
        assert chosen.tolist() == expected_contexts


@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0"])
def test_symbols_and_contexts_of_smooth_chroma_are_small(subsampling):
    blocks, _, grid = encoded(700, 700, quality=95, subsampling=subsampling)
    patch = cut(blocks, grid, 4)
    coded = ring_residuals(patch, blocks.steps, blocks.sampling, grid, 4)
    assert sum(symbols.size for symbols, _ in coded) == patch.ring.size
    sizes = [np.abs(symbols).mean() for symbols, _ in coded]
    assert sizes[0] < 0.2 * np.abs(patch.ring - 128).mean()
    assert max(sizes[1:]) < sizes[0]
    assert max(contexts.max() for _, contexts in coded) <= 15
    symbols, contexts = coded[0]  # noise alone is left to the others
    assert np.abs(symbols[contexts > 9]).mean() > np.abs(symbols[contexts < 2]).mean()


def test_nothing_is_read_where_nothing_is_coded():
    blocks, _, grid = encoded(100, 60, subsampling="4:2:0")
    patch = cut(blocks, grid, 0)

    def read(number_of_pass, contexts):
        raise AssertionError

    received = with_ring(without_ring(patch), blocks.steps, blocks.sampling, grid, 0, read)
    assert np.array_equal(received.ring, patch.ring)


def test_a_patch_of_one_column_has_contexts():
    blocks, _, grid = encoded(257, 257, subsampling="4:2:0")  # patch 3 is one chroma sample
    patch = cut(blocks, grid, 3)
    coded = ring_residuals(patch, blocks.steps, blocks.sampling, grid, 3)
    # The corner and the sample at the left, nothing, the sample above; each twice.
    assert [symbols.size for symbols, _ in coded] == [4, 0, 2]
    assert not any(contexts.any() for _, contexts in coded)
    above, corner = patch.ring[:, 1], patch.ring[:, 0]
    assert coded[2][0].tolist() == (above - corner).tolist()  # one neighbour says it all


def test_a_sample_with_no_neighbours_has_a_context_all_the_same():
    blocks, _, grid = encoded(2, 300, "noise", quality=95, subsampling="4:2:0")
    patch = cut(blocks, grid, 1)
    coded = ring_residuals(patch, blocks.steps, blocks.sampling, grid, 1)
    symbols, contexts = coded[2]
    planes = [
        samples_of_blocks(component, steps).astype(int)
        for component, steps in zip(patch.chroma, blocks.steps[1:], strict=True)
    ]
    assert symbols.tolist() == [patch.ring[k, 1] - planes[k][0, 0] for k in (0, 1)]
    assert contexts.tolist() == [min(abs(p[0, 0] - p[1, 0]), 15) for p in planes]
    assert contexts.any()


@pytest.mark.parametrize("sampling", [None, *SAMPLINGS.values()])
def test_damaged_patches_give_pixels_and_no_warnings(sampling):
    rng = np.random.default_rng(8)
    grid = Grid(600, 300)
    across, down = sampling or (1, 1)
    components = 0 if sampling is None else 2

    def wild(*shape):
        return rng.integers(-32768, 32768, shape).astype(np.int32)

    patch = PatchBlocks(
        wild(32, 32, 64), wild(components, 32 // down, 32 // across, 64), np.zeros((2, 0), np.int32)
    )
    about = (np.full(64, 255, np.uint8),) * (1 + components), sampling or (1, 1), grid, 1

    def read(number_of_pass, contexts):
        return rng.integers(-(2**31), 2**31, contexts.size).astype(np.int32)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        patch = with_ring(patch, *about, read)
        pixels = patch_pixels(patch, *about)
    assert pixels.shape[:2] == (256, 256)
    assert pixels.dtype == np.uint8
    assert not patch.ring.size or (patch.ring.min() >= 0 and patch.ring.max() <= 255)
