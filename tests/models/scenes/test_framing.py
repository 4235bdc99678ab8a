import numpy as np
import pytest

from models.scenes.camera import look_at
from models.scenes.framing import draw_camera, draw_run, hidden_by
from models.scenes.site import draw_turbine
from models.scenes.tags import GROUNDS, SKIES
from models.scenes.turbine import BLADES

SIZE = (100, 150)
UP = np.array([0.0, 0.0, 1.0])


def _camera(*towards: float):
    return look_at(np.zeros(3), np.array(towards), 0.8)


def test_level_view_shows_ground_and_sky() -> None:
    assert hidden_by(_camera(1, 0, 0), np.array([1.0, 0, 0]), SIZE) == set()


def test_steep_views_hide_ground_or_sky() -> None:
    sun = np.array([0.0, 1.0, 0.0])
    assert {*GROUNDS} <= hidden_by(_camera(0.5, 0, 1), sun, SIZE)
    assert {*SKIES} <= hidden_by(_camera(0.5, 0, -1), sun, SIZE)


@pytest.mark.parametrize(
    ("angle", "hidden"),
    [(0, set()), (50, {"sun-glare"}), (100, {"sun-behind", "sun-glare"})],
)
def test_sun_is_where_the_camera_looks_or_not(angle: float, hidden: set[str]) -> None:
    turn = np.radians(angle)
    sun = np.array([np.cos(turn), np.sin(turn), 0.1])
    assert hidden_by(_camera(1, 0, 0), sun / np.linalg.norm(sun), SIZE) == hidden


@pytest.mark.parametrize("seed", range(6))
def test_run_goes_from_root_to_tip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    run, turbine = draw_run(rng, draw_turbine(rng, "run"), "run", ("root",))
    frame = turbine.blade_frame(run.blade)
    assert 0 <= run.blade < BLADES
    assert abs(run.side @ frame[0]) < 1e-9
    heights = []
    for place in (0.1, 0.9):
        # Asked for a view, no camera is sent astray by chance.
        camera = draw_camera(rng, turbine, run, place, ("markings",), SIZE)
        heights.append((camera.position - turbine.flange(run.blade)) @ frame[0])
    on_the_ground = camera.position[2] <= 2.0
    assert heights[1] > heights[0] or on_the_ground


def test_tower_behind_turns_the_blade_down() -> None:
    rng = np.random.default_rng(1)
    run, turbine = draw_run(rng, draw_turbine(rng, "run"), "run", ("tower-behind",))
    assert turbine.blade_frame(run.blade)[0] @ UP < -0.9
    assert run.side @ turbine.axis > 0.5
