"""The first level: what all pictures of one surface share, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.blade import BladeShape
from models.scenes.noise import NoiseTile
from models.scenes.paint import Finish, draw_finish
from models.scenes.tags import FINISHES, GROUNDS, LIGHTS, SKIES
from models.scenes.turbine import Turbine

Array = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True)
class Light:
    """What falls on surfaces, in display-linear units: 1 is a white picture's white.

    Attributes
    ----------
    direction : (3,)
        To the sun.
    sun, sky, ground, horizon : (3,)
        The sun's irradiance on a surface that faces it, radiance from above and from below, and
        the colour that haze fades to.
    haze : float
        Extinction a metre.
    """

    direction: Array
    sun: Array
    sky: Array
    ground: Array
    horizon: Array
    haze: float


@dataclass(frozen=True)
class Site:
    """A place at a time: turbines, weather, light, ground and paint."""

    turbines: tuple[Turbine, ...]
    sky: str
    ground: str
    light: Light
    finish: Finish
    exposure: float
    photo: bool
    tile: NoiseTile
    soft: NoiseTile
    salt: int
    cloud: tuple[float, float, float]  # cover, scale, contrast
    palette: Array
    tags: tuple[str, ...]


def draw_site(rng: Rng, tags: tuple[str, ...], main: Turbine, view: Array, photos: bool) -> Site:
    """A site with the asked `tags`; the rest is left to chance.

    Parameters
    ----------
    rng : Generator
    tags : tuple of str
        What must be shown; see `models.scenes.tags`.
    main : Turbine
        The one that is looked at.
    view : (3,)
        The direction that the pictures look to, which decides where a sun behind stands.
    photos : bool
        Whether there are photographs to use as backgrounds.
    """
    asked = set(tags)
    sky = _choose(rng, SKIES, asked, [0.34, 0.26, 0.28, 0.12])
    if asked & {"cloud-shadow", "blade-shadow", "sun-glare"} and not asked & set(SKIES):
        sky = "broken-clouds" if "cloud-shadow" in asked else "clear-sky"
    ground = _choose(rng, (*GROUNDS, "scrub"), asked, [0.14, 0.2, 0.26, 0.12, 0.08, 0.2])
    procedural = bool(asked & {*SKIES, *GROUNDS, "sun-glare", "sun-behind"})
    shown = {sky, ground} - {"scrub"}
    chances = {
        "cloud-shadow": 0.3 * (sky == "broken-clouds"),
        "sun-glare": 0.06 * (sky == "clear-sky"),
        "sun-behind": 0.12,
    }
    for tag in LIGHTS:
        if tag in asked or rng.random() < chances.get(tag, 0.0):
            shown.add(tag)
    for tag, chance in zip(FINISHES, (0.3, 0.45, 0.3), strict=True):
        if tag in asked or rng.random() < chance:
            shown.add(tag)
    light = _draw_light(rng, sky, ground, shown, view, main)
    return Site(
        turbines=(main, *(() if "no-blade" in asked else _neighbours(rng, main))),
        sky=sky,
        ground=ground,
        light=light,
        finish=draw_finish(rng, main.shape, shown),
        exposure=_exposure(rng, asked, shown),
        photo=photos and not procedural and rng.random() < 0.5,
        tile=NoiseTile(rng),
        soft=NoiseTile(rng, 2.0),
        salt=int(rng.integers(1 << 20)),
        cloud=(rng.uniform(-0.6, 0.8), rng.uniform(0.03, 0.12), rng.uniform(0.6, 1.6)),
        palette=rng.uniform(0.75, 1.3, (8, 3)) ** np.array([1.0, 0.6, 1.0]),
        tags=tuple(sorted(shown)),
    )


def draw_turbine(rng: Rng, kind: str) -> Turbine:
    """A turbine of plausible size and any make, parked for a "run" along one of its blades."""
    length = rng.uniform(30, 65)
    root = length * rng.uniform(0.036, 0.046)
    hub = root * rng.uniform(0.62, 0.8)
    teeth = None
    if rng.random() < 0.3:
        teeth = (rng.uniform(0.55, 0.75), rng.uniform(0.9, 0.96), rng.uniform(0.1, 0.25))
    shape = BladeShape(
        length=length,
        root=root,
        chord=root * rng.uniform(1.25, 1.9),
        shoulder=rng.uniform(0.14, 0.24),
        tip=length * rng.uniform(0.012, 0.06),
        tip_axis=rng.uniform(-0.1, 1.1),
        tip_power=rng.choice([0.4, 0.5, 0.75]),
        twist=np.radians(rng.uniform(6, 14)),
        bend=length * rng.uniform(0.0, 0.05),
        serrations=teeth,
    )
    height = length * rng.uniform(1.25, 1.9) + 5
    top = root * rng.uniform(0.5, 0.62)
    parked = kind == "run" or rng.random() < 0.4
    width = 2 * top * rng.uniform(1.0, 1.35)
    return Turbine(
        foot=np.zeros(3),
        height=height,
        tower_top=top,
        tower_foot=top * rng.uniform(1.3, 1.9),
        heading=rng.uniform(0, 2 * np.pi),
        azimuth=_parking(rng) if kind == "run" else rng.uniform(0, 2 * np.pi),
        pitch=np.radians(rng.choice([0, 85, 90]) + rng.normal(0, 3) if parked else 2.0),
        shape=shape,
        hub=hub,
        nacelle=(width * rng.uniform(2.2, 3.6), width, width * rng.uniform(0.85, 1.1)),
        roundness=rng.choice([2.2, 3.0, 5.0, 8.0]),
    )


def _choose(rng: Rng, names: tuple[str, ...], asked: set[str], weights: list[float]) -> str:
    drawn = str(rng.choice(names, p=weights))
    held = [name for name in names if name in asked]
    return held[0] if held else drawn


def _parking(rng: Rng) -> float:
    """Inspected blades mostly hang down, stand up or lie level."""
    parked = rng.choice(
        [180.0, 0.0, 90.0, 270.0, 120.0, 60.0], p=[0.3, 0.24, 0.12, 0.12, 0.11, 0.11]
    )
    return float(np.radians(parked + rng.normal(0, 6)))


def _exposure(rng: Rng, asked: set[str], shown: set[str]) -> float:
    value = float(np.exp(rng.normal(-0.08, 0.2)))
    if "overexposed" in asked or (not asked & {"underexposed"} and rng.random() < 0.05):
        shown.add("overexposed")
        value = rng.uniform(1.5, 2.2)
    elif "underexposed" in asked or rng.random() < 0.06:
        shown.add("underexposed")
        value = rng.uniform(0.22, 0.42)
    return value


def _draw_light(
    rng: Rng, sky: str, ground: str, shown: set[str], view: Array, main: Turbine
) -> Light:
    warm = rng.uniform(0, 1)
    elevation = np.radians(rng.uniform(12, 65))
    ahead = np.arctan2(view[1], view[0])
    # Inspectors like the sun in their back.
    around = ahead + np.pi + (rng.normal(0, 0.9) if rng.random() < 0.6 else rng.uniform(-2.2, 2.2))
    if "blade-shadow" in shown:
        # From before the rotor and low, so that the blade's shadow meets the tower.
        axis = main.axis
        around = np.arctan2(axis[1], axis[0]) + rng.normal(0, 0.05)
        elevation = np.radians(rng.uniform(12, 30))
    elif "sun-glare" in shown:
        around, elevation = ahead + rng.normal(0, 0.15), np.radians(rng.uniform(6, 22))
    elif "sun-behind" in shown:
        around, elevation = ahead + rng.normal(0, 0.5), np.radians(rng.uniform(15, 45))
    flat = np.cos(elevation)
    direction = np.array([flat * np.cos(around), flat * np.sin(around), np.sin(elevation)])
    sun_colour = np.array([1.0, 0.97 - 0.07 * warm, 0.92 - 0.2 * warm])
    strength = {
        "clear-sky": rng.uniform(0.75, 1.05),
        "broken-clouds": rng.uniform(0.5, 0.95),
        "overcast": rng.uniform(0.0, 0.08),
        "haze": rng.uniform(0.15, 0.6),
    }[sky]
    if sky in ("clear-sky", "broken-clouds"):
        above = np.array([0.25, 0.3, 0.38]) * rng.uniform(0.7, 1.4)
        horizon = np.array([0.5, 0.62, 0.75]) * rng.uniform(0.75, 1.15)
    else:
        tint = rng.uniform(0.92, 1.08)
        grey = np.array([1.0, 1.0, 1.0 * tint])
        above = grey * rng.uniform(0.35, 0.85)
        horizon = grey * np.array([0.97, 0.99, 1.02]) * rng.uniform(0.45, 1.0)
    bounce = {"snow": 0.75, "sea": 0.12, "vegetation": 0.1}.get(ground, 0.2)
    earth = np.array([0.9, 0.92, 0.7]) if bounce < 0.5 else np.array([0.95, 0.97, 1.0])
    below = 1.3 * bounce * earth * (strength * np.sin(elevation) * 0.7 + above)
    haze = {"haze": rng.uniform(4e-4, 2.5e-3)}.get(sky, rng.uniform(2e-5, 2e-4))
    return Light(direction, strength * sun_colour, above, below, horizon, haze)


def _neighbours(rng: Rng, main: Turbine) -> tuple[Turbine, ...]:
    """Other turbines of the same make, some hundred metres away."""
    if rng.random() < 0.45:
        return ()
    others = []
    for _ in range(int(rng.integers(1, 5))):
        angle, far = rng.uniform(0, 2 * np.pi), float(np.exp(rng.uniform(5.3, 7.6)))
        foot = np.array([far * np.cos(angle), far * np.sin(angle), rng.normal(0, 0.02 * far)])
        others.append(
            Turbine(
                **{
                    **main.__dict__,
                    "foot": foot,
                    "heading": main.heading + rng.normal(0, 0.1),
                    "azimuth": rng.uniform(0, 2 * np.pi),
                }
            )
        )
    return tuple(others)
