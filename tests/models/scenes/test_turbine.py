"""Where a turbine's blades should be seen, worked out from its axes alone."""

import numpy as np
import pytest

from models.scenes.camera import Camera, look_at
from models.scenes.framing import Run, draw_camera, draw_run, views_of
from models.scenes.raster import SUBSAMPLES, visible_faces
from models.scenes.shading import blade_shades_tower, cast_shadows, look, shade
from models.scenes.site import draw_site, draw_turbine
from models.scenes.turbine import BLADES, HUB, NACELLE, TOWER

SIZE = (240, 360)


def _scene(seed: int):
    rng = np.random.default_rng(seed)
    turbine = draw_turbine(rng, "orbit")
    front = turbine.hub_centre + turbine.axis * 3 * turbine.shape.length
    camera = look_at(front, turbine.hub_centre, 0.8)
    return rng, turbine, camera


def _parts(turbine, camera: Camera) -> np.ndarray:
    faces = visible_faces(turbine.mesh(0, camera, SIZE), camera, SIZE)
    numbers = faces.draw(*(slice(0, side * SUBSAMPLES) for side in SIZE[::-1]))
    return faces.part[numbers]


@pytest.mark.parametrize("seed", range(5))
def test_blades_lie_on_their_projected_axes(seed: int) -> None:
    _, turbine, camera = _scene(seed)
    parts = _parts(turbine, camera)
    for blade in range(BLADES):
        span = np.linspace(0.05, 0.95, 30) * turbine.shape.length
        pixels, _ = camera.project(turbine.blade_axis(blade, span), SIZE)
        x, y = (pixels * SUBSAMPLES).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < SIZE[1] * SUBSAMPLES) & (y < SIZE[0] * SUBSAMPLES)
        assert (parts[y[inside], x[inside]] == blade).mean() > 0.9


def test_blade_is_as_wide_as_its_chord_seen_flat() -> None:
    _, turbine, camera = _scene(0)
    turbine = type(turbine)(**{**turbine.__dict__, "pitch": 0.0, "azimuth": 0.0})
    span = np.array([0.5 * turbine.shape.length])
    middle, depth = camera.project(turbine.blade_axis(0, span), SIZE)
    row = _parts(turbine, camera)[int(middle[0, 1] * SUBSAMPLES)]
    chord = turbine.shape.chord_at(span)[0]
    expected = chord * camera.focal * SIZE[1] * SUBSAMPLES / depth[0]
    assert (row == 0).sum() == pytest.approx(expected, abs=2)


def test_tower_nacelle_and_hub_are_no_blades() -> None:
    _, turbine, _ = _scene(1)
    side = turbine.hub_centre + np.cross(turbine.axis, [0, 0, 1]) * 2 * turbine.shape.length
    parts = _parts(turbine, look_at(side, turbine.hub_centre, 0.8))
    for part in (HUB, NACELLE, TOWER):
        assert (parts == part).sum() > 20
    below = parts[-1]
    assert (below == TOWER).any()
    assert not np.isin(below, (HUB, NACELLE)).any()


def test_views_are_recognised() -> None:
    _, turbine, camera = _scene(2)
    run = Run("orbit", 0, turbine.axis, 0.2, 0.8, 3.0)
    part = _parts(turbine, camera)[::SUBSAMPLES, ::SUBSAMPLES]
    shown = views_of(part, turbine, run, camera)
    assert {"tip", "second-blade"} <= set(shown)
    assert "no-blade" not in shown
    assert views_of(np.full(SIZE, -1, np.int32), turbine, run, camera) == ("no-blade",)
    filled = views_of(np.zeros(SIZE, np.int32), turbine, run, camera)
    assert {"fills-picture", "diagonal"} <= set(filled)


def test_sunlit_faces_are_brighter_than_shaded_ones() -> None:
    rng, turbine, camera = _scene(3)
    site = draw_site(rng, ("clear-sky", "vegetation"), turbine, -turbine.axis, photos=False)
    mesh = turbine.mesh(0, camera, SIZE)
    faces = visible_faces(mesh, camera, SIZE)
    view = look(site, camera, mesh, faces, SIZE)
    open_view = type(view)(site, camera, None, view.details)
    sun = site.light.direction
    values = np.zeros((8, 2), np.float32)
    values[0] = 0.5 * turbine.shape.length
    values[2:5] = np.stack([sun, -sun], axis=1)
    values[5:] = turbine.hub_centre[:, None] + 5 * turbine.axis[:, None]
    lit, shaded = shade(open_view, np.zeros(2, np.int32), values).mean(axis=1)
    assert lit > 1.5 * shaded


def test_what_lies_behind_the_rotor_is_in_its_shadow() -> None:
    rng, turbine, camera = _scene(4)
    site = draw_site(rng, ("clear-sky",), turbine, -turbine.axis, photos=False)
    mesh = turbine.mesh(0, camera, SIZE)
    around = mesh.corners.reshape(-1, 3).T.astype(np.float32)
    shadows = cast_shadows(site, mesh, around, SIZE[1])
    assert shadows is not None
    sun = site.light.direction
    nacelle = turbine.hub_centre - turbine.axis * turbine.nacelle[0] / 2
    points = np.stack([nacelle - 10 * sun, nacelle + 10 * sun], axis=1)
    behind, before = shadows.lit(points.astype(np.float32))
    assert behind < 0.5 < before


def test_shadow_on_the_tower_is_seen_when_the_sun_stands_before_the_rotor() -> None:
    rng = np.random.default_rng(5)
    turbine = draw_turbine(rng, "run")
    run, turbine = draw_run(rng, turbine, "run", ("blade-shadow", "tower-behind"))
    for tags, expected in ((("blade-shadow",), True), (("overcast",), False)):
        site = draw_site(rng, tags, turbine, -run.side, photos=False)
        found = 0
        for _ in range(12):
            camera = draw_camera(rng, turbine, run, 0.5, ("blade-shadow", "tower-behind"), SIZE)
            mesh = turbine.mesh(0, camera, SIZE)
            faces = visible_faces(mesh, camera, SIZE)
            numbers = faces.draw(*(slice(0, side * SUBSAMPLES) for side in SIZE[::-1]))
            found += blade_shades_tower(look(site, camera, mesh, faces, SIZE), faces, numbers)
        assert (found > 0) == expected
