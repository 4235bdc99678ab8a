import logging
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from models.training import pairs as module
from models.training.pairs import BLADE, LEVELS, TURBINE, open_pairs


def test_a_cache_holds_what_the_folder_holds(sets, tmp_path):
    cache = open_pairs(sets, tmp_path / "cache")
    by_name = {pair.name: pair for pair in cache.pairs}
    assert set(by_name) == {
        "turbines/0",
        "turbines/1",
        "places/0",
        "places/1",
        "validation/turbines/9",
    }
    pair = by_name["turbines/0"]
    array = cache[pair][0]
    assert array.shape == (pair.height, pair.width, 5)
    image = np.asarray(Image.open(sets / "turbines/images/0.png"))
    mask = np.asarray(Image.open(sets / "turbines/masks/0.png")) > 127
    whole = np.asarray(Image.open(sets / "turbines/masks_whole/0.png")) > 127
    assert np.array_equal(array[..., :3], image)
    assert np.array_equal(array[..., BLADE], mask * 255)
    assert np.array_equal(array[..., TURBINE], whole * 255)
    assert pair.blade == pytest.approx(mask.mean())
    assert pair.whole
    bare = by_name["places/0"]
    assert (bare.blade, bare.whole) == (0, False)
    assert not cache[bare][0][..., 3:].any()


def test_levels_are_means_of_the_level_before(sets, tmp_path):
    cache = open_pairs(sets, tmp_path / "cache")
    for pair in cache.pairs:
        levels = cache[pair]
        assert len(levels) == LEVELS
        for fine, coarse in pairwise(levels):
            height, width = (side // 2 for side in fine.shape[:2])
            cells = fine[: 2 * height, : 2 * width].astype(float)
            means = cells.reshape(height, 2, width, 2, 5).mean((1, 3))
            assert np.abs(coarse[:height, :width] - means).max() <= 0.5


def test_sets_and_what_is_held_back_are_told_by_folder(sets, tmp_path):
    pairs = {pair.name: pair for pair in open_pairs(sets, tmp_path / "cache").pairs}
    assert pairs["turbines/0"].set_name == "turbines"
    assert not pairs["turbines/0"].held_back
    assert pairs["validation/turbines/9"].set_name == "turbines"
    assert pairs["validation/turbines/9"].held_back


def test_it_is_decoded_again_when_the_folder_changes(sets, tmp_path, monkeypatch):
    open_pairs(sets, tmp_path / "cache")
    monkeypatch.setattr(module, "_decode", None)
    assert len(open_pairs(sets, tmp_path / "cache").pairs) == 5
    monkeypatch.undo()
    Image.new("RGB", (200, 100)).save(sets / "places/images/2.png")
    assert len(open_pairs(sets, tmp_path / "cache").pairs) == 6


def test_what_does_not_fit_is_left_out_with_a_note(sets, tmp_path, caplog):
    (sets / "turbines/images/broken.png").write_bytes(b"no picture")
    Image.new("RGB", (40, 30)).save(sets / "turbines/images/unmasked.png")
    Image.new("RGB", (40, 30)).save(sets / "turbines/images/other.png")
    Image.new("L", (30, 40)).save(sets / "turbines/masks/other.png")
    with caplog.at_level(logging.WARNING):
        cache = open_pairs(sets, tmp_path / "cache")
    assert len(cache.pairs) == 5
    for name in ("broken", "unmasked", "other"):
        assert f"turbines/{name} left out" in caplog.text


def test_large_pictures_are_averaged_down(sets, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_SIDE", 100)
    cache = open_pairs(sets, tmp_path / "cache")
    for pair in cache.pairs:
        assert max(pair.height, pair.width) <= 100
    full = np.asarray(Image.open(sets / "turbines/masks/0.png")) > 127
    small = next(pair for pair in cache.pairs if pair.name == "turbines/0")
    assert small.blade == pytest.approx(full.mean(), rel=0.1)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no set of pictures"):
        open_pairs(tmp_path, tmp_path / "cache")
