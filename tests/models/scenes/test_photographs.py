import numpy as np
import pytest
from PIL import Image

from models.scenes.photographs import background_paths, photo_background, to_display, to_light


def test_light_and_display_are_inverse_below_the_highlights() -> None:
    levels = np.arange(215, dtype=np.uint8)
    np.testing.assert_allclose(to_display(to_light(levels)), levels, atol=0.75)


def test_mid_grey_has_its_known_light() -> None:
    assert to_light(np.array([188], np.uint8))[0] == pytest.approx(0.5029, abs=1e-3)


def test_highlights_roll_off_without_clipping_at_once() -> None:
    shown = to_display(np.array([0.8, 1.0, 1.3, 5.0], np.float32))
    assert (np.diff(shown) > 0).all()
    assert shown[-1] <= 255.01


def test_contrast_bends_around_the_middle() -> None:
    light = to_light(np.array([60, 200], np.uint8))
    plain, bent = to_display(light), to_display(light, 0.2)
    assert bent[0] < plain[0]
    assert bent[1] > plain[1]


@pytest.mark.parametrize("size", [(40, 60), (64, 64), (200, 150), (30, 300)])
def test_background_fills_any_size(tmp_path, size: tuple[int, int]) -> None:
    ramp = np.arange(64, dtype=np.uint8)[None, :, None] * np.ones((64, 1, 3), np.uint8)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    for seed in range(6):
        rng = np.random.default_rng(seed)
        light = photo_background(rng, background_paths(tmp_path), size)
        assert light.shape == (*size, 3)
        assert light.max() <= to_light(np.array([64], np.uint8))[0]


def test_folder_without_pictures_is_refused(tmp_path) -> None:
    (tmp_path / "note.txt").write_text("nothing")
    with pytest.raises(ValueError, match="no pictures"):
        background_paths(tmp_path)
