import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.cli.bench_exact import compare_exact, measure_exact
from service.cli.exact_peers import ExactPeer, exact_peers, measure, rectangles
from service.pictures import Metadata, Picture
from service.runtime.zoo import Zoo
from service.settings import Settings


def picture_of(pixels: np.ndarray) -> Picture:
    return Picture(pixels, Metadata(None, None, None), "PPM", pixels.size, ())


@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_rectangles_cover_every_patch_once(mask: np.ndarray) -> None:
    covered = np.zeros(mask.shape, int)
    for rows, columns in rectangles(mask):
        covered[
            rows.start // 256 : rows.stop // 256, columns.start // 256 : columns.stop // 256
        ] += 1
    assert np.array_equal(covered, mask.astype(int))


def test_a_picture_that_is_all_blade_is_one_rectangle() -> None:
    assert list(rectangles(np.ones((3, 4), bool))) == [(slice(0, 768), slice(0, 1024))]


def test_peers_are_lossless_and_count_blade_pixels() -> None:
    rng = np.random.default_rng(0)
    for shape in ((300, 290, 3), (300, 290)):
        pixels = rng.integers(90, 99, shape, dtype=np.uint8)
        for mask in (np.array([[True, False], [False, True]]), np.ones((2, 2), bool)):
            count = 256 * 256 + 44 * 34 if not mask.all() else 300 * 290
            for peer in exact_peers():
                row = measure(peer, pixels, mask)
                assert row["bpp"] == 8 * row["bytes"] / count
                assert 0 < row["bytes"] < pixels.size


def test_a_codec_that_loses_something_is_no_peer() -> None:
    def lossy(image) -> bytes:  # type: ignore[no-untyped-def]
        import io

        buffer = io.BytesIO()
        image.save(buffer, "JPEG")
        return buffer.getvalue()

    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="does not give back"):
        measure(ExactPeer("jpeg", lossy), noise, np.ones((1, 1), bool))


def test_the_shipped_model_beside_its_peers(zoo: Zoo) -> None:
    rows, columns = np.mgrid[0:60, 0:300]
    pixels = np.stack([rows, columns // 2, rows + columns // 3], -1).astype(np.uint8)
    blade = np.zeros((60, 300), bool)
    blade[30, 280] = True
    picture = picture_of(pixels)
    row = measure_exact(picture, blade, zoo, Settings())
    assert row is not None
    assert (row["blade_pixels"], row["patches"]) == (60 * 44, [[False, True]])
    assert row["bpp"] == 8 * row["bytes"] / (60 * 44)
    peers = compare_exact(picture, row)
    assert {"png", "webp lossless", "jpeg2000 reversible"} <= set(peers)
    json.dumps([row, peers])
    assert measure_exact(picture, np.zeros((60, 300), bool), zoo, Settings()) is None


def test_bench_prints_both_tables(bladestream, photo: Path, tmp_path: Path) -> None:
    from PIL import Image

    mask = np.zeros((16, 24), np.uint8)
    mask[4:9, 4:9] = 255
    Image.fromarray(mask).save(photo.with_suffix(".mask.png"))
    run = bladestream("bench", photo, "--masks")
    assert run.status == 0
    for word in ("avif", "blade pixels bit for bit", "webp lossless", "bladestream pyramid"):
        assert word in run.out
    mask[:] = 0
    Image.fromarray(mask).save(photo.with_suffix(".mask.png"))
    report = json.loads(bladestream("bench", photo, "--masks", "--json").out)
    assert report["pictures"][0]["lossless"] is None
