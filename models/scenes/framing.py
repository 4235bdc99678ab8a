"""The second level: from where each picture of a surface is taken, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.scenes.camera import Camera, look_at, unit
from models.scenes.tags import GROUNDS, SKIES, VIEWS
from models.scenes.turbine import BLADES, COLLARS, HUB, NACELLE, PARTS, TOWER, Turbine

Array = NDArray[np.float64]
Rng = np.random.Generator
_ASTRAY = 0.05  # share of pictures that look past the rotor
_NACELLE = 0.05  # and of those that look at the nacelle alone


@dataclass(frozen=True)
class Run:
    """A flight along one blade, or around the turbine, with one camera.

    Attributes
    ----------
    kind : str
        "run" or "orbit".
    blade : int
        The blade that is looked at.
    side : (3,)
        Unit vector from the blade to the camera.
    share : float
        Width of a chord in picture heights.
    focal : float
        In picture widths.
    distance : float
        Of an orbit, in blade lengths.
    """

    kind: str
    blade: int
    side: Array
    share: float
    focal: float
    distance: float


def draw_run(rng: Rng, turbine: Turbine, kind: str, views: tuple[str, ...]) -> tuple[Run, Turbine]:
    """A flight, and the turbine turned so that the flight can show the asked `views`."""
    blade = int(rng.integers(BLADES))
    focal = float(rng.choice([0.67, 0.78, 1.0, 1.6, 2.6], p=[0.35, 0.25, 0.15, 0.15, 0.1]))
    shaded = "blade-shadow" in views
    if "tower-behind" in views:
        turn = np.pi + rng.normal(0, 0.02 if shaded else 0.06) - blade * 2 * np.pi / BLADES
        turbine = replace(turbine, azimuth=turn)
    span, _, axis = turbine.blade_frame(blade)
    front = unit(axis - (axis @ span) * span)
    beside = np.cross(span, front)
    if "tower-behind" in views:
        # From upwind; a shadow on the tower is seen past the blade that throws it.
        angle = rng.uniform(0.6, 1.0) if shaded else rng.uniform(0.0, 0.8)
        angle *= rng.choice([-1.0, 1.0])
    else:
        angle = rng.uniform(-1.45, 1.45) + (0.0 if rng.random() < 0.7 else np.pi)
    away = np.cos(angle) * front + np.sin(angle) * beside
    share = float(np.exp(rng.uniform(np.log(0.09), np.log(1.5))))
    if "tower-behind" in views or "second-blade" in views:
        share = min(share, 0.35)
    distance = float(np.exp(rng.uniform(np.log(0.4), np.log(4.5))))
    return Run(kind, blade, unit(away), share, focal, distance), turbine


def draw_camera(
    rng: Rng,
    turbine: Turbine,
    run: Run,
    place: float,
    views: tuple[str, ...],
    size: tuple[int, int],
) -> Camera:
    """One framing: `place` 0 is at the root, 1 at the tip; `views` are aimed at, not assured."""
    chance = 1.0 if views else rng.random()
    if "no-blade" in views or chance < _ASTRAY:
        return _elsewhere(rng, turbine, run)
    if chance < _ASTRAY + _NACELLE:
        return _at_nacelle(rng, turbine, run)
    if run.kind == "orbit" and not set(views) & {"tip", "root", "fills-picture", "diagonal"}:
        return _around(rng, turbine, run, size)
    return _along(rng, turbine, run, place, views, size)


def _along(
    rng: Rng,
    turbine: Turbine,
    run: Run,
    place: float,
    views: tuple[str, ...],
    size: tuple[int, int],
) -> Camera:
    shape = turbine.shape
    share = run.share * float(np.exp(rng.normal(0, 0.15)))
    if "blade-shadow" in views:
        place, share = rng.uniform(0.3, 0.85), rng.uniform(0.12, 0.28)
    if "root" in views or "nacelle-hub" in views or "second-blade" in views:
        place = rng.uniform(-0.04, 0.08)
        share = min(share, 0.5)
    if "second-blade" in views and "root" not in views:
        share = min(share, 0.3)
    if "tip" in views:
        place = rng.uniform(0.955, 1.0)
        share = min(share, 0.6)
    if "diagonal" in views:
        place = rng.uniform(0.25, 0.7)
        share = max(share, 0.25)
    if "fills-picture" in views:
        place = rng.uniform(0.12, 0.6)
        share = rng.uniform(1.9, 3.5) * size[1] / size[0]
    span = np.array([np.clip(place, -0.04, 1.0) * shape.length])
    target = turbine.blade_axis(run.blade, span)[0]
    if "blade-shadow" in views:
        target[:2] = turbine.foot[:2]  # the tower's axis, as high as the blade's point
    chord = float(shape.chord_at(np.clip(span, 0, 0.9 * shape.length))[0])
    reach = chord * run.focal * size[1] / size[0]
    distance = max(reach / share, 1.2 * chord + 1.5)
    focal = run.focal * max(share * distance / reach, 1.0)
    away = unit(run.side + rng.normal(0, 0.06, 3))
    position = target + away * distance
    position[2] = max(position[2], 2.0)
    half = 0.5 / focal * distance
    steady = {"fills-picture", "diagonal", "blade-shadow"} & set(views)
    slack = 0.02 if steady else 0.35
    target = target + rng.uniform(-slack, slack, 3) * half
    if "diagonal" not in views:
        return look_at(position, target, focal, rng.normal(0, 0.03))
    camera = look_at(position, target, focal)
    ends = turbine.blade_axis(run.blade, np.clip(span + np.array([-2.0, 2.0]), 0, shape.length))
    pixels, _ = camera.project(ends, size)
    along = pixels[1] - pixels[0]
    wanted = np.arctan2(size[0], size[1]) * rng.choice([-1.0, 1.0])
    return look_at(position, target, focal, np.arctan2(along[1], along[0]) - wanted)


def _around(rng: Rng, turbine: Turbine, run: Run, size: tuple[int, int]) -> Camera:
    length = turbine.shape.length
    distance = length * run.distance * float(np.exp(rng.normal(0, 0.35)))
    distance = max(distance, 12.0)
    angle = np.arctan2(run.side[1], run.side[0]) + rng.normal(0, 0.6)
    # From a drone, or from where people stand.
    level = rng.uniform(0.1, 1.5) * turbine.height if rng.random() < 0.75 else 1.7
    hub = turbine.hub_centre
    position = hub + distance * np.array([np.cos(angle), np.sin(angle), 0.0])
    position[2] = turbine.foot[2] + level
    half = min(0.5 / run.focal * distance, 1.3 * length)
    offset = rng.uniform(-0.75, 0.75, 3) * half * np.array([1, 1, size[0] / size[1]])
    return look_at(position, hub + offset, run.focal, rng.normal(0, 0.015))


def _at_nacelle(rng: Rng, turbine: Turbine, run: Run) -> Camera:
    """Beside or above the nacelle, as close as its lettering is read."""
    length = turbine.nacelle[0]
    target = turbine.hub_centre - turbine.axis * length * rng.uniform(0.0, 1.0)
    side = np.cross(turbine.axis, [0.0, 0.0, 1.0]) * rng.choice([-1.0, 1.0])
    away = unit(side + rng.normal(0, 0.5) * turbine.axis + np.array([0, 0, rng.uniform(-0.1, 0.8)]))
    distance = length * run.focal * rng.uniform(0.7, 2.0) + turbine.nacelle[1]
    return look_at(target + away * distance, target, run.focal, rng.normal(0, 0.03))


def _elsewhere(rng: Rng, turbine: Turbine, run: Run) -> Camera:
    """Away from the rotor: the tower's lower part, or the land behind the camera."""
    angle = rng.uniform(0, 2 * np.pi)
    out = np.array([np.cos(angle), np.sin(angle), 0.0])
    if rng.random() < 0.5:
        level = rng.uniform(0.05, 0.25) * turbine.height
        position = out * rng.uniform(10, 30) + np.array([0, 0, level])
        target = np.array([0, 0, level]) + rng.uniform(-3, 3, 3)
        return look_at(position, target, max(run.focal, 1.6))
    position = out * turbine.shape.length * rng.uniform(1.2, 2.5)
    position[2] = turbine.height * rng.uniform(0.3, 1.2)
    target = position + out * 100 + np.array([0, 0, rng.uniform(-60, 15)])
    return look_at(position, target, run.focal, rng.normal(0, 0.02))


