"""Composites: real turbines, cut out, in front of other places."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.training.pairs import BLADE, TURBINE, Levels
from models.training.windows import Window, draw_window, near, view, whole

LARGEST_TILT = math.radians(15)
SMALLEST = 3.0  # how many times smaller than in its own picture a turbine may become
EDGE = (0.35, 0.85)  # shares of turbine between which a cut-out fades: masks are pixels too wide


def paste(
    turbine: Levels,
    place: Levels,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """A view (height, width, 4), RGB and the share of blade 0..255.

    Parameters
    ----------
    turbine, place : pictures; in the first the whole turbine is told, in the second is none.
    """
    behind = view(place, draw_window(place, size, rng), size)[..., :3].astype(np.float32)
    front = view(turbine, _framing(turbine, size, rng), size)
    share = front[..., TURBINE:].astype(np.float32) / 255
    cover = np.clip((share - EDGE[0]) / (EDGE[1] - EDGE[0]), 0, 1)
    light = np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.04, 3)).astype(np.float32)
    pixels = behind + cover * (front[..., :3] * light - behind)
    blade = np.where(cover[..., 0] > 0, front[..., BLADE], 0)
    return np.dstack([np.rint(np.clip(pixels, 0, 255)), blade]).astype(np.uint8)


def _framing(turbine: Levels, size: tuple[int, int], rng: np.random.Generator) -> Window:
    """Any framing of what is cut out; smaller ones only of what no border cuts."""
    share = turbine[-1][..., TURBINE]
    # A tower runs out at the bottom of most pictures: a tower that floats does no harm.
    cut = share[0].any() or share[:, 0].any() or share[:, -1].any()
    if cut or rng.random() < 0.5:
        return draw_window(turbine, size, rng)
    base = max(whole(size, *turbine[0].shape[:2]).scale)
    scale = base * math.exp(rng.uniform(0, math.log(SMALLEST)))
    centre = near(turbine, TURBINE, scale, size, rng)
    if centre is None:
        return draw_window(turbine, size, rng)
    tilt = rng.uniform(-LARGEST_TILT, LARGEST_TILT)
    return Window(centre, (scale, scale), tilt, bool(rng.random() < 0.5))
