import numpy as np
import pytest
from PIL import Image

from models.training.pictures import Crops, open_cache


def numbered(height, width):
    """Every pixel says where it stands, and in which of its channels."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(height)[:, None] % 256
    pixels[..., 1] = np.arange(width)[None] % 256
    pixels[..., 2] = np.arange(height)[:, None] // 256 * 16 + np.arange(width)[None] // 256
    return pixels


@pytest.fixture
def one(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    Image.fromarray(numbered(530, 600)).save(folder / "picture.png")
    return folder


def test_the_cache_holds_the_pixels(pictures, tmp_path):
    cache = open_cache(pictures, tmp_path)
    names = [entry.name for entry in cache.entries]
    assert names == ["a.png", "b.png", "d.png", "deep/c.png", "deep/small.png", "e.png"]
    for entry in cache.entries:
        with Image.open(pictures / entry.name) as image:
            assert np.array_equal(cache[entry], np.asarray(image))


def test_pictures_are_decoded_once_and_again_when_the_folder_changes(one, tmp_path):
    cache = tmp_path / "cache"
    open_cache(one, cache)
    written = (cache / "pictures.u8").stat().st_mtime_ns
    open_cache(one, cache)
    assert (cache / "pictures.u8").stat().st_mtime_ns == written
    Image.fromarray(numbered(300, 300)).save(one / "second.png")
    assert len(open_cache(one, cache).entries) == 2


def test_a_half_written_cache_is_not_trusted(one, tmp_path):
    cache = tmp_path / "cache"
    open_cache(one, cache)
    (cache / "pictures.json").unlink()
    (cache / "pictures.u8").write_bytes(b"half")
    again = open_cache(one, cache)
    assert np.array_equal(again[again.entries[0]], numbered(530, 600))


def test_unreadable_files_are_named(pictures, tmp_path, caplog):
    open_cache(pictures, tmp_path)
    assert "readme.txt left out" in caplog.text


def test_no_picture_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no picture"):
        open_cache(tmp_path / "empty", tmp_path / "cache")


def test_small_pictures_are_skipped_with_a_note(pictures, tmp_path, caplog):
    crops = Crops(open_cache(pictures, tmp_path), (256, 256), 0.0)
    assert "deep/small.png" not in [entry.name for entry in crops.training]
    assert len(crops.training) == 5
    assert "1 pictures smaller than 256 pixels skipped" in caplog.text


def test_crops_are_pieces_of_the_picture_in_all_eight_positions(one, tmp_path):
    whole = numbered(530, 600).astype(int)
    crops = Crops(open_cache(one, tmp_path / "cache"), (256, 512), 0.0)
    seen = set()
    rng = np.random.default_rng(0)
    for crop in crops.draw(64, rng).astype(int):
        assert crop.shape == (256, 512, 3)
        rows = crop[..., 0] + crop[..., 2] // 16 * 256
        columns = crop[..., 1] + crop[..., 2] % 16 * 256
        assert np.array_equal(whole[rows, columns], crop)
        down, right = (rows[1, 0] - rows[0, 0], rows[0, 1] - rows[0, 0])
        down_c, right_c = (columns[1, 0] - columns[0, 0], columns[0, 1] - columns[0, 0])
        assert (np.diff(rows, axis=0) == down).all()
        assert (np.diff(columns, axis=1) == right_c).all()
        seen.add((down, right, down_c, right_c))
    assert len(seen) == 8


def test_crops_begin_on_the_grid_however_they_are_turned(one, tmp_path):
    crops = Crops(open_cache(one, tmp_path / "cache"), (128, 256), 0.0, grid=16)
    starts = set()
    for crop in crops.draw(64, np.random.default_rng(1)).astype(int):
        rows = crop[..., 0] + crop[..., 2] // 16 * 256
        columns = crop[..., 1] + crop[..., 2] % 16 * 256
        starts.add((rows.min(), columns.min()))
    assert all(row % 16 == 0 and column % 16 == 0 for row, column in starts)
    # 530 pixels hold 128 at 26 starts and 256 at 18; 600 hold 256 at 22 and 128 at 30.
    assert len({row for row, _ in starts}) > 15
    assert len({column for _, column in starts}) > 15


def test_validation_pictures_are_never_drawn(pictures, tmp_path):
    cache = open_cache(pictures, tmp_path)
    crops = Crops(cache, (256, 256), 0.5)
    kept, drawn = ({e.name for e in part} for part in (crops.validation, crops.training))
    assert kept
    assert drawn
    assert not kept & drawn
    smaller = Crops(cache, (256, 256), 0.2)
    assert {e.name for e in smaller.validation} <= kept
    batches = crops.validation_batches(2)
    assert sum(len(batch) for batch in batches) == len(kept)


def test_equal_seeds_draw_equal_crops(crops):
    first, second = (crops.draw(3, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