def hidden_by(camera: Camera, sun: Array, size: tuple[int, int]) -> set[str]:
    """Tags of a site that a picture can't show, for want of ground, sky or sun in it.

    Ground and sky need a tenth of the picture's height. A sun behind stands within 60 degrees of
    the way the camera looks; glare comes from a sun in the picture or a quarter of it outside.
    """
    margin = max(size[0] // 10, 1)
    upper = camera.rays(size, slice(margin, margin + 1))[..., 2]
    lower = camera.rays(size, slice(size[0] - margin, size[0] - margin + 1))[..., 2]
    hidden: set[str] = set()
    if min(upper.min(), lower.min()) > -0.01:
        hidden |= {*GROUNDS}
    if max(upper.max(), lower.max()) < 0.1:
        hidden |= {*SKIES}
    flat, way = sun[:2], camera.axes[2, :2]
    if flat @ way < 0.5 * np.linalg.norm(flat) * np.linalg.norm(way):
        hidden.add("sun-behind")
    spot, depth = camera.project(camera.position + sun * 1e6, size)
    reach = np.array(size[::-1])
    if depth <= 0 or (spot < -0.25 * reach).any() or (spot > 1.25 * reach).any():
        hidden.add("sun-glare")
    return hidden


def views_of(
    part: NDArray[np.int32], turbine: Turbine, run: Run, camera: Camera
) -> tuple[str, ...]:
    """Which of the views of `models.scenes.tags` a picture's parts (h, w; -1 none) show."""
    size = part.shape
    blades = (part >= 0) & (part % PARTS < BLADES)
    share = blades.mean()
    main = part == run.blade
    ends, depth = camera.project(
        turbine.blade_axis(run.blade, np.array([0.0, turbine.shape.length])), size
    )
    inside = ((ends > 0) & (ends < np.array(size[::-1]))).all(axis=1) & (depth > 0)
    h, w = max(size[0] // 8, 1), max(size[1] // 8, 1)
    corners = [blades[:h, :w], blades[-h:, -w:], blades[:h, -w:], blades[-h:, :w]]
    hit = [corner.any() for corner in corners]
    numbers = np.bincount(part[blades], minlength=1) if share else np.zeros(1)
    tower = part == TOWER
    touching = (blades[:, 1:] & tower[:, :-1]).sum() + (blades[:, :-1] & tower[:, 1:]).sum()
    shown = {
        "no-blade": share == 0,
        "fills-picture": share > 0.9,
        "tip": bool(inside[1]) and main.any(),
        "root": bool(inside[0]) and main.mean() > 0.01,
        "nacelle-hub": np.isin(part, (HUB, NACELLE, COLLARS)).mean() > 0.01,
        "second-blade": (numbers > 0.002 * part.size).sum() > 1,
        "tower-behind": touching > 0.04 * size[0],
        "diagonal": (hit[0] and hit[1]) or (hit[2] and hit[3]),
    }
    return tuple(view for view in VIEWS if shown[view])
