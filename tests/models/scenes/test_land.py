import numpy as np
import pytest

from models.scenes.camera import look_at
from models.scenes.land import landscape
from models.scenes.site import draw_site, draw_turbine
from models.scenes.tags import GROUNDS, SKIES

SIZE = (120, 180)


def _seen(tags: tuple[str, ...], towards: tuple[float, ...] = (100.0, 0.0, 80.0), seed: int = 1):
    rng = np.random.default_rng(seed)
    site = draw_site(rng, tags, draw_turbine(rng, "orbit"), np.array([1.0, 0, 0]), photos=False)
    camera = look_at(np.array([0.0, 0.0, 80.0]), np.array(towards), 0.8)
    return landscape(site, camera, camera.rays(SIZE, slice(0, SIZE[0])))


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("sky", SKIES)
def test_every_landscape_is_finite_light(sky: str, ground: str) -> None:
    light = _seen((sky, ground))
    assert light.shape == (*SIZE, 3)
    assert light.dtype == np.float32
    assert np.isfinite(light).all()
    assert light.min() >= -0.02
    assert light.mean() > 0.02


def test_clear_sky_is_blue_above_and_pale_below() -> None:
    light = _seen(("clear-sky", "sea"), (100.0, 0.0, 110.0), seed=3)
    top, low = light[5].mean(axis=0), light[70].mean(axis=0)
    assert top[2] > 1.3 * top[0]
    assert low[2] / low[0] < top[2] / top[0]


def test_overcast_is_grey() -> None:
    sky = _seen(("overcast", "sea"), (100.0, 0.0, 180.0))
    assert np.ptp(sky.mean(axis=(0, 1))) < 0.12 * sky.mean()


def test_snow_is_brighter_than_forest() -> None:
    down = (60.0, 0.0, 0.0)
    snow, forest = (_seen(("clear-sky", ground), down) for ground in ("snow", "vegetation"))
    assert np.median(snow) > 3 * np.median(forest)


def test_haze_takes_contrast_from_the_distance() -> None:
    light = _seen(("haze", "field-rows"), (100.0, 0.0, 60.0))
    horizon = int(np.argmax(np.abs(np.diff(light.mean(axis=(1, 2))))))
    far = light[min(horizon + 3, 100) : min(horizon + 9, 106)].std()
    near = light[-6:].std()
    assert far < near


def test_rows_are_one_picture() -> None:
    rng = np.random.default_rng(5)
    site = draw_site(rng, ("village",), draw_turbine(rng, "orbit"), np.ones(3), photos=False)
    camera = look_at(np.array([0.0, 0.0, 80.0]), np.array([100.0, 0.0, 60.0]), 0.8)
    whole = landscape(site, camera, camera.rays(SIZE, slice(0, 120)))
    part = landscape(site, camera, camera.rays(SIZE, slice(40, 80)))
    np.testing.assert_allclose(part, whole[40:80], atol=1e-4)
