"""The whole chain on painted pictures: each step is seen, and none makes the mask worse."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from service.errors import Cancelled, ModelUnavailable
from service.segmentation import forest
from service.segmentation.for_compression import find_mask
from service.segmentation.forest import DOUBT
from service.segmentation.network import FOUND
from service.segmentation.pipeline import NO_PIXEL_FOR_IT, STEPS, Segmenter
from tests.service.segmentation.bright import BrightModel

GROUND, BLADE = (60, 110, 50), (200, 200, 205)


class ForgetfulModel(BrightModel):
    """Sees brightness, but misses a strip that differs from picture to picture."""

    def probability(self, pictures: np.ndarray) -> np.ndarray:
        found = super().probability(pictures)
        strip = 32 + 60 * (len(self.seen) % 7)
        missed = found[:, strip : strip + 40]
        np.minimum(missed, (DOUBT + FOUND) / 2, out=missed)
        return found


class Corner(BrightModel):
    """Sees a little blade in the first corner, whatever it is shown."""

    def probability(self, pictures: np.ndarray) -> np.ndarray:
        found = np.zeros((1, 512, 768), np.float32)
        found[:, :4, :4] = 1
        return found


def scene(seed: int, size: tuple[int, int] = (256, 384)) -> tuple[np.ndarray, np.ndarray]:
    """A slanting blade across the picture, and its mask."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    middle = size[1] * (0.35 + 0.02 * (seed % 8)) + 0.2 * rows
    mask = np.abs(columns - middle) < size[1] * 0.15
    colour = np.where(mask[..., None], BLADE, GROUND)
    return np.clip(rng.normal(colour, 10), 0, 255).astype(np.uint8), mask


def accuracy(found: np.ndarray, mask: np.ndarray) -> float:
    return float((found == mask).mean())


def test_a_single_picture_passes_the_first_two_steps() -> None:
    pixels, mask = scene(0)
    (found,) = Segmenter(BrightModel()).segment([pixels])
    assert found.steps_used == ("network", "holes")
    assert not found.forest_used
    assert tuple(found.steps) == STEPS
    assert found.forest_probability is None
    np.testing.assert_array_equal(found.steps["final"], found.steps["holes"])
    assert accuracy(found.mask, mask) > 0.98
    assert found.blade_share == pytest.approx(mask.mean(), abs=0.02)
    assert {"resize", "network", "holes", "forest"} <= set(found.seconds)


def test_a_surface_s_forest_finds_what_the_network_missed() -> None:
    scenes = [scene(seed) for seed in range(7)]
    found = Segmenter(ForgetfulModel()).segment([pixels for pixels, _ in scenes])
    for result, (_, mask) in zip(found, scenes, strict=True):
        assert result.forest_used
        assert result.steps_used == STEPS
        shares = [accuracy(result.at_picture_size(step), mask) for step in STEPS]
        assert shares == sorted(shares)
        assert shares[0] < 0.98 < shares[-1]
        alone = result.forest_probability
        assert alone is not None
        assert alone.shape == (512, 768)


def test_each_step_is_at_the_picture_s_own_size() -> None:
    pixels, _ = scene(0, (700, 900))
    (found,) = Segmenter(BrightModel()).segment([pixels])
    for step in STEPS:
        assert found.at_picture_size(step).shape == (700, 900)
        assert found.steps[step].shape == (512, 768)


def test_a_picture_that_stands_is_found_like_one_that_lies() -> None:
    pixels, _ = scene(0, (256, 384))
    (lying,) = Segmenter(BrightModel()).segment([pixels])
    (standing,) = Segmenter(BrightModel()).segment([np.rot90(pixels, -1)])
    np.testing.assert_array_equal(standing.mask, np.rot90(lying.mask, -1))
    assert standing.steps["final"].shape == (768, 512)


def test_grey_pictures_are_pictures() -> None:
    pixels, mask = scene(0)
    (found,) = Segmenter(BrightModel()).segment([pixels.mean(2).astype(np.uint8)])
    assert accuracy(found.mask, mask) > 0.98


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (2, 3), (3000, 20)])
def test_odd_sizes_are_answered(size: tuple[int, int]) -> None:
    (found,) = Segmenter(BrightModel()).segment([np.full((*size, 3), 250, np.uint8)])
    assert found.mask.shape == size
    assert found.mask.all()


def test_a_surface_remembers_and_one_without_a_name_does_not() -> None:
    segmenter = Segmenter(BrightModel())
    pictures = [scene(seed)[0] for seed in range(5)]
    named = [segmenter.segment([p], surface="A")[0].forest_used for p in pictures]
    assert named == [False] * 4 + [True]
    assert not any(segmenter.segment([p])[0].forest_used for p in pictures)


