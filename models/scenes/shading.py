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

_SHADOW_SIDE = (384, 2048)  # samples of the sun's view, for small and for large pictures
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
        total = np.zeros(position.shape[1], np.float32)
        for shift in ((-0.7, -0.7), (0.7, -0.7), (0.0, 0.9)):
            total += self.blocker(position, shift) < 0
        return total / np.float32(3)

    def blocker(
        self, position: Floats, shift: tuple[float, float] = (0.0, 0.0)
    ) -> NDArray[np.int32]:
        """The part (n,) that keeps the sun from positions (3, n); -1 for none.

        `shift` moves the look-up by some samples of the sun's view.
        """
        pixels, depth = self.sun.project(position.T.astype(np.float64), self.size)
        side = self.size[0] * SUBSAMPLES
        spot = pixels * SUBSAMPLES + np.array(shift)
        x = np.clip(spot[:, 0], 0, side - 1).astype(np.int32)
        y = np.clip(spot[:, 1], 0, side - 1).astype(np.int32)
        number = self.numbers[y, x]
        centre_x, centre_y = (x + 0.5).astype(np.float32), (y + 0.5).astype(np.float32)
        hit = self.faces.attributes(number, centre_x, centre_y, slice(5, 8))
        forward = self.sun.axes[2]
        above = forward @ hit - self.sun.position @ forward
        # A surface must not shade itself: what is nearly as deep is the same surface.
        return np.where(above < depth - 1.2, self.faces.part[number], np.int32(-1))


def cast_shadows(site: Site, mesh: Mesh, seen: Floats, width: int) -> Shadows | None:
    """The sun's view on what is around the seen positions (3, n); None without a sun.

    `width` of the picture, in pixels, decides how fine the shadows' edges are.
    """
    if site.light.sun.max() < 0.1 or seen.shape[1] == 0:
        return None
    sun = site.light.direction
    low, high = np.percentile(seen, [1, 99], axis=1)
    centre = (low + high) / 2
    radius = max(float(np.linalg.norm(high - low)) / 2, 2.0)
    side, other = frame(-sun)
    camera = Camera(centre + sun * _FAR, np.stack([side, other, -sun]), _FAR / (2 * radius))
    side_pixels = int(np.clip(width // 2, *_SHADOW_SIDE))
    size = (side_pixels, side_pixels)
    faces = visible_faces(mesh, camera, size)
    return Shadows(camera, faces, faces.draw(*(slice(0, side * SUBSAMPLES) for side in size)), size)


@dataclass(frozen=True)
class Look:
    """All that the colour of a seen point depends on, besides the point.

    Attributes
    ----------
    site : Site
    camera : Camera
    shadows : Shadows or None
    details : tuple of float
        Size of a pixel on each turbine, metres: nothing finer is painted on it.
    """

    site: Site
    camera: Camera
    shadows: Shadows | None
    details: tuple[float, ...]


def look(site: Site, camera: Camera, mesh: Mesh, faces: Faces, size: tuple[int, int]) -> Look:
    """What the pixels of a whole picture of `size` (height, width) have in common."""
    position = faces.values[5:8, 1:].astype(np.float64)
    distance = np.linalg.norm(position - camera.position[:, None], axis=0)
    owner = faces.part[1:] // PARTS
    details = tuple(
        float(np.median(distance[owner == number])) / (camera.focal * size[1])
        if (owner == number).any()
        else 1.0
        for number in range(len(site.turbines))
    )
    near = distance < 3 * distance.min(initial=_FAR)
    shadows = cast_shadows(site, mesh, position[:, near].astype(np.float32), size[1])
    return Look(site, camera, shadows, details)


def blade_shades_tower(view: Look, faces: Faces, numbers: NDArray[np.int32]) -> bool:
    """Whether a blade's shadow takes a good part of the sunlit side of the tower.

    `numbers` are the faces that a picture shows, a row and column a subsample.
    """
    y, x = np.nonzero(faces.part[numbers] == TOWER)
    if view.shadows is None or not y.size:
        return False
    centres = (x + 0.5).astype(np.float32), (y + 0.5).astype(np.float32)
    values = faces.attributes(numbers[y, x], *centres)
    sunny = view.site.light.direction @ values[2:5] > 0.2
    blocker = view.shadows.blocker(values[5:, sunny])
    shaded = ((blocker >= 0) & (blocker % PARTS < BLADES)).sum()
    return bool(0.08 * sunny.sum() < shaded < 0.9 * sunny.sum())


def shade(view: Look, part: NDArray[np.int32], values: Floats) -> Floats:
    """Display-linear colours (n, 3) of seen points.

    Parameters
    ----------
    view : Look
    part : (n,)
        Part of each point.
    values : (8, n)
        Coordinates, normal and position of each.
    """
    site, camera, light = view.site, view.camera, view.site.light
    normal = values[2:5] / np.maximum(np.sqrt(np.square(values[2:5]).sum(axis=0)), 1e-6)
    position = values[5:]
    to_camera = camera.position.astype(np.float32)[:, None] - position
    distance = np.sqrt(np.square(to_camera).sum(axis=0))
    albedo = np.empty((part.size, 3), np.float32)
    present = np.flatnonzero(np.bincount(part))
    for number in present.tolist():
        spot = np.flatnonzero(part == number) if len(present) > 1 else np.s_[:]
        along, turns = values[0, spot], values[1, spot]
        turbine, kind = divmod(number, PARTS)
        detail = view.details[turbine]
        if kind < BLADES:
            albedo[spot] = blade_albedo(site, number, along, turns, detail)
        else:
            albedo[spot] = body_albedo(site, number, along, turns, detail)
    facing = np.clip(light.direction.astype(np.float32) @ normal, 0, 1)
    if view.shadows is not None:
        facing = facing * view.shadows.lit(position)
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
