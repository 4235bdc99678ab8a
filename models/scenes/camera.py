"""A pinhole camera in a world whose z points up, in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Where a picture is taken from.

    Attributes
    ----------
    position : (3,) float64
        The centre of projection, metres.
    axes : (3, 3) float64
        Rows: right, down and forward in the world.
    focal : float
        Focal length in picture widths (24 mm on a full-frame sensor is 0.67).
    """

    position: Vector
    axes: Vector
    focal: float

    def project(self, points: Vector, size: tuple[int, int]) -> tuple[Vector, Vector]:
        """Pixel coordinates (..., 2) of world points (..., 3), and their depths (...)."""
        height, width = size
        local = (points - self.position) @ self.axes.T
        depth = local[..., 2]
        scale = self.focal * width / np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        pixels = local[..., :2] * scale[..., None] + np.array([width / 2, height / 2])
        return pixels, depth

    def rays(self, size: tuple[int, int], rows: slice) -> NDArray[np.float32]:
        """Unit directions (rows, width, 3) through the centres of the pixels of some rows."""
        height, width = size
        x = (np.arange(width) + 0.5 - width / 2) / (self.focal * width)
        y = (np.arange(rows.start, rows.stop) + 0.5 - height / 2) / (self.focal * width)
        right, down, forward = self.axes.astype(np.float32)
        rays = (
            x.astype(np.float32)[None, :, None] * right
            + y.astype(np.float32)[:, None, None] * down
            + forward
        )
        length = np.sqrt(np.einsum("ijk,ijk->ij", rays, rays))
        unit: NDArray[np.float32] = rays / length[..., None]
        return unit


def look_at(position: Vector, target: Vector, focal: float, roll: float = 0.0) -> Camera:
    """A camera at `position` that sees `target` in its middle, turned by `roll` radians."""
    forward = unit(target - position)
    up = np.array([0.0, 0.0, 1.0])
    if abs(forward[2]) > 0.999:
        up = np.array([0.0, 1.0, 0.0])
    right = unit(np.cross(forward, up))
    down = np.cross(forward, right)
    cos, sin = np.cos(roll), np.sin(roll)
    axes = np.stack([cos * right + sin * down, cos * down - sin * right, forward])
    return Camera(position, axes, focal)


def unit(vector: Vector) -> Vector:
    """The vector at length 1."""
    return vector / np.linalg.norm(vector)
