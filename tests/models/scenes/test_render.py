import numpy as np
import pytest
from PIL import Image

from models.scenes import TAGS, Scene, render_surface
from models.scenes.photographs import background_paths

SMALL = (96, 144)


def _one(seed: int, *tags: str, size: tuple[int, int] = SMALL, backgrounds=None) -> Scene:
    return next(iter(render_surface(seed, size, 1, tags, backgrounds)))


def test_same_seed_same_pictures() -> None:
    first, again = (list(render_surface(3, SMALL, 3)) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.mask, b.mask)
        assert a.tags == b.tags
    assert not np.array_equal(first[0].rgb, _one(4).rgb)


def test_pictures_of_a_surface_differ() -> None:
    pictures = [scene.rgb.tobytes() for scene in render_surface(5, SMALL, 4)]
    assert len(set(pictures)) == 4


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_can_be_asked_for(tag: str) -> None:
    scenes = list(render_surface(11, SMALL, 2, (tag,)))
    assert all(tag in scene.tags for scene in scenes)


def test_no_blade_is_an_empty_mask() -> None:
    for seed in range(6):
        assert not _one(seed, "no-blade").mask.any()


def test_filled_picture_is_nearly_all_blade() -> None:
    for seed in range(4):
        assert _one(seed, "fills-picture").mask.mean() > 0.85


def test_diagonal_blade_reaches_opposite_corners() -> None:
    mask = _one(2, "diagonal", size=(128, 192)).mask
    falling = mask[:32, :48].any() and mask[-32:, -48:].any()
    rising = mask[:32, -48:].any() and mask[-32:, :48].any()
    assert falling or rising


@pytest.mark.parametrize("size", [(32, 40), (97, 61), (150, 100), (700, 1050)])
def test_any_size(size: tuple[int, int]) -> None:
    scene = _one(8, size=size)
    assert scene.rgb.shape == (*size, 3)
    assert scene.mask.shape == size
    assert scene.rgb.dtype == np.uint8
    assert scene.mask.dtype == np.bool_


def test_a_larger_picture_shows_the_same_scene() -> None:
    small, large = (_one(9, "root", size=(96 * k, 144 * k)).mask for k in (1, 3))
    shrunk = large.reshape(96, 3, 144, 3).mean(axis=(1, 3)) > 0.5
    union = (small | shrunk).sum()
    assert union > 100
    assert (small & shrunk).sum() > 0.9 * union


def test_blades_are_brighter_when_overexposed() -> None:
    bright, dark = (_one(13, "fills-picture", tag) for tag in ("overexposed", "underexposed"))
    assert bright.rgb[bright.mask].mean() > 1.5 * dark.rgb[dark.mask].mean()


def test_photographs_are_used_half_of_the_time(tmp_path) -> None:
    Image.new("RGB", (64, 64), (250, 0, 250)).save(tmp_path / "pink.png")
    paths = background_paths(tmp_path)
    pink = 0
    for seed in range(24):
        colour = np.median(_one(seed, "no-blade", backgrounds=paths).rgb, axis=(0, 1))
        pink += colour[1] < 100 and colour[0] > colour[1] + 60
    assert 5 <= pink <= 19


def test_landscape_tags_keep_photographs_away(tmp_path) -> None:
    Image.new("RGB", (64, 64), (250, 0, 250)).save(tmp_path / "pink.png")
    scene = _one(1, "sea", backgrounds=background_paths(tmp_path))
    assert "sea" in scene.tags
    assert not ((scene.rgb[..., 0] > 200) & (scene.rgb[..., 1] < 60)).any()


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (("blimp",), "no such tag: blimp"),
        (("sea", "snow"), "exclude each other: sea, snow"),
        (("no-blade", "tip"), "no other view"),
    ],
)
def test_impossible_wishes_are_refused(tags: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _one(1, *tags)


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="32 pixels"):
        _one(1, size=(16, 200))
