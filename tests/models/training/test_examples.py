import logging

import numpy as np
import pytest

from models.training.examples import Examples
from models.training.pairs import open_pairs


@pytest.fixture
def cache(sets, tmp_path):
    return open_pairs(sets, tmp_path / "cache")


def test_batches_are_pictures_with_shares_of_blade(cache):
    examples = Examples(cache, (128, 256), {"turbines": 1, "pasted": 1, "places": 1})
    rng = np.random.default_rng(0)
    batch = examples.draw(24, rng)
    assert batch.shape == (24, 128, 256, 4)
    assert batch.dtype == np.uint8
    blade = (batch[..., 3] > 127).any((1, 2))
    assert 4 < blade.sum() < 24
    assert examples.draw(2, rng, (64, 128)).shape == (2, 64, 128, 4)


def test_masks_follow_their_pictures_through_turns_and_flips(cache):
    examples = Examples(cache, (128, 256), {"turbines": 1})
    rng = np.random.default_rng(0)
    agree = []
    for picture in examples.draw(60, rng):
        blade = picture[..., 3] == 255
        if blade.sum() > 100:
            light = picture[..., :3].mean(-1)
            agree.append(light[blade].mean() > light[picture[..., 3] == 0].mean())
    assert len(agree) > 20
    # Repainted ones may be darker than what is behind them.
    assert np.mean(agree) > 0.8


def test_shares_are_the_shares_of_the_draws(cache, monkeypatch):
    from models.training import examples as module

    drawn = []
    view = module.view

    def watched(levels, window, size):
        drawn.append(levels[0].shape[0])
        return view(levels, window, size)

    monkeypatch.setattr(module, "view", watched)
    Examples(cache, (32, 32), {"turbines": 3, "places": 1}).draw(400, np.random.default_rng(0))
    assert 0.7 < np.mean(np.array(drawn) == 160) < 0.8


def test_validation_pictures_are_never_drawn_and_come_whole(cache):
    examples = Examples(cache, (128, 256), {"turbines": 1})
    assert [pair.name for pair in examples.validation] == ["validation/turbines/9"]
    assert "validation/turbines/9" not in [pair.name for pair in examples.training]
    (batch,) = examples.validation_batches(4)
    again = examples.validation_batches(4)[0]
    assert batch.shape == (1, 128, 256, 4)
    assert np.array_equal(batch, again)
    assert batch[..., 3].mean() / 255 == pytest.approx(examples.validation[0].blade, rel=0.02)


def test_sets_that_are_not_there_leave_their_share_to_the_others(cache, caplog):
    with caplog.at_level(logging.WARNING):
        examples = Examples(cache, (64, 64), {"turbines": 1, "scenes": 5})
    assert "no pictures of scenes" in caplog.text
    assert (examples.draw(8, np.random.default_rng(0))[..., 3] > 0).any()
    with pytest.raises(ValueError, match="none of the sets scenes"):
        Examples(cache, (64, 64), {"scenes": 5})
