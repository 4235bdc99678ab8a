"""What a turbine's surfaces wear, drawn by chance: paint, dirt, damage, markings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.blade import BladeShape
from models.scenes.lettering import draw_lettering

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Finish:
    """Paint, dirt, damage and markings; lengths in metres from the flange, colours linear.

    Attributes
    ----------
    albedo, body : (3,)
        Paint of the blades; of tower, nacelle and hub.
    gloss, dirt, streaks, rust, erosion, cracks, lightning : float
        How much there is of each: 0 is none, 1 the worst.
    bands : tuple of (start, end)
        Where the blades are painted in `band_colour` (3,).
    dark_tip, writing, generators : bool
        A black end; a number and a finding's ring; vortex generators.
    tape : float
        Brightness of the leading edge's tape against the paint.
    receptors : tuple of float
        Where lightning receptors sit.
    body_stripe : (3,) or None
        Colour of a line along the nacelle.
    lettering : (height, width) bool or None
        The maker's name on the nacelle, in the colour `letters` (3,).
    collar : (start, width) or None
        A dull ring around each root.
    """

    albedo: Array
    body: Array
    gloss: float
    dirt: float
    streaks: float
    rust: float
    erosion: float
    cracks: float
    lightning: float
    bands: tuple[tuple[float, float], ...]
    band_colour: Array
    dark_tip: bool
    writing: bool
    generators: bool
    tape: float
    receptors: tuple[float, ...]
    body_stripe: Array | None
    lettering: NDArray[np.bool_] | None
    letters: Array
    collar: tuple[float, float] | None


def draw_finish(rng: np.random.Generator, shape: BladeShape, shown: set[str]) -> Finish:
    """A finish for blades of `shape`; `shown` names the tags that it must bear out."""
    white = np.array([1.0, 1.0, 0.985]) * (rng.uniform(0.68, 0.95) if rng.random() < 0.8 else 0.45)
    tinted = white * (1 + rng.normal(0, 0.015, 3))
    bands: tuple[tuple[float, float], ...] = ()
    marked, damaged = "markings" in shown, "damage" in shown
    colour = np.array([0.55, 0.04, 0.03]) * rng.uniform(0.7, 1.2)
    if marked and rng.random() < 0.6:
        wide = shape.length * rng.uniform(0.06, 0.11)
        starts = [shape.length - wide * factor for factor in (1.0, 3.0, 5.0)]
        bands = tuple((start, start + wide) for start in starts[: int(rng.integers(1, 4))])
    stripe = None
    if rng.random() < 0.15:
        stripe = rng.choice(np.array([[0.5, 0.05, 0.04], [0.04, 0.1, 0.35], [0.1, 0.3, 0.12]]))
    receptors = (shape.length - rng.uniform(0.4, 1.2),)
    if rng.random() < 0.6:
        receptors += tuple(shape.length * rng.uniform(0.4, 0.95, 3))
    return Finish(
        albedo=tinted,
        body=tinted * rng.uniform(0.92, 1.06) * (1 + rng.normal(0, 0.012, 3)),
        gloss=rng.uniform(0.0, 0.3),
        dirt=rng.uniform(0, 0.16),
        streaks=rng.uniform(0, 0.3) * (rng.random() < 0.5),
        rust=rng.uniform(0.2, 1.0) * (rng.random() < 0.5),
        erosion=rng.uniform(0.3, 1.0) if damaged else 0.0,
        cracks=rng.uniform(0.3, 1.0) if damaged else 0.0,
        lightning=rng.uniform(0.4, 1.0) if damaged and rng.random() < 0.6 else 0.0,
        bands=bands,
        band_colour=colour,
        dark_tip=marked and not bands,
        writing=marked,
        generators="vortex-generators" in shown,
        tape=rng.uniform(0.85, 1.1),
        receptors=receptors,
        body_stripe=stripe,
        lettering=draw_lettering(rng) if rng.random() < 0.5 else None,
        letters=rng.choice(np.array([[0.02, 0.02, 0.02], [0.45, 0.04, 0.05], [0.02, 0.08, 0.3]])),
        collar=(rng.uniform(0.4, 1.6), rng.uniform(0.15, 0.5)) if rng.random() < 0.35 else None,
    )
