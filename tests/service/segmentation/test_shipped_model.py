"""The model that ships, on the two bundled photographs, whose blades were drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions
from service.codec.patch_mask import blade_patches
from service.runtime.zoo import Zoo
from service.segmentation.for_compression import find_mask
from service.segmentation.pipeline import STEPS, Segmenter
from tests.conftest import Photograph


@pytest.fixture(scope="module")
def segmenter(zoo: Zoo) -> Segmenter:
    return Segmenter(zoo.segmentation())


@pytest.fixture(scope="module", params=["blade-tip", "blade-root"])
def photograph(request: pytest.FixtureRequest, photographs: dict[str, Photograph]) -> Photograph:
    return photographs[request.param]


def overlap(found: np.ndarray, blade: np.ndarray) -> float:
    return float((found & blade).sum() / (found | blade).sum())


def test_it_finds_the_blade(segmenter: Segmenter, photograph: Photograph) -> None:
    (found,) = segmenter.segment([photograph.picture.pixels])
    assert overlap(found.mask, photograph.blade) > 0.85
    assert found.blade_share == pytest.approx(photograph.blade.mean(), abs=0.08)
    assert found.warnings == ()


def test_filling_holes_does_no_harm(segmenter: Segmenter, photograph: Photograph) -> None:
    (found,) = segmenter.segment([photograph.picture.pixels], flips=4)
    shares = [overlap(found.at_picture_size(step), photograph.blade) for step in STEPS]
    assert shares[1] >= shares[0] - 0.002


def test_no_patch_of_the_blade_is_lost(segmenter: Segmenter, photograph: Photograph) -> None:
    found = find_mask(segmenter, photograph.picture.pixels)
    assert found.report["mask"] == "found"
    kept = blade_patches(np.asarray(found.mask), CompressOptions().dilation)
    assert kept[blade_patches(photograph.blade, 0)].all()


def test_a_compression_without_a_mask_keeps_every_pixel_of_the_blade_and_not_all_else(
    segmenter: Segmenter, encoder: Encoder, decoder: Decoder, photograph: Photograph
) -> None:
    found = find_mask(segmenter, photograph.picture.pixels)
    options = CompressOptions(mode="roi-only", verify=False)
    shown = decoder.decompress(encoder.compress(photograph.picture, found.mask, options).data)
    kept = (shown.pixels == photograph.picture.pixels).all(axis=2)
    assert kept[photograph.blade].all()
    assert not kept.all()


def test_plain_sky_is_no_blade(segmenter: Segmenter) -> None:
    sky = np.full((300, 450, 3), (150, 180, 220), np.uint8)
    assert find_mask(segmenter, sky).blade_share == pytest.approx(0, abs=0.03)
