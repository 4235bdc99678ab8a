import dataclasses

import numpy as np

from models.scenes.finish import blade_albedo, body_albedo
from models.scenes.lettering import draw_lettering
from models.scenes.site import draw_site, draw_turbine
from models.scenes.turbine import HUB, NACELLE, TOWER


def _site(**finish: object):
    rng = np.random.default_rng(3)
    turbine = draw_turbine(rng, "run")
    site = draw_site(rng, ("clear-sky",), turbine, np.array([1.0, 0, 0]), photos=False)
    clean = {
        "dirt": 0.0,
        "streaks": 0.0,
        "rust": 0.0,
        "erosion": 0.0,
        "cracks": 0.0,
        "lightning": 0.0,
        "tape": 1.0,
        "bands": (),
        "dark_tip": False,
        "writing": False,
        "generators": False,
        "receptors": (),
        "body_stripe": None,
        "lettering": None,
        "collar": None,
    }
    return dataclasses.replace(site, finish=dataclasses.replace(site.finish, **(clean | finish)))


def _blade(site, detail: float = 0.01) -> np.ndarray:
    span = np.linspace(0, site.turbines[0].shape.length, 500, dtype=np.float32)
    turns = np.linspace(0.02, 0.98, 301, dtype=np.float32)
    grid = np.meshgrid(span, turns, indexing="ij")
    return blade_albedo(site, 0, grid[0].ravel(), grid[1].ravel(), detail).reshape(500, 301, 3)


def test_clean_blade_is_its_paint_but_for_the_joint_at_the_root() -> None:
    site = _site()
    colour = _blade(site)
    np.testing.assert_allclose(colour[20:], np.broadcast_to(site.finish.albedo, (480, 301, 3)))
    assert colour[0].mean() < 0.5 * site.finish.albedo.mean()


def test_bands_are_red_where_they_are_told() -> None:
    length = _site().turbines[0].shape.length
    colour = _blade(_site(bands=((0.5 * length, 0.6 * length),)))
    assert (colour[255:295, :, 0] > 4 * colour[255:295, :, 1]).all()
    assert (colour[310:, :, 0] < 1.5 * colour[310:, :, 1]).all()


def test_erosion_eats_the_outer_leading_edge_alone() -> None:
    worn = np.abs(_blade(_site(erosion=1.0)) - _blade(_site())).max(axis=-1) > 0.05
    leading = np.abs(np.linspace(0.02, 0.98, 301) - 0.5) < 0.08
    assert worn[350:, leading].mean() > 0.2
    assert worn[350:, ~leading].mean() < 0.02
    assert not worn[:200].any()


def test_far_blades_show_no_dirt() -> None:
    site = _site(dirt=0.16, streaks=0.3, cracks=1.0)
    far, near = (np.ptp(_blade(site, detail)[20:], axis=(0, 1)) for detail in (0.5, 0.01))
    assert (far == 0).all()
    assert (near > 0.02).all()


def test_generators_stand_on_one_side() -> None:
    dark = _blade(_site(generators=True)).mean(axis=-1) < 0.35
    assert dark[40:240, :150].any()
    assert not dark[40:, 151:].any()


def test_lettering_is_on_the_nacelle_only() -> None:
    rng = np.random.default_rng(1)
    ink = np.array([0.02, 0.02, 0.02])
    site = _site(lettering=draw_lettering(rng), letters=ink)
    along = np.linspace(0, site.turbines[0].nacelle[0], 400, dtype=np.float32)
    grid = np.meshgrid(along, np.linspace(0, 1, 200, dtype=np.float32), indexing="ij")
    parts = {
        part: body_albedo(site, part, grid[0].ravel(), grid[1].ravel(), 0.5)
        for part in (NACELLE, HUB, TOWER)
    }
    inked = {part: (colour < 0.03).all(axis=-1).mean() for part, colour in parts.items()}
    assert 0.01 < inked[NACELLE] < 0.2
    assert inked[HUB] == inked[TOWER] == 0


def test_lettering_is_dark_letters_with_room_between() -> None:
    for seed in range(5):
        letters = draw_lettering(np.random.default_rng(seed))
        assert letters.shape[1] > 2 * letters.shape[0]
        assert 0.15 < letters.mean() < 0.75
