import numpy as np

from models.training.photometric import repaint, weathered


def picture():
    rows, columns = np.mgrid[:48, :64].astype(np.float32)
    return np.stack([60 + rows, 80 + columns, 150 - rows], -1)


def test_only_blades_are_repainted():
    share = np.zeros((48, 64), np.float32)
    share[:, 20:30] = 1
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(20):
        found = repaint(picture(), share, rng)
        assert np.array_equal(found[share == 0], picture()[share == 0])
        changed += np.abs(found[share == 1] - picture()[share == 1]).mean() > 5
    assert changed > 10


def test_weather_changes_the_light_and_keeps_the_place():
    rng = np.random.default_rng(1)
    base, kinds = picture(), set()
    alike = []
    for _ in range(40):
        found = weathered(base, rng)
        assert found.dtype == np.uint8
        assert found.shape == base.shape
        kinds.add(found.tobytes())
        alike.append(np.corrcoef(found.mean(-1).ravel(), base.mean(-1).ravel())[0, 1])
    assert len(kinds) == 40
    assert np.median(alike) > 0.3


def test_the_same_seed_draws_the_same_weather():
    one, two = (weathered(picture(), np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, two)
