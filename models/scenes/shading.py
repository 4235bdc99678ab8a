"""Light on the parts: sun with cast shadows, sky and ground, gloss, haze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.camera import Camera
from models.scenes.finish import blade_albedo, body_albedo
from models.scenes.meshes import Mesh, frame
from models.scenes.noise import Floats, smoothstep
from models.scenes.raster import SUBSAMPLES, Faces, visible_faces
from models.scenes.site import Site
from models.scenes.turbine import BLADES, PARTS, TOWER

_SHADOW_SIDE = 384
_FAR = 1.0e5


@dataclass(frozen=True)
class Shadows:
    """What the sun sees: a part that lies behind it there is in shadow."""

    sun: Camera
    faces: Faces
    numbers: NDArray[np.int32]
    size: tuple[int, int]

    def lit(self, position: Floats) -> Floats:
        """Share of the sun (n,) that reaches positions (3, n)."""
        pixels, depth = self.sun.project(position.T.astype(np.float64), self.size)
        side = self.size[0] * SUBSAMPLES
        total = np.zeros(depth.shape, np.float32)
        for shift in ((-0.7, -0.7), (0.7, -0.7), (0.0, 0.9)):
            spot = pixels * SUBSAMPLES + np.array(shift)
            x = np.clip(spot[:, 0], 0, side - 1).astype(np.int32)
            y = np.clip(spot[:, 1], 0, side - 1).astype(np.int32)
            number = self.numbers[y, x]
            centre_x, centre_y = (x + 0.5).astype(np.float32), (y + 0.5).astype(np.float32)
            hit = self.faces.attributes(number, centre_x, centre_y, slice(5, 8))
            forward = self.sun.axes[2]
            above = forward @ hit - self.sun.position @ forward
            # A surface must not shade itself: what is nearly as deep is the same surface.
            blocked = (number > 0) & (above < depth - 1.2)
            total += ~blocked
        return total / np.float32(3)


def cast_shadows(site: Site, mesh: Mesh, seen: Floats) -> Shadows | None:
    """The sun's view on what is around the seen positions (3, n); None without a sun."""
    if site.light.sun.max() < 0.1 or seen.shape[1] == 0:
        return None
    sun = site.light.direction
    low, high = np.percentile(seen, [1, 99], axis=1)
    centre = (low + high) / 2
    radius = max(float(np.linalg.norm(high - low)) / 2, 2.0)
    side, other = frame(-sun)
    camera = Camera(centre + sun * _FAR, np.stack([side, other, -sun]), _FAR / (2 * radius))
    size = (_SHADOW_SIDE, _SHADOW_SIDE)
    faces = visible_faces(mesh, camera, size)
    return Shadows(camera, faces, faces.draw(*(slice(0, side * SUBSAMPLES) for side in size)), size)


def shade(
    site: Site,
    part: NDArray[np.int32],
    values: Floats,
    camera: Camera,
    shadows: Shadows | None,
    width: int,
) -> Floats:
    """Display-linear colours (n, 3) of seen points.

    Parameters
    ----------
    site : Site
    part : (n,)
        Part of each point.
    values : (8, n)
        Coordinates, normal and position of each.
    camera : Camera
    shadows : Shadows or None
    width : int
        Of the picture, pixels.
    """
    light = site.light
    normal = values[2:5] / np.maximum(np.sqrt(np.square(values[2:5]).sum(axis=0)), 1e-6)
    position = values[5:]
    to_camera = camera.position.astype(np.float32)[:, None] - position
    distance = np.sqrt(np.square(to_camera).sum(axis=0))
    kind = part % PARTS
    albedo = np.empty((part.size, 3), np.float32)
    for turbine in np.unique(part // PARTS):
        for chosen, which in (
            ((kind < BLADES), "blade"), ((kind == TOWER), "tower"), ((kind >= BLADES) & (kind != TOWER), "body"),
        ):  # fmt: skip
            spot = np.flatnonzero(chosen & (part // PARTS == turbine))
            if not spot.size:
                continue
            detail = float(np.median(distance[spot])) / (camera.focal * width)
            along, turns = values[0, spot], values[1, spot]
            if which == "blade":
                # Each blade wears its own dirt: its number shifts the pattern around.
                albedo[spot] = blade_albedo(site, along, turns, detail)
            else:
                albedo[spot] = body_albedo(site, along, turns, which == "tower", detail)
    facing = np.clip(light.direction.astype(np.float32) @ normal, 0, 1)
    if shadows is not None:
        facing = facing * shadows.lit(position)
    if "cloud-shadow" in site.tags:
        facing = facing * _cloud_shadow(site, position)
    up = 0.5 + 0.5 * normal[2]
    # Near the horizon the sky is brightest: faces that look sideways get that light.
    level = (1 - np.abs(normal[2])) * np.float32(0.5)
    sky = up[:, None] * light.sky.astype(np.float32) + (1 - up)[:, None] * light.ground.astype(
        np.float32
    )
    sky += level[:, None] * (light.horizon.astype(np.float32) * np.float32(0.35))
    colour = albedo * (facing[:, None] * light.sun.astype(np.float32) + sky)
    if site.finish.gloss and light.sun.max() > 0.1:
        half = to_camera / distance + light.direction.astype(np.float32)[:, None]
        half /= np.maximum(np.sqrt(np.square(half).sum(axis=0)), 1e-6)
        shine = np.clip((half * normal).sum(axis=0), 0, 1) ** 28 * (facing > 0.02)
        colour += (np.float32(site.finish.gloss * 0.5) * shine)[:, None] * light.sun.astype(
            np.float32
        )
    veil = np.exp(-distance * np.float32(light.haze))[:, None]
    hazy: Floats = colour * veil + light.horizon.astype(np.float32) * (1 - veil)
    return hazy


def _cloud_shadow(site: Site, position: Floats) -> Floats:
    """A cloud's soft edge over the turbine: a wave in height and across."""
    phase = site.salt % 101 / 101
    wave = np.sin(
        position[2] * np.float32(0.16) + position[0] * np.float32(0.07) + np.float32(6.3 * phase)
    )
    return np.float32(0.12) + np.float32(0.88) * smoothstep(-0.25, 0.05, wave)
