"""Procedural sky and ground, seen along rays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.scenes.camera import Camera
from models.scenes.noise import Floats, hashed, smoothstep
from models.scenes.site import Site

Bools = NDArray[np.bool_]
_FIELDS = np.array(
    [
        [0.13, 0.2, 0.05], [0.2, 0.27, 0.08], [0.36, 0.28, 0.16], [0.3, 0.22, 0.13],
        [0.42, 0.37, 0.18], [0.24, 0.2, 0.11], [0.1, 0.16, 0.05], [0.45, 0.4, 0.25],
    ],
    np.float32,
)  # fmt: skip
_WOOD = np.array([0.035, 0.06, 0.02], np.float32)


def landscape(site: Site, camera: Camera, rays: Floats) -> Floats:
    """Display-linear colours (h, w, 3) along unit rays (h, w, 3)."""
    shape = rays.shape[:2]
    flat = rays.reshape(-1, 3)
    colour = np.empty_like(flat)
    azimuth = np.arctan2(flat[:, 1], flat[:, 0])
    skyline = _skyline(site, azimuth)
    above = flat[:, 2] > skyline
    sky = np.flatnonzero(above)
    if sky.size:
        colour[sky] = _sky(site, flat[sky])
    ridge = np.flatnonzero(~above & (flat[:, 2] > -0.004))
    if ridge.size:
        colour[ridge] = _ridge(site, azimuth[ridge], flat[ridge, 2])
    ground = np.flatnonzero(~above & (flat[:, 2] <= -0.004))
    if ground.size:
        pixel = 1.0 / (camera.focal * rays.shape[1])
        colour[ground] = _ground(site, camera, flat[ground], pixel)
    return colour.reshape(*shape, 3)


def _skyline(site: Site, azimuth: Floats) -> Floats:
    turns = azimuth / np.float32(2 * np.pi)
    if site.ground == "sea":
        high: Floats = np.float32(0.02) * np.clip(site.tile(turns * 3, turns * 0 + 0.2) - 1.2, 0, 1)
        return high
    hills = 0.03 if site.salt % 3 else 0.1
    rough = site.soft(turns * 2, turns * 0 + 0.7) + np.float32(0.1) * site.tile(
        turns * 5, turns * 0
    )
    return (hills * np.clip(rough * 0.4 + 0.25, 0.03, 2)).astype(np.float32)


def _sky(site: Site, rays: Floats) -> Floats:
    light, (cover, scale, contrast) = site.light, site.cloud
    up = np.clip(rays[:, 2], 0, 1)
    horizon = light.horizon.astype(np.float32)
    towards = np.clip(rays @ light.direction.astype(np.float32), 0, 1)
    glow = np.float32(0.5) * towards**8 + np.float32(0.35) * towards**60
    x = rays[:, 0] / (up + 0.12) * np.float32(scale) + site.salt % 71 / 71
    y = rays[:, 1] / (up + 0.12) * np.float32(scale)
    if site.sky in ("clear-sky", "broken-clouds"):
        zenith = np.array([0.09, 0.22, 0.5], np.float32) * horizon.mean() * 1.3
        t = (1 - up[:, None]) ** 4
        colour = zenith + (horizon * 1.1 - zenith) * t
        colour += glow[:, None] * light.sun.astype(np.float32) * 0.7
        if site.sky == "broken-clouds" or cover > 0.4:
            puffs = site.tile(x, y) + np.float32(0.35) * site.tile(x * 4.1, y * 4.1)
            edge = 0.4 - cover if site.sky == "broken-clouds" else 1.6 - cover * 0.5
            dense = smoothstep(edge, edge + 0.9, puffs)
            thick = smoothstep(edge + 0.3, edge + 2.2, puffs)
            bright = np.float32(0.95) - np.float32(0.45) * thick
            dense *= smoothstep(0.0, 0.06, up)
            white = bright[:, None] * (light.sun * 0.85 + light.sky * 0.6).astype(np.float32)
            colour += (white - colour) * dense[:, None]
        return colour
    layers = site.tile(x * 0.6, y * 0.6) + np.float32(0.3) * site.tile(x * 2.7, y * 2.7)
    depth = 0.04 if site.sky == "haze" else 0.05 + 0.09 * contrast * (site.salt % 5 > 1)
    grey = 1 + np.float32(depth) * layers - np.float32(0.22) * up
    dull = horizon + (horizon.mean() - horizon) * up[:, None]
    return dull * grey[:, None] + glow[:, None] * light.sun.astype(np.float32)


def _ridge(site: Site, azimuth: Floats, up: Floats) -> Floats:
    """Hills at the skyline, pale with distance."""
    base = {"sea": [0.1, 0.13, 0.15], "snow": [0.5, 0.53, 0.58]}.get(site.ground, [0.09, 0.1, 0.06])
    bumps = site.tile(azimuth * 3, up * 6)
    colour = np.array(base, np.float32) * (1 + np.float32(0.25) * bumps)[:, None]
    colour = colour * _irradiance(site)
    veil = np.float32(np.exp(-9000 * site.light.haze - 0.35))
    return colour * veil + site.light.horizon.astype(np.float32) * (1 - veil) * np.float32(0.85)


def _irradiance(site: Site) -> Floats:
    light = site.light
    total: Floats = (light.sun * max(light.direction[2], 0.15) + light.sky).astype(np.float32)
    return total


def _ground(site: Site, camera: Camera, rays: Floats, pixel: float) -> Floats:
    light = site.light
    distance = np.float32(max(camera.position[2], 2.0)) / -rays[:, 2]
    x = distance * rays[:, 0] + np.float32(camera.position[0])
    y = distance * rays[:, 1] + np.float32(camera.position[1])
    # What stands up is not foreshortened as the ground is: its grain is laid out along the
    # logarithm of the distance ahead, where it looks as high as it is wide.
    ahead = camera.axes[2, :2] / max(float(np.hypot(*camera.axes[2, :2])), 1e-3)
    depth = distance * (rays[:, :2] @ ahead.astype(np.float32))
    level = np.float32(max(camera.position[2], 2.0))
    across = distance * (rays[:, 1] * np.float32(ahead[0]) - rays[:, 0] * np.float32(ahead[1]))
    stretched = np.where(
        depth > level, level * (1 + np.log(np.maximum(depth, level) / level)), depth
    )
    tall = (across, np.float32(1.6) * stretched)
    # The ground that one pixel covers, metres along the view.
    foot = (distance * np.float32(pixel) / np.sqrt(-rays[:, 2])).astype(np.float32)
    if site.ground == "sea":
        colour = _sea(site, rays, x, y, foot)
    else:
        make = {"field-rows": _fields, "village": _village, "snow": _snow}.get(site.ground, _wild)
        colour = make(site, x, y, foot, tall) * _irradiance(site)
        shade = site.tile(x / np.float32(2600), y / np.float32(2600))
        if site.sky == "broken-clouds":
            colour *= (1 - np.float32(0.55) * smoothstep(0.1, 0.5, shade))[:, None]
        else:
            colour *= (1 + np.float32(0.08) * shade)[:, None]
    veil = np.exp(-distance * np.float32(light.haze + 3e-5))[:, None]
    hazy: Floats = colour * veil + light.horizon.astype(np.float32) * (1 - veil) * np.float32(0.92)
    return hazy


def _noise(site: Site, x: Floats, y: Floats, foot: Floats, period: float) -> Floats:
    """Noise whose finest grain is a 64th of `period`; it fades where pixels are coarser."""
    keep = 1 / (1 + np.square(foot * np.float32(24 / period)))
    return site.tile(x / np.float32(period), y / np.float32(period)) * keep


def _sea(site: Site, rays: Floats, x: Floats, y: Floats, foot: Floats) -> Floats:
    light = site.light
    swell = _noise(site, x, y * np.float32(0.4), foot, 260)
    chop = _noise(site, x * np.float32(0.6), y, foot, 37)
    slope = np.float32(0.6) * swell + chop
    mirror = (1 - np.clip(-rays[:, 2], 0, 1)) ** 5 * np.float32(0.7) + np.float32(0.06)
    deep = np.array([0.02, 0.06, 0.075], np.float32) * site.palette[0].astype(np.float32)
    seen = light.horizon.astype(np.float32) * (1 + 0.2 * slope)[:, None]
    body = deep * (_irradiance(site) * 1.6) * (1 + np.float32(0.3) * slope)[:, None]
    colour = body + (seen - body) * mirror[:, None]
    reflected = rays * np.array([1, 1, -1], np.float32)
    towards = np.clip(reflected @ light.direction.astype(np.float32), 0, 1)
    glitter = towards ** np.float32(90) * np.clip(1 + slope, 0, 3)
    colour += glitter[:, None] * light.sun.astype(np.float32) * np.float32(0.8)
    foam = smoothstep(2.0, 2.6, chop + np.float32(0.5) * swell)
    return colour + (np.float32(0.7) * foam)[:, None] * _irradiance(site)


def _fields(site: Site, x: Floats, y: Floats, foot: Floats, tall: tuple[Floats, Floats]) -> Floats:
    turn = np.float32(site.salt % 31 / 10)
    bend = _noise(site, x, y, foot * 0, 3000) * np.float32(25)
    u = x * np.cos(turn) + y * np.sin(turn) + bend
    v = y * np.cos(turn) - x * np.sin(turn)
    row = np.floor(v / np.float32(170)).astype(np.int32)
    wide = 90 + 260 * hashed(row, 0 * row, site.salt)
    column = np.floor(u / wide).astype(np.int32)
    kind = hashed(column, row, site.salt + 1)
    colour = (_FIELDS * site.palette.astype(np.float32))[(kind * 8).astype(np.int32)]
    stripe = np.sin((v if site.salt % 2 else u) * np.float32(2 * np.pi / (2.5 + site.salt % 7)))
    fade = 1 / (1 + np.square(foot * np.float32(0.8)))
    grain = _noise(site, x, y, foot, 90) + _noise(site, x, y, foot, 9)
    colour = colour * (1 + np.float32(0.14) * stripe * fade + np.float32(0.1) * grain)[:, None]
    # Hedges and woods along some borders.
    border = np.minimum(v - row * np.float32(170), u - column * wide)
    ragged = border + 6 * _noise(site, x, y, foot, 45)
    hedge = smoothstep(9, 5, ragged) * (hashed(column, row, site.salt + 2) < 0.6)
    wood = (hashed(column, row, site.salt + 3) < 0.12) | (hedge > 0.5)
    crowns, tone = _crowns(site, tall, foot, 8.0)
    crowns = crowns * (np.float32(0.7) + np.float32(0.6) * tone)
    return np.where(wood[:, None], _WOOD * crowns[:, None], colour)


def _village(site: Site, x: Floats, y: Floats, foot: Floats, tall: tuple[Floats, Floats]) -> Floats:
    colour = _fields(site, x, y, foot, tall)
    cell = np.float32(24)
    column, row = np.floor(x / cell).astype(np.int32), np.floor(y / cell).astype(np.int32)
    # A plot is in the town or not, as a whole.
    town = site.tile(column / np.float32(80), row / np.float32(80))
    chance = hashed(column, row, site.salt + 5)
    inside = (chance < 0.75) & (town > 0.15)
    dx = np.abs(x / cell - column - 0.5) * 2
    dy = np.abs(y / cell - row - 0.5) * 2
    wide, deep = 0.3 + 0.3 * hashed(column, row, 7), 0.3 + 0.35 * hashed(column, row, 8)
    house = inside & (dx < wide) & (dy < deep)
    garden = inside & ~house
    colour = np.where(
        garden[:, None], _WOOD * 2.2 * (1 + 0.4 * _noise(site, x, y, foot, 20))[:, None], colour
    )
    tone = hashed(column, row, 9)[:, None]
    red = np.array([0.38, 0.15, 0.09], np.float32)
    roof = np.where(tone < 0.6, red, np.where(tone < 0.8, np.float32(0.75), np.float32(0.25)))
    roof = roof * np.where(y / cell - row > 0.5, np.float32(1.15), np.float32(0.75))[:, None]
    colour = np.where(house[:, None], roof, colour)
    street = (np.minimum(1 - dx, 1 - dy) < 0.12) & (town > 0.15)
    return np.where(street[:, None], np.float32(0.34), colour)


def _snow(site: Site, x: Floats, y: Floats, foot: Floats, tall: tuple[Floats, Floats]) -> Floats:
    drift = _noise(site, x, y, foot, 400) + np.float32(0.4) * _noise(site, x, y, foot, 31)
    colour = np.array([0.84, 0.87, 0.92], np.float32) * (1 + np.float32(0.05) * drift)[:, None]
    woods = site.tile(x / np.float32(1700), y / np.float32(1700)) + np.float32(0.5) * _noise(
        site, x, y, foot, 40
    )
    dark = smoothstep(1.0, 1.3, woods)
    needles = np.array([0.1, 0.11, 0.1], np.float32)
    return (colour + (needles - colour) * dark[:, None]).astype(np.float32)


def _wild(site: Site, x: Floats, y: Floats, foot: Floats, tall: tuple[Floats, Floats]) -> Floats:
    """Forest for vegetation; else dry hills with bushes."""
    tint = site.palette[1].astype(np.float32)
    relief = _noise(site, x, y, foot, 900)
    if site.ground == "vegetation":
        round_, tone = _crowns(site, tall, foot, 9.0)
        leaves = np.float32(0.6) * _noise(site, *tall, foot * 0.4, 30)
        kinds = smoothstep(0.2, 0.9, tone + np.float32(0.2) * relief)[:, None]
        leaf = np.array([0.045, 0.085, 0.022], np.float32) * (1 - kinds)
        leaf = leaf + np.array([0.11, 0.14, 0.04], np.float32) * kinds
        shade = np.clip(np.float32(0.3) + round_ * (1 + leaves * np.float32(0.4)), 0.12, 3)
        return leaf * tint * shade[:, None]
    grass = np.array([0.2, 0.17, 0.085], np.float32) * tint
    stone = np.array([0.36, 0.32, 0.26], np.float32)
    grain = np.float32(0.25) * relief + np.float32(0.15) * _noise(site, x, y, foot, 17)
    colour = grass * (1 + grain)[:, None]
    bare = smoothstep(0.9, 1.6, _noise(site, x, y, foot, 140) + np.float32(0.4) * relief)
    colour = colour + (stone - colour) * bare[:, None]
    round_, tone = _crowns(site, tall, foot, 6.0)
    dense = site.tile(x / np.float32(420), y / np.float32(420)) + 3 * tone
    bush = smoothstep(0.25, 0.45, round_ - 1) * smoothstep(1.2, 1.8, dense)
    leaf = _WOOD * tint * (np.float32(0.4) + round_)[:, None]
    return colour + (leaf - colour) * bush[:, None]


def _crowns(
    site: Site, tall: tuple[Floats, Floats], foot: Floats, cell: float
) -> tuple[Floats, Floats]:
    """Plants on a jittered grid: how much light falls on each place (about 1), a tone per plant.

    Each place takes the nearest of the four plants around it; where a pixel holds whole plants,
    both fade to their means.
    """
    u, v = tall[0] / np.float32(cell), tall[1] / np.float32(cell)
    # Bent by noise, or the grid shows and the plants have straight edges.
    keep = 1 / (1 + np.square(foot / np.float32(cell) * np.float32(0.8)))
    u = (
        u
        + np.float32(0.2) * site.tile(u * 0.031, v * 0.031) * keep
        + site.soft(v * 0.013, u * 0.017)
    )
    v = (
        v
        + np.float32(0.2) * site.tile(v * 0.037, u * 0.029) * keep
        + site.soft(u * 0.019, v * 0.011)
    )
    left, low = np.floor(u - 0.5).astype(np.int32), np.floor(v - 0.5).astype(np.int32)
    best = np.full(u.shape, 9.0, np.float32)
    side = np.zeros(u.shape, np.float32)
    tone = np.zeros(u.shape, np.float32)
    for i in (0, 1):
        for j in (0, 1):
            one = hashed(left + i, low + j, site.salt + 11)
            other = one * 64 % 1
            du = u - (left + i) - np.float32(0.1) - np.float32(0.8) * one
            dv = v - (low + j) - np.float32(0.1) - np.float32(0.8) * other
            far = (du * du + dv * dv) * (np.float32(0.7) + np.float32(0.7) * (one * 4096 % 1))
            nearer = far < best
            best = np.where(nearer, far, best)
            side = np.where(nearer, dv, side)
            tone = np.where(nearer, one * 512 % 1, tone)
    # Tops are bright, gaps dark; the far side of a crown looks to the sky.
    lit = np.float32(1.6) - np.float32(2.2) * np.minimum(best, 0.65) + np.float32(0.6) * side
    return 1 + (lit - 1) * keep, np.float32(0.5) + (tone - np.float32(0.5)) * keep
