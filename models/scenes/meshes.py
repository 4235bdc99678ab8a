"""Surfaces as four-cornered faces that carry normals and coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mesh:
    """Faces of one or more surfaces.

    Attributes
    ----------
    corners : (F, 4, 3) float64
        World positions, metres; counter-clockwise seen from outside.
    normals : (F, 4, 3) float64
        Unit outward normals at the corners.
    coordinates : (F, 4, 2) float64
        Metres along the surface's axis, and turns around it (0 to 1).
    part : (F,) int32
        Which part of the scene a face belongs to.
    """

    corners: Array
    normals: Array
    coordinates: Array
    part: NDArray[np.int32]


def join(meshes: Sequence[Mesh]) -> Mesh:
    """All faces of several meshes as one."""
    return Mesh(
        np.concatenate([mesh.corners for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.coordinates for mesh in meshes]),
        np.concatenate([mesh.part for mesh in meshes]),
    )


def tube(points: Array, along: Array, around: Array, part: int) -> Mesh:
    """The surface through closed sections.

    Parameters
    ----------
    points : (n, m, 3)
        Sections one after the other; in each the last point is the first again, and they run
        counter-clockwise seen against the axis.
    along : (n,)
        Coordinate of each section, metres.
    around : (m,)
        Coordinate of each point in its section, turns.
    part : int
        The part that all faces belong to.
    """
    normals = _normals(points)
    v, u = np.meshgrid(around, along)
    grid = np.stack([u, v], axis=-1)
    return Mesh(
        _quads(points),
        _quads(normals),
        _quads(grid),
        np.full((points.shape[0] - 1) * (points.shape[1] - 1), part, np.int32),
    )


def revolved(start: Array, axis: Array, along: Array, radii: Array, part: int, m: int) -> Mesh:
    """A surface of revolution: radius `radii[i]` at `along[i]` metres from `start`."""
    side, other = frame(axis)
    turns = np.linspace(0.0, 1.0, m + 1)
    angle = 2 * np.pi * turns
    ring = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * other
    points = start + along[:, None, None] * axis + radii[:, None, None] * ring
    return tube(points, along, turns, part)


def frame(axis: Array) -> tuple[Array, Array]:
    """Two unit vectors that make a right-handed frame with `axis` as the third."""
    helper = np.array([0.0, 0.0, 1.0]) if abs(axis[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    side = np.cross(helper, axis)
    side /= np.linalg.norm(side)
    return side, np.cross(axis, side)


def two_sided(corners: Array, coordinates: Array, part: int) -> Mesh:
    """Flat thin plates (F, 4, 3) that are seen from either side."""
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    normals = np.repeat(normal[:, None], 4, axis=1)
    return Mesh(
        np.concatenate([corners, corners[:, ::-1]]),
        np.concatenate([normals, -normals]),
        np.concatenate([coordinates, coordinates[:, ::-1]]),
        np.full(2 * len(corners), part, np.int32),
    )


def cross(a: Array, b: Array) -> Array:
    """The cross product of vectors (..., 3); numpy's general one takes five times as long."""
    x = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    y = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    z = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return np.stack([x, y, z], axis=-1)


def _quads(grid: Array) -> Array:
    quads = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=2)
    return quads.reshape(-1, 4, grid.shape[-1])


def _normals(points: Array) -> Array:
    # The seam's first and last points are one: its neighbours lie on both sides of it.
    ring = np.concatenate([points[:, -2:-1], points, points[:, 1:2]], axis=1)
    around = ring[:, 2:] - ring[:, :-2]
    along = np.gradient(points, axis=0)
    normals = cross(around, along)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    return normals / np.maximum(length, 1e-12)
