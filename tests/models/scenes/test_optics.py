import numpy as np
import pytest

from models.scenes.camera import Camera, look_at
from models.scenes.optics import photograph
from models.scenes.site import Site, draw_site, draw_turbine

SIZE = (200, 300)


def _site(*tags: str) -> tuple[Site, Camera]:
    rng = np.random.default_rng(2)
    site = draw_site(rng, tags, draw_turbine(rng, "run"), np.array([1.0, 0, 0]), photos=False)
    return site, look_at(np.zeros(3), site.light.direction, 0.8)


def _stripes() -> np.ndarray:
    light = np.full((*SIZE, 3), 0.1, np.float32)
    light[:, (np.arange(SIZE[1]) // 3) % 2 == 0] = 0.5
    return light


def _detail(picture: np.ndarray) -> float:
    # Columns are averaged, so that the sensor's noise does not count as detail.
    return float(picture[20:-20].mean(axis=(0, 2)).std())


def test_picture_keeps_detail_without_faults() -> None:
    site, camera = _site("overcast")
    picture = photograph(np.random.default_rng(1), site, camera, _stripes(), ())
    assert picture.dtype == np.uint8
    assert picture.shape == (*SIZE, 3)
    assert _detail(picture) > 20


@pytest.mark.parametrize("seed", range(3))
def test_defocus_takes_detail_away(seed: int) -> None:
    site, camera = _site("overcast")
    sharp, soft = (
        photograph(np.random.default_rng(seed), site, camera, _stripes(), faults)
        for faults in ((), ("defocus",))
    )
    assert _detail(soft) < 0.8 * _detail(sharp)


def test_motion_blurs_along_one_direction() -> None:
    site, camera = _site("overcast")
    light = np.full((*SIZE, 3), 0.05, np.float32)
    light[100, 150] = 40.0
    picture = photograph(np.random.default_rng(3), site, camera, light, ("motion-blur",))
    y, x = np.nonzero(picture.mean(axis=-1) > 110)
    values = np.linalg.eigvalsh(np.cov(np.stack([y, x])))
    assert values[1] > 2.5 * values[0]


def test_glare_brightens_the_picture_most_at_the_sun() -> None:
    site, camera = _site("sun-glare")
    light = np.full((*SIZE, 3), 0.05, np.float32)
    picture = photograph(np.random.default_rng(4), site, camera, light, ()).mean(axis=-1)
    assert picture[90:110, 140:160].mean() > picture[:20, :20].mean() + 60


def test_drops_change_spots_and_leave_the_rest() -> None:
    site, camera = _site("overcast")
    light = np.full((*SIZE, 3), 0.1, np.float32)
    light[:, (np.arange(SIZE[1]) // 12) % 2 == 0] = 0.5
    rng = np.random.default_rng(5)
    picture = photograph(rng, site, camera, light, ("drops",)).mean(axis=-1)
    off = np.abs(picture - np.median(picture, axis=0)) > 30
    assert 0.001 < off.mean() < 0.3
