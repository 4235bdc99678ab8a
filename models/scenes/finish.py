"""The colour of a blade's surface: paint, dirt, damage, fittings and markings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.scenes.blade import BladeShape
from models.scenes.noise import Floats, hashed, smoothstep
from models.scenes.paint import Finish
from models.scenes.site import Site
from models.scenes.turbine import NACELLE, PARTS, TOWER

# Rows of 3 bits: the digits 0 to 9 as painted on blades.
_DIGITS = np.array(
    [
        [7, 5, 5, 5, 7],
        [2, 6, 2, 2, 7],
        [7, 1, 7, 4, 7],
        [7, 1, 7, 1, 7],
        [5, 5, 7, 1, 1],
        [7, 4, 7, 1, 7],
        [7, 4, 7, 5, 7],
        [7, 1, 1, 1, 1],
        [7, 5, 7, 5, 7],
        [7, 5, 7, 1, 7],
    ]
)
_RUST = np.array([0.16, 0.1, 0.05], np.float32)
_DIRT = np.array([0.34, 0.31, 0.25], np.float32)
_FLAKES = np.array([0.22, 0.06, 0.035], np.float32)
_LAMINATE = np.array([0.42, 0.4, 0.33], np.float32)


def blade_albedo(site: Site, number: int, span: Floats, turns: Floats, detail: float) -> Floats:
    """Albedo (n, 3) of blade `number` at `span` metres and `turns` around the profile.

    `detail` is the size of a pixel in metres: what is finer is left out.
    """
    finish, shape = site.finish, site.turbines[0].shape
    colour = np.repeat(finish.albedo.astype(np.float32)[None], span.size, axis=0)
    # Distance along the chord from the leading edge, 0 to 1, and its side.
    edge = 0.5 + 0.5 * np.cos(np.float32(2 * np.pi) * turns)
    upper = turns < 0.5
    _paint_bands(colour, finish, shape, span)
    if detail > 0.25:
        return colour
    # Each blade wears its own dirt: its number shifts the patterns.
    tile, shift = site.tile, (site.salt + 37 * number) % 97 / 97
    arc = edge * np.where(upper, 1.0, -1.0).astype(np.float32) * np.float32(0.5)
    clouds = tile(span * np.float32(0.021) + shift, arc)
    colour *= 1 - np.float32(finish.dirt * 0.35) * np.clip(clouds + 0.5, 0, 2)[:, None]
    if finish.streaks:
        # Dirt runs from the leading edge back along the chord.
        lines = tile(span * np.float32(0.6) + shift, arc * np.float32(0.06))
        _mix(colour, _DIRT, finish.streaks * smoothstep(0.6, 2.2, lines) * (1 - 0.5 * edge))
    _mix(colour, colour * finish.tape, 1.0 * (edge < 0.07) * (span > 0.6 * shape.length))
    _paint_root(colour, site, span, turns, detail)
    if finish.erosion:
        _erode(colour, site, span, edge, arc)
    if finish.cracks:
        line = np.abs(tile(span * np.float32(0.11) + 0.3, arc * np.float32(0.5) + shift))
        region = smoothstep(1.7, 2.0, tile(span * np.float32(0.013), arc * np.float32(0.11)))
        thin = max(0.02, 6 * detail * 0.11)
        _mix(colour, np.float32(0.12), 0.9 * finish.cracks * region * (line < thin))
    _paint_fittings(colour, site, span, edge, upper, detail)
    return colour


def body_albedo(site: Site, part: int, along: Floats, turns: Floats, detail: float) -> Floats:
    """Albedo (n, 3) of the nacelle, hub or tower that `part` is."""
    tower, nacelle = part % PARTS == TOWER, part % PARTS == NACELLE
    finish = site.finish
    colour = np.repeat(finish.body.astype(np.float32)[None], along.size, axis=0)
    tile, shift = site.tile, site.salt % 89 / 89
    grime = tile(along * np.float32(0.017) + shift, turns * 2)
    colour *= 1 - np.float32(0.06 + finish.dirt * 0.3) * np.clip(grime, 0, 2)[:, None]
    if tower:
        seam = np.abs((along + 3) % 22 - 11) < max(0.04, 0.7 * detail)
        _mix(colour, np.float32(0.3), 0.35 * seam)
        if finish.bands:
            _mix(colour, finish.band_colour.astype(np.float32), 1.0 * ((along % 60) < 8))
        return colour
    if detail < 0.1:
        panel = np.abs(along % 2.4 - 1.2) < max(0.012, 0.6 * detail)
        around = np.abs(turns * 6 % 1 - 0.5) < 0.004 + 0.03 * detail
        _mix(colour, np.float32(0.2), 0.55 * (panel | around))
        runs = tile(along * np.float32(0.5), turns * np.float32(0.4) + shift)
        _mix(colour, _RUST, 0.35 * finish.rust * smoothstep(1.2, 2.5, runs))
    if finish.rust:
        patches = tile(along * np.float32(0.06) + shift, turns * np.float32(0.5))
        flakes = patches + np.float32(0.4) * tile(along * np.float32(0.9), turns * 5)
        _mix(colour, _FLAKES, 0.85 * finish.rust * smoothstep(2.1, 2.3, flakes))
    if finish.lettering is not None and nacelle:
        _letter(colour, finish, along, turns, site.turbines[0].nacelle)
    if finish.body_stripe is not None:
        _mix(
            colour,
            finish.body_stripe.astype(np.float32),
            1.0 * (np.abs(turns * 2 % 1 - 0.06) < 0.035),
        )
    return colour


def _mix(colour: Floats, other: Floats | np.float32, weight: NDArray[np.floating]) -> None:
    colour += (other - colour) * weight.astype(np.float32)[:, None]


def _letter(
    colour: Floats,
    finish: Finish,
    along: Floats,
    turns: Floats,
    nacelle: tuple[float, float, float],
) -> None:
    """The maker's name on both sides of the nacelle, upright and from left to right."""
    assert finish.lettering is not None
    height, width = finish.lettering.shape
    tall = 0.1  # turns
    long = tall * nacelle[2] * 3.2 * width / height
    for middle, sign in ((0.0, -1.0), (0.5, 1.0)):
        up = (turns - middle + 0.5) % 1 - 0.5
        row = (0.5 - sign * -up / tall) * height
        column = (sign * (along - 0.45 * nacelle[0]) / long + 0.5) * width
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        spot = np.flatnonzero(inside)
        inked = finish.lettering[row[spot].astype(np.int32), column[spot].astype(np.int32)]
        colour[spot[inked]] = finish.letters.astype(np.float32)


