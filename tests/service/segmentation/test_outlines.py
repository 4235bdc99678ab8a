"""Polygons and run lengths say what the mask says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from service.segmentation.framing import certainty, to_picture_size
from service.segmentation.outlines import polygons, run_lengths
from service.segmentation.overlay import overlay


def levels_of(mask: np.ndarray) -> np.ndarray:
    return certainty(mask, mask.astype(np.float32), 0.5)


def painted(shapes: list, size: tuple[int, int]) -> np.ndarray:
    """Paint polygons as anyone would who gets them, holes last."""
    image = Image.new("1", size[::-1])
    for outer, *holes in shapes:
        ImageDraw.Draw(image).polygon([(x - 0.5, y - 0.5) for x, y in outer], fill=1)
        for hole in holes:
            ImageDraw.Draw(image).polygon([(x - 0.5, y - 0.5) for x, y in hole], fill=0)
    return np.asarray(image)


def blobs(seed: int) -> np.ndarray:
    """Smooth shapes, some with holes, some at the border."""
    noise = np.random.default_rng(seed).normal(size=(512, 768))
    return ndimage.gaussian_filter(noise, 25) > 0.005


def expanded(runs: dict) -> np.ndarray:
    """Read run lengths as COCO does."""
    kinds = np.arange(len(runs["counts"])) % 2 == 1
    height, width = runs["size"]
    return np.repeat(kinds, runs["counts"]).reshape(width, height).T


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [(512, 768), (1500, 2400)])
def test_polygons_painted_are_the_mask(seed: int, size: tuple[int, int]) -> None:
    mask = blobs(seed)
    shapes = polygons(levels_of(mask), size)
    expected = to_picture_size(levels_of(mask), size)
    assert len(shapes) == ndimage.label(mask)[1]
    assert any(len(rings) > 1 for rings in shapes) == bool(
        (ndimage.binary_fill_holes(mask) & ~mask).any()
    )
    wrong = painted(shapes, size) != expected
    border = ndimage.binary_dilation(expected) & ~ndimage.binary_erosion(expected)
    assert wrong.mean() < 0.01
    reach = int(np.ceil(2 * size[0] / 512))
    assert not (wrong & ~ndimage.binary_dilation(border, iterations=reach)).any()


def test_straight_edges_take_few_points() -> None:
    mask = np.zeros((512, 768), bool)
    mask[100:400] = True
    ((ring,),) = polygons(levels_of(mask), (1024, 1536))
    assert len(ring) <= 8
    assert {x for x, _ in ring} >= {0.0, 1536.0}
    assert min(y for _, y in ring) == pytest.approx(200, abs=1)


def test_everything_and_nothing() -> None:
    nothing, everything = np.zeros((512, 768), bool), np.ones((512, 768), bool)
    assert polygons(levels_of(nothing), (30, 40)) == []
    ((ring,),) = polygons(levels_of(everything), (30, 40))
    assert {tuple(point) for point in ring} >= {(0.0, 0.0), (40.0, 0.0), (40.0, 30.0), (0.0, 30.0)}
    assert run_lengths(np.zeros((3, 4), bool)) == {"size": [3, 4], "counts": [12]}
    assert run_lengths(np.ones((3, 4), bool)) == {"size": [3, 4], "counts": [0, 12]}


def test_a_ring_is_not_closed_twice() -> None:
    mask = np.zeros((512, 768), bool)
    mask[100:200, 300:400] = True
    ((ring,),) = polygons(levels_of(mask), (512, 768))
    assert ring[0] != ring[-1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (40, 61)])
@pytest.mark.parametrize("seed", range(4))
def test_run_lengths_come_back(shape: tuple[int, int], seed: int) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.5
    runs = json.loads(json.dumps(run_lengths(mask)))
    np.testing.assert_array_equal(expanded(runs), mask)
    assert all(runs["counts"][1:])


@pytest.mark.parametrize("shape", [(300, 400, 3), (300, 400)])
def test_an_overlay_leaves_the_background_alone(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = pixels.copy()
    mask = np.zeros((300, 400), bool)
    mask[100:200, 150:300] = True
    shown = overlay(pixels, mask)
    np.testing.assert_array_equal(pixels, before)
    colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    np.testing.assert_array_equal(shown[~mask], colour[~mask])
    assert (shown[mask] != colour[mask]).any(axis=1).mean() > 0.95
    inner = shown[150, 200].astype(int) - colour[150, 200] * 0.75
    np.testing.assert_allclose(inner, (0, 255 / 4, 160 / 4), atol=1)
    np.testing.assert_array_equal(shown[100, 150:300], np.tile((255, 0, 144), (150, 1)))
