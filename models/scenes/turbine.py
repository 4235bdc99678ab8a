"""A turbine: three blades, hub, nacelle and tower, and the faces they are drawn with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.blade import BladeShape
from models.scenes.camera import Camera, unit
from models.scenes.meshes import Mesh, join, revolved, tube, two_sided

Array = NDArray[np.float64]

BLADES, HUB, NACELLE, TOWER, FITTINGS, COLLARS = 3, 3, 4, 5, 6, 7
PARTS = 8  # numbers a turbine takes, so that part // PARTS is the turbine
_FINE_SECTIONS = 90


@dataclass(frozen=True)
class Turbine:
    """A turbine's build and where it stands; lengths in metres, angles in radians.

    Attributes
    ----------
    foot : (3,)
        The tower's foot.
    height : float
        Of the hub over the foot.
    tower_top, tower_foot : float
        Radii of the tower.
    heading : float
        Direction that the rotor's axis looks to, counter-clockwise from east.
    azimuth : float
        Of the first blade, clockwise from straight up, seen from upwind.
    pitch : float
        Of the blades: 0 in operation, a quarter turn when feathered.
    shape : BladeShape
        Of every blade.
    hub : float
        Radius at which the blades begin.
    nacelle : tuple of float
        Length, width and height.
    roundness : float
        Exponent of the nacelle's section: 2 is an ellipse, 8 nearly a box.
    """

    foot: Array
    height: float
    tower_top: float
    tower_foot: float
    heading: float
    azimuth: float
    pitch: float
    shape: BladeShape
    hub: float
    nacelle: tuple[float, float, float]
    roundness: float

    @property
    def axis(self) -> Array:
        """Unit vector along the rotor's axis, upwind, tilted up by 5 degrees."""
        tilt = np.radians(5.0)
        flat = np.array([np.cos(self.heading), np.sin(self.heading), 0.0])
        return np.cos(tilt) * flat + np.sin(tilt) * np.array([0.0, 0.0, 1.0])

    @property
    def hub_centre(self) -> Array:
        """Where the blades' axes meet."""
        top = self.foot + np.array([0.0, 0.0, self.height])
        return top + self.axis * (self.tower_top + 1.6 * self.hub)

    def blade_frame(self, blade: int) -> Array:
        """Rows: a blade's span, the tangent to its trailing edge, the rotor's axis."""
        axis = self.axis
        side = unit(np.cross(axis, np.array([0.0, 0.0, 1.0])))
        up = np.cross(side, axis)
        angle = self.azimuth + blade * 2 * np.pi / BLADES
        span = np.cos(angle) * up + np.sin(angle) * side
        return np.stack([span, np.cross(axis, span), axis])

    def flange(self, blade: int) -> Array:
        """Where a blade begins."""
        start: Array = self.hub_centre + self.hub * self.blade_frame(blade)[0]
        return start

    def blade_axis(self, blade: int, span: Array) -> Array:
        """World points (n, 3) on a blade's axis at distances `span` (n,) from its flange."""
        profile = np.zeros((len(span), 1, 2))
        frame = self.blade_frame(blade)
        return self.shape.place(self.flange(blade), frame, self.pitch, span, profile)[:, 0]

    def blade_mesh(self, blade: int, number: int, camera: Camera, size: tuple[int, int]) -> Mesh:
        """A blade's faces, fine where the camera sees it."""
        shape = self.shape
        # Dense towards the end, where an elliptic tip turns fastest.
        closing = shape.length - shape.tip * (1 - np.sin(np.linspace(0, np.pi / 2, 16)))
        coarse = np.concatenate([np.linspace(0.0, closing[0], 20)[:-1], closing])
        points = self.blade_axis(blade, coarse)
        pixels, depth = camera.project(points, size)
        margin = 2.0 * shape.chord * camera.focal * size[1] / np.maximum(depth, 1.0)
        inside = (pixels > -margin[:, None]) & (pixels < np.array(size[::-1]) + margin[:, None])
        seen = np.flatnonzero(inside.all(axis=1) & (depth > 0.5))
        across = shape.chord * camera.focal * size[1] / max(depth.min(), 2.0)
        m = int(np.clip(across / 6, 10, 64))
        span = coarse
        if len(seen):
            low, high = coarse[max(seen[0] - 1, 0)], coarse[min(seen[-1] + 1, len(coarse) - 1)]
            length = camera.focal * size[1] * (high - low) / max(depth[seen].min(), 2.0)
            sections = int(np.clip(length / 8, 12, _FINE_SECTIONS))
            fine = np.linspace(low, high, sections)
            span = np.union1d(fine, coarse[(coarse < low) | (coarse > shape.length - shape.tip)])
        frame = self.blade_frame(blade)
        part = number * PARTS + blade
        return shape.mesh(self.flange(blade), frame, self.pitch, span, m, part)

    def mesh(self, number: int, camera: Camera, size: tuple[int, int]) -> Mesh:
        """All faces of turbine `number`, fine where `camera` is close."""
        distance = float(np.linalg.norm(self.hub_centre - camera.position))
        scale = camera.focal * size[1] / max(distance, 5.0)  # pixels a metre
        m = int(np.clip(self.tower_foot * scale / 2, 8, 96))
        meshes = [*self._body(number, m, fine=scale > 4)]
        meshes += [self.blade_mesh(blade, number, camera, size) for blade in range(BLADES)]
        return join(meshes)

    def _body(self, number: int, m: int, *, fine: bool) -> list[Mesh]:
        first = number * PARTS
        up = np.array([0.0, 0.0, 1.0])
        _, _, height = self.nacelle
        top = self.height - 0.45 * height
        levels = np.linspace(0.0, 1.0, 60 if fine else 16)
        # Cosine-free spacing would leave the visible top too coarse in close views.
        levels = 1 - (1 - levels) ** 1.5
        radii = self.tower_foot + (self.tower_top - self.tower_foot) * levels
        tower = revolved(self.foot, up, levels * top, radii, first + TOWER, m)
        meshes = [tower, self._nacelle(first, fine), self._spinner(first, m, fine)]
        if fine:
            meshes += self._collars(first, m)
            meshes.append(self._mast(first))
        return meshes

    def _nacelle(self, first: int, fine: bool) -> Mesh:
        length, width, height = self.nacelle
        axis = -self.axis
        side = unit(np.cross(np.array([0.0, 0.0, 1.0]), axis))
        up = np.cross(axis, side)
        along = np.linspace(0.0, 1.0, 24 if fine else 8)
        # The ends are rounded: the section closes over a short way.
        close = np.minimum(along / 0.06, (1 - along) / 0.12)
        scale = np.clip(1 - (1 - np.clip(close, 0, 1)) ** 3, 0.02, 1.0)
        turns = np.linspace(0.0, 1.0, 33 if fine else 13)
        cos, sin = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
        power = 2 / self.roundness
        ring = (np.sign(cos) * np.abs(cos) ** power * width / 2)[:, None] * side + (
            np.sign(sin) * np.abs(sin) ** power * height / 2
        )[:, None] * up
        start = self.hub_centre - self.axis * (0.75 * self.hub)
        points = start + (along * length)[:, None, None] * axis + scale[:, None, None] * ring
        return tube(points, along * length, turns, first + NACELLE)

    def _spinner(self, first: int, m: int, fine: bool) -> Mesh:
        back, nose = 0.85 * self.hub, 1.5 * self.hub
        along = np.concatenate(
            [[-back, -back], np.linspace(-back, nose, 40 if fine else 8)[1:], [nose]]
        )
        shape = np.where(along < 0, 1.0, np.sqrt(np.clip(1 - (along / nose) ** 2, 0.0, 1.0)))
        radii = 0.93 * self.hub * shape
        radii[0] = radii[-1] = 0.01
        return revolved(self.hub_centre, self.axis, along, radii, first + HUB, m)

    def _collars(self, first: int, m: int) -> list[Mesh]:
        collars = []
        radius = 0.53 * self.shape.root
        for blade in range(BLADES):
            span = self.blade_frame(blade)[0]
            along = np.concatenate([np.linspace(-0.6 * self.hub, -0.12, 8), [-0.03, 0.0, 0.0]])
            # The last ring turns inwards, or one would look into the gap beside the blade.
            radii = radius * np.array([*[1.0] * 8, 1.03, 1.03, 0.8])
            collars.append(
                revolved(self.flange(blade), span, along, radii, first + COLLARS, max(m, 20))
            )
        return collars

    def _mast(self, first: int) -> Mesh:
        length, width, height = self.nacelle
        base = self.hub_centre - self.axis * (0.9 * length) + np.array([0, 0, 0.45 * height])
        side = unit(np.cross(np.array([0.0, 0.0, 1.0]), self.axis))
        plates = []
        for offset in (-0.25 * width, 0.2 * width):
            foot = base + offset * side
            for thin in (side, self.axis):
                tall = np.array([0.0, 0.0, 1.5])
                plates.append([foot, foot + 0.07 * thin, foot + 0.07 * thin + tall, foot + tall])
        corners = np.array(plates)
        return two_sided(corners, np.zeros((*corners.shape[:2], 2)), first + FITTINGS)
