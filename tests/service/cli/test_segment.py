"""``bladestream segment``, with a network that takes what is bright for blade."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZES = [(60, 90), (90, 60), (50, 50), (61, 200), (33, 47), (80, 31)]


def picture(seed: int, size: tuple[int, int]) -> np.ndarray:
    """A bright bar down the middle of a dark ground."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 60, (*size, 3), dtype=np.uint8)
    third = -(-size[1] // 3)
    pixels[:, third : 2 * third] += 180
    return pixels


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = []
    for number, size in enumerate(SIZES):
        path = tmp_path / f"photo-{number}.png"
        Image.fromarray(picture(number, size)).save(path)
        paths.append(path)
    return paths


def mask_of(out: Path, name: str) -> np.ndarray:
    with Image.open(out / f"{name}.mask.png") as image:
        assert image.mode == "L"
        return np.asarray(image)


def test_each_photograph_gets_a_mask_of_its_size(
    bladestream, finds_bright, photos: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "made" / "masks"
    run = bladestream("segment", *photos, "--out", out)
    assert (run.status, run.err) == (0, "")
    assert len(run.out.splitlines()) == len(photos)
    assert len(list(out.iterdir())) == len(photos)
    for path, size in zip(photos, SIZES, strict=True):
        mask = mask_of(out, path.stem)
        assert mask.shape == size
        assert set(np.unique(mask)) <= {0, 255}
        expected = picture(0, size).mean(2) > 120
        assert ((mask == 255) != expected).mean() < 0.06


def test_pictures_of_one_surface_share_a_forest(
    bladestream, finds_bright, photos: list[Path], tmp_path: Path
) -> None:
    run = bladestream("segment", *photos, "--out", tmp_path, "--surface", "B", "--json")
    assert run.status == 0
    report = json.loads(run.out)
    assert report["surface"] == "B"
    assert [entry["name"] for entry in report["pictures"]] == [str(path) for path in photos]
    assert all(entry["forest_used"] for entry in report["pictures"])
    alone = json.loads(bladestream("segment", *photos, "--out", tmp_path, "--json").out)
    assert not any(entry["forest_used"] for entry in alone["pictures"])


def test_the_report_of_one(bladestream, finds_bright, photos: list[Path], tmp_path: Path) -> None:
    report = json.loads(bladestream("segment", photos[0], "--out", tmp_path, "--json").out)
    (entry,) = report["pictures"]
    assert entry["mask"] == str(tmp_path / "photo-0.mask.png")
    assert (entry["width"], entry["height"]) == (90, 60)
    assert entry["blade_share"] == pytest.approx(1 / 3, abs=0.03)
    assert (entry["steps"], entry["forest_used"]) == (["network", "holes"], False)
    seconds = entry["seconds"]
    assert seconds.pop("total") == pytest.approx(sum(seconds.values()))


def test_the_network_looks_at_as_many_flips_as_asked(
    bladestream, finds_bright, photos: list[Path], tmp_path: Path
) -> None:
    assert bladestream("segment", photos[0], "--out", tmp_path, "--flips", "4").status == 0
    assert len(finds_bright.seen) == 4


@pytest.mark.parametrize("surface", [[], ["--surface", "B"]])
def test_a_bad_picture_does_not_keep_the_others(
    bladestream, finds_bright, photos: list[Path], tmp_path: Path, surface: list[str]
) -> None:
    photos[1].write_bytes(photos[1].read_bytes()[:200])
    photos[3].unlink()
    out = tmp_path / "out"
    run = bladestream("segment", *photos, "--out", out, "--json", *surface)
    assert run.status == 1
    assert run.err.count("\n") == 2
    assert "photo-1.png: " in run.err
    assert "(bad-picture)" in run.err
    assert "(file-error)" in run.err
    entries = json.loads(run.out)["pictures"]
    assert [n for n, entry in enumerate(entries) if "problem" in entry] == [1, 3]
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"photo-{n}.mask.png" for n in (0, 2, 4, 5)]


def test_doubt_is_warned_of(bladestream, finds_bright, tmp_path: Path) -> None:
    photo = tmp_path / "night.png"
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(photo)
    run = bladestream("segment", photo, "--out", tmp_path)
    assert run.status == 0
    assert "warning:" in run.err
    assert "No blade was found" in run.err
    assert not mask_of(tmp_path, "night").any()


def test_without_a_model_it_is_status_1(bladestream, codec, photos, tmp_path: Path) -> None:
    run = bladestream("segment", photos[0], "--out", tmp_path / "out")
    assert run.status == 1
    assert "it has no network (model-unavailable)" in run.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flips", ["0", "3", "two"])
def test_other_numbers_of_flips_are_status_2(
    bladestream, finds_bright, photos, tmp_path: Path, flips: str
) -> None:
    assert bladestream("segment", photos[0], "--out", tmp_path, "--flips", flips).status == 2


def test_two_masks_of_one_name_are_status_2(
    bladestream, finds_bright, photos, tmp_path: Path
) -> None:
    other = tmp_path / "other" / photos[0].name
    other.parent.mkdir()
    other.write_bytes(photos[0].read_bytes())
    run = bladestream("segment", photos[0], other, "--out", tmp_path / "out")
    assert run.status == 2
    assert not (tmp_path / "out").exists()


def test_a_photograph_is_never_overwritten(bladestream, finds_bright, tmp_path: Path) -> None:
    first, second = tmp_path / "a.png", tmp_path / "a.mask.png"
    for path in (first, second):
        Image.fromarray(picture(0, (20, 30))).save(path)
    before = second.read_bytes()
    assert bladestream("segment", first, second, "--out", tmp_path).status == 2
    assert second.read_bytes() == before