def test_a_forest_that_would_turn_too_much_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last picture has its colours exchanged: the forest would turn all of it."""
    monkeypatch.setattr(forest, "LEAST_ACCURACY", 0.9)  # the odd picture costs it some
    pictures = [scene(seed)[0] for seed in range(14)]
    colour = np.where(scene(6)[1][..., None], GROUND, BLADE)
    odd = np.clip(np.random.default_rng(6).normal(colour, 10), 0, 255).astype(np.uint8)

    class Told(BrightModel):
        def probability(self, given: np.ndarray) -> np.ndarray:
            found = super().probability(given)
            odd = len(self.seen) == 15
            return super().probability(255 - given) if odd else found

    found = Segmenter(Told()).segment([*pictures, odd])
    assert [result.forest_used for result in found] == [True] * 14 + [False]
    assert "not heard" in found[14].warnings[0]
    np.testing.assert_array_equal(found[14].steps["final"], found[14].steps["holes"])


def test_a_surface_without_any_blade_has_no_forest_and_says_so() -> None:
    dark = [np.full((20, 30, 3), level, np.uint8) for level in range(5)]
    found = Segmenter(BrightModel()).segment(dark)
    assert not any(result.forest_used for result in found)
    assert all(len(result.warnings) == 2 for result in found)
    assert "none of them has any" in found[0].warnings[0]


@pytest.mark.parametrize(
    ("level", "says"), [(0, "No blade was found."), (255, "100.0% of the picture")]
)
def test_a_doubtful_share_is_warned_of(level: int, says: str) -> None:
    (found,) = Segmenter(BrightModel()).segment([np.full((20, 30), level, np.uint8)])
    assert found.warnings[0].startswith(says)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (700, 3)])
def test_a_mask_that_is_empty_for_want_of_pixels_is_warned_of(size: tuple[int, int]) -> None:
    (found,) = Segmenter(Corner()).segment([np.full(size, 90, np.uint8)])
    assert found.blade_share > 0
    assert not found.mask.any()
    assert found.warnings == (NO_PIXEL_FOR_IT,)


def test_a_large_picture_has_pixels_for_the_least() -> None:
    (found,) = Segmenter(Corner()).segment([np.full((600, 800), 90, np.uint8)])
    assert found.mask.any()
    assert found.warnings == ()


def test_flips_of_a_request_overrule_the_setting() -> None:
    pixels, _ = scene(0)
    model = BrightModel()
    segmenter = Segmenter(model, flips=2)
    segmenter.segment([pixels])
    assert len(model.seen) == 2
    segmenter.segment([pixels], flips=4)
    assert len(model.seen) == 6


def test_nobody_waits_any_more() -> None:
    def checkpoint(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("network", 1):
            raise Cancelled("gone")

    model = BrightModel()
    with pytest.raises(Cancelled):
        Segmenter(model, flips=4).segment([scene(0)[0]], checkpoint=checkpoint)
    assert len(model.seen) == 1


# -- for a compression -----------------------------------------------------------------------------


def test_a_found_mask_is_the_pipeline_s() -> None:
    pixels, _ = scene(0)
    segmenter = Segmenter(BrightModel())
    found = find_mask(segmenter, pixels)
    np.testing.assert_array_equal(found.mask, segmenter.segment([pixels])[0].mask)
    assert found.report["mask"] == "found"
    assert found.warnings == ()


@pytest.mark.parametrize("level", [0, 255])
def test_in_doubt_all_is_blade(level: int) -> None:
    found = find_mask(Segmenter(BrightModel()), np.full((20, 30), level, np.uint8))
    assert found.mask == "full"
    assert found.report["mask"] == "full"
    assert found.warnings[-1] == "All of it is kept as blade."


def test_what_a_small_picture_has_no_pixel_for_is_in_doubt() -> None:
    found = find_mask(Segmenter(Corner()), np.full((1, 1), 90, np.uint8))
    assert found.blade_share is not None and found.blade_share > 0
    assert found.mask == "full"
    assert found.warnings == (NO_PIXEL_FOR_IT, "All of it is kept as blade.")


def test_a_sliver_of_background_is_doubtful_too() -> None:
    pixels = np.full((400, 600), 220, np.uint8)
    pixels[:, :12] = 0
    assert find_mask(Segmenter(BrightModel()), pixels).mask == "full"
    pixels[:, :60] = 0
    assert find_mask(Segmenter(BrightModel()), pixels).report["mask"] == "found"


def test_without_a_network_all_is_blade() -> None:
    class Broken(BrightModel):
        def probability(self, pictures: np.ndarray) -> np.ndarray:
            raise ModelUnavailable("the device is lost")

    for segmenter in (None, Segmenter(Broken())):
        found = find_mask(segmenter, scene(0)[0])
        assert found.mask == "full"
        assert found.blade_share is None
        assert len(found.warnings) == 1


def test_a_surface_helps_a_compression() -> None:
    segmenter = Segmenter(BrightModel())
    used = [find_mask(segmenter, scene(seed)[0], "A").forest_used for seed in range(5)]
    assert used == [False] * 4 + [True]


def test_the_mask_of_a_large_picture_follows_its_edges() -> None:
    """A border placed by the probability's slope is smoother than the working size's pixels."""
    pixels = np.zeros((1536, 2304), np.uint8)
    truth = np.add.outer(0.4 * np.arange(1536), np.arange(2304)) < 1400
    pixels[truth] = 255
    soft = np.asarray(Image.fromarray(pixels).reduce(1))
    (found,) = Segmenter(BrightModel()).segment([soft])
    near = ndimage.binary_dilation(truth, iterations=2) & ~ndimage.binary_erosion(
        truth, iterations=2, border_value=1
    )
    assert not ((found.mask != truth) & ~near).any()