def _paint_bands(colour: Floats, finish: Finish, shape: BladeShape, span: Floats) -> None:
    red = finish.band_colour.astype(np.float32)
    for start, end in finish.bands:
        _mix(colour, red, 1.0 * ((span >= start) & (span < end)))
    if finish.dark_tip:
        _mix(colour, np.float32(0.06), 1.0 * (span > shape.length - 0.35))


def _paint_root(colour: Floats, site: Site, span: Floats, turns: Floats, detail: float) -> None:
    near = span < 2.5
    if not near.any():
        return
    finish = site.finish
    if finish.collar is not None:
        start, wide = finish.collar
        _mix(colour, _DIRT * np.float32(0.8), 0.8 * ((span > start) & (span < start + wide)))
    joint = smoothstep(max(0.03, detail) * 2, max(0.03, detail), span)
    _mix(colour, np.float32(0.12), 0.75 * joint)
    if finish.rust:
        drops = site.tile(turns * 3, span * np.float32(0.02) + 0.5)
        down = np.exp(-span / (0.25 + 0.35 * np.clip(drops, 0, 2)))
        _mix(colour, _RUST, np.clip(finish.rust * down * smoothstep(-0.3, 1.4, drops), 0, 0.95))


def _erode(colour: Floats, site: Site, span: Floats, edge: Floats, arc: Floats) -> None:
    length = site.turbines[0].shape.length
    outer = smoothstep(0.45, 0.9, span / np.float32(length))
    pits = site.tile(span * np.float32(1.3), arc * np.float32(9.0))
    strong = smoothstep(0.2, 1.1, pits - 14 * edge + 1.1 * outer)
    _mix(colour, _LAMINATE, 0.85 * site.finish.erosion * strong * (outer > 0))


def _paint_fittings(
    colour: Floats, site: Site, span: Floats, edge: Floats, upper: NDArray[np.bool_], detail: float
) -> None:
    finish, shape = site.finish, site.turbines[0].shape
    chord = np.float32(0.6 * shape.chord)
    for position in finish.receptors:
        dx = span - np.float32(position)
        wide = (
            np.float32(max(0.9 * (shape.length - position), 0.25))
            if position > 0.97 * shape.length
            else chord
        )
        distance = np.hypot(dx, (edge - 0.45) * wide)
        _mix(colour, np.float32(0.22), 0.9 * (distance < max(0.045, 0.7 * detail)))
        if finish.lightning and position > 0.6 * shape.length:
            burnt = np.exp(-np.square(distance / np.float32(0.22)))
            ragged = np.clip(
                site.tile(span * np.float32(0.9), edge * np.float32(0.7)) + 0.4, 0, 1.5
            )
            _mix(colour, np.float32(0.03), np.clip(finish.lightning * burnt * ragged, 0, 0.95))
    if finish.generators:
        row = np.abs(edge - 0.3) < 0.018
        inner = (span > 0.06 * shape.length) & (span < 0.5 * shape.length)
        fin = np.abs(span * np.float32(6.0) % 1 - 0.5) < 0.2
        _mix(colour, np.float32(0.16), 0.75 * (row & inner & upper & (fin | (detail > 0.06))))
    if finish.writing:
        _write(colour, site, span, edge, shape)


def _write(colour: Floats, site: Site, span: Floats, edge: Floats, shape: BladeShape) -> None:
    """A number of three digits, and a ring drawn around a finding."""
    tall = 0.12 * shape.chord
    start = shape.length * (0.1 + 0.5 * (site.salt % 13) / 13)
    x = (span - np.float32(start)) / np.float32(tall * 0.25)
    y = (edge - 0.4) * np.float32(shape.chord / tall * 5)
    inside = (x >= 0) & (x < 12) & (y >= 0) & (y < 5)
    if inside.any():
        column, row = x[inside].astype(np.int32), y[inside].astype(np.int32)
        digit = (hashed(column // 4, 0 * column, site.salt) * 10).astype(np.int32)
        bits = _DIGITS[digit, row] >> np.maximum(2 - column % 4, 0) & 1
        weight = np.zeros(span.shape, np.float32)
        weight[inside] = bits * (column % 4 < 3) * 0.9
        _mix(colour, np.float32(0.05), weight)
    centre = shape.length * (0.3 + 0.6 * (site.salt % 29) / 29)
    radius = np.hypot(span - np.float32(centre), (edge - 0.5) * np.float32(0.5 * shape.chord))
    _mix(colour, np.array([0.6, 0.05, 0.05], np.float32), 0.85 * (np.abs(radius - 0.22) < 0.018))
