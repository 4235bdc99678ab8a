"""The forest: its features, what it learns from, and when it holds its tongue."""

from __future__ import annotations

import numpy as np
import pytest

from service.segmentation.forest import (
    Forest,
    Samples,
    draw_samples,
    features_of,
    halved,
    soft_vote,
    train_forest,
)


def surface(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A half-size picture with a reddish blade on green ground, and its mask at the full size."""
    rng = np.random.default_rng(seed)
    small = rng.normal((70, 120, 60), 12, (256, 384, 3))
    left = 60 + 20 * seed
    small[:, left : left + 90] = rng.normal((150, 110, 105), 12, (256, 90, 3))
    mask = np.zeros((512, 768), bool)
    mask[:, 2 * left : 2 * left + 180] = True
    return np.clip(small, 0, 255).astype(np.uint8), mask


def samples(count: int = 5) -> list[Samples]:
    return [draw_samples(*surface(seed)) for seed in range(count)]


def test_features_are_nine_colours() -> None:
    small = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    features = features_of(small).reshape(20, 30, 9, 3)
    np.testing.assert_array_equal(features[:, :, 4], small)
    np.testing.assert_array_equal(features[10, 10, 0], small[7, 7])
    np.testing.assert_array_equal(features[10, 10, 5], small[10, 13])
    np.testing.assert_array_equal(features[0, 0, 0], small[0, 0])  # beyond the border: the border
    places = np.array([5, 599])
    np.testing.assert_array_equal(features_of(small, places), features.reshape(600, 27)[places])


def test_half_the_size_is_the_mean_of_four() -> None:
    working = np.random.default_rng(0).integers(0, 256, (512, 768, 3), dtype=np.uint8)
    means = working.reshape(256, 2, 384, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved(working) - means).max() <= 0.5


def test_samples_are_of_both_kinds_alike() -> None:
    small, mask = surface(0)
    drawn = draw_samples(small, mask)
    assert drawn.features.shape == (3000, 27)
    assert drawn.features.dtype == np.uint8
    assert drawn.labels.sum() == 1500
    assert drawn.share == pytest.approx(mask.mean())
    again = draw_samples(small, mask)
    np.testing.assert_array_equal(drawn.features, again.features)
    blade = drawn.features[drawn.labels].reshape(-1, 9, 3)[:, 4].mean(0)
    np.testing.assert_allclose(blade, (150, 110, 105), atol=3)


def test_a_rare_kind_is_drawn_whole() -> None:
    small, mask = surface(0)
    mask[:] = False
    mask[:20, :20] = True
    drawn = draw_samples(small, mask)
    assert drawn.labels.sum() == 100
    assert len(drawn.labels) == 1600
    assert not draw_samples(small, np.zeros_like(mask)).labels.any()


def test_a_forest_learns_the_colours_of_its_surface() -> None:
    forest = train_forest(samples())
    assert isinstance(forest, Forest)
    assert forest.accuracy > 0.97
    small, mask = surface(7)
    found = forest.probability(small)
    assert found.shape == (512, 768)
    assert found.dtype == np.float32
    assert ((found > 0.5) == mask).mean() > 0.97
    again = train_forest(samples(), threads=2)
    assert isinstance(again, Forest)
    np.testing.assert_array_equal(again.probability(small), found)


def test_it_corrects_labels_that_are_wrong_in_places() -> None:
    """A tenth of each mask is missed in another place: the colours tell."""
    drawn = []
    for seed in range(6):
        small, mask = surface(seed)
        mask[80 * seed : 80 * seed + 50] = False
        drawn.append(draw_samples(small, mask))
    forest = train_forest(drawn)
    assert isinstance(forest, Forest)
    small, mask = surface(2)
    missed = forest.probability(small)[160:210]
    assert (missed[mask[160:210]] > 0.5).mean() > 0.95


def test_a_probability_is_that_of_the_surface_s_share_of_blade() -> None:
    """What even chances make one half is less where blade is rare."""
    forest = train_forest(samples())
    assert isinstance(forest, Forest)
    small, _ = surface(1)
    found = forest.probability(small)
    for share, rarer in ((0.5, False), (0.02, True)):
        other = Forest(forest.trees, forest.accuracy, share).probability(small)
        doubtful = (found > 0.05) & (found < 0.95)
        assert doubtful.any()
        assert ((other < found) == rarer)[doubtful].all()
        assert other.min() >= 0
        assert other.max() <= 1


def test_the_vote_is_the_mean_against_0_37() -> None:
    blade = np.zeros((512, 768), bool)
    blade[:, 300:400] = True
    network = np.where(blade, 0.6, 0.2).astype(np.float32)
    unsure = np.full_like(network, 0.55)
    voted = soft_vote(network, unsure, blade)
    # (0.2 + 0.55) / 2 = 0.375, but only where the mask is near.
    np.testing.assert_array_equal(voted[0], (np.arange(768) >= 292) & (np.arange(768) < 408))
    np.testing.assert_array_equal(soft_vote(network, unsure - 0.02, blade), blade)


def test_the_forest_takes_nothing_away_that_the_network_found() -> None:
    blade = np.zeros((512, 768), bool)
    blade[:, 300:400] = True
    network = np.where(blade, 0.4, 0.0).astype(np.float32)
    np.testing.assert_array_equal(soft_vote(network, np.zeros_like(network), blade), blade)


def test_far_from_the_mask_the_network_decides() -> None:
    blade = np.zeros((512, 768), bool)
    network = np.zeros((512, 768), np.float32)
    network[:, 600:] = 0.4
    sure = np.ones_like(network)
    np.testing.assert_array_equal(soft_vote(network, sure, blade)[0], np.arange(768) >= 600)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_it_starts_with_five_pictures(count: int) -> None:
    assert "5 pictures" in str(train_forest(samples(count)))


def test_without_two_kinds_there_is_nothing_to_learn() -> None:
    drawn = [Samples(part.features, np.zeros_like(part.labels), 0.0) for part in samples()]
    assert "none of them has any" in str(train_forest(drawn))


def test_a_forest_that_does_not_understand_is_not_used() -> None:
    rng = np.random.default_rng(0)
    drawn = [Samples(part.features, rng.random(3000) < 0.5, 0.5) for part in samples()]
    assert "has not seen" in str(train_forest(drawn))
