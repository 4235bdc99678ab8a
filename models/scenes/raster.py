"""Which face is seen where: the painter's algorithm, drawn by Pillow at twice the resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.scenes.camera import Camera
from models.scenes.meshes import Mesh, cross
from models.scenes.turbine import PARTS

SUBSAMPLES = 2
_NEAR = 0.5
# Square subsamples added to a face's spread: edge-on faces have no slopes to extrapolate.
_RIDGE = 0.05


@dataclass(frozen=True)
class Faces:
    """The faces that a camera sees, farthest first, in subsample coordinates.

    Attributes
    ----------
    outline : (F, 4, 2) float64
        Corners on the picture, in subsamples.
    part : (F + 1,) int32
        Part of each face; number 0 is the background, of part -1.
    values : (24, F + 1) float32
        Centre values and their slopes along x and y of the eight attributes: two coordinates,
        normal, position.
    centres : (2, F + 1) float32
        Where the centre values hold.
    camera : Camera
        Whose picture it is.
    """

    outline: NDArray[np.float64]
    part: NDArray[np.int32]
    values: NDArray[np.float32]
    centres: NDArray[np.float32]
    camera: Camera

    def draw(self, columns: slice, rows: slice) -> NDArray[np.int32]:
        """Face numbers (rows, columns) of some subsamples; 0 where there is none.

        Each body is drawn back to front; where bodies meet, the nearer point wins, so that a
        blade leaves its hub along a clean line.
        """
        band = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.int32)
        group = np.where(self.part[1:] < PARTS, self.part[1:], PARTS + self.part[1:] // PARTS)
        low, high = self.outline.min(axis=1), self.outline.max(axis=1)
        inside = (high[:, 1] > rows.start - 1) & (low[:, 1] < rows.stop + 1)
        for body in np.unique(group[inside]):
            seen = np.flatnonzero(inside & (group == body))
            left, top = np.floor(low[seen].min(axis=0)).astype(int) - 1
            right, bottom = np.ceil(high[seen].max(axis=0)).astype(int) + 1
            left, right = max(left, columns.start), min(right, columns.stop)
            top, bottom = max(top, rows.start), min(bottom, rows.stop)
            if left >= right or top >= bottom:
                continue
            drawn = self._body(seen, (left, top, right, bottom))
            spot = band[
                top - rows.start : bottom - rows.start, left - columns.start : right - columns.start
            ]
            both = np.nonzero((spot > 0) & (drawn > 0))
            if both[0].size:
                x = (both[1] + (left + 0.5)).astype(np.float32)
                y = (both[0] + (top + 0.5)).astype(np.float32)
                behind = self._depth(drawn[both], x, y) > self._depth(spot[both], x, y)
                drawn[both[0][behind], both[1][behind]] = 0
            np.copyto(spot, drawn, where=drawn > 0)
        return band

    def box(self, width: int, rows: slice) -> tuple[int, int, int, int]:
        """Left, top, right and bottom (outside, in subsamples) of what a band can show."""
        if not len(self.outline):
            return 0, rows.start, 0, rows.start
        low = np.floor(self.outline.min(axis=(0, 1))).astype(int) - 2
        high = np.ceil(self.outline.max(axis=(0, 1))).astype(int) + 2
        left, right = np.clip([low[0], high[0]], 0, width).tolist()
        top, bottom = np.clip([low[1], high[1]], rows.start, rows.stop).tolist()
        return left, top, right, bottom

    def _body(self, seen: NDArray[np.intp], box: tuple[int, int, int, int]) -> NDArray[np.int32]:
        left, top, right, bottom = box
        canvas = Image.new("I", (right - left, bottom - top), 0)
        pen = ImageDraw.Draw(canvas)
        # Pillow fills what an outline touches: bodies grow by a third of a subsample, no gap stays.
        outline = self.outline[seen] - np.array([left, top])
        corners = outline.reshape(-1, 8).tolist()
        for face, polygon in zip(seen.tolist(), corners, strict=True):
            pen.polygon(polygon, fill=face + 1)
        return np.array(canvas, np.int32)

    def _depth(
        self, faces: NDArray[np.int32], x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        position = self.attributes(faces, x, y, slice(5, 8))
        depth: NDArray[np.float32] = self.camera.axes[2].astype(np.float32) @ position
        return depth

    def attributes(
        self,
        faces: NDArray[np.int32],
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        which: slice = slice(0, 8),
    ) -> NDArray[np.float32]:
        """Some of the attributes (8, n) of faces at subsample positions."""
        dx = x - np.take(self.centres[0], faces)
        dy = y - np.take(self.centres[1], faces)
        rows = range(which.start, which.stop)
        interpolated = np.empty((len(rows), faces.size), np.float32)
        for place, row in enumerate(rows):
            np.take(self.values[row], faces, out=interpolated[place])
            interpolated[place] += np.take(self.values[8 + row], faces) * dx
            interpolated[place] += np.take(self.values[16 + row], faces) * dy
        return interpolated


def visible_faces(mesh: Mesh, camera: Camera, size: tuple[int, int]) -> Faces:
    """The faces that turn to the camera and fall in a picture of `size` (height, width)."""
    centre = mesh.corners.mean(axis=1)
    normal = cross(mesh.corners[:, 2] - mesh.corners[:, 0], mesh.corners[:, 3] - mesh.corners[:, 1])
    turned = np.einsum("ij,ij->i", normal, centre - camera.position) < 0
    kept = np.flatnonzero(turned)
    pixels, depth = camera.project(mesh.corners[kept], size)
    outline = pixels * SUBSAMPLES
    low, high = outline.min(axis=1), outline.max(axis=1)
    limit = np.array([size[1], size[0]]) * SUBSAMPLES
    inside = (depth.min(axis=1) > _NEAR) & (high > 0).all(axis=1) & (low < limit).all(axis=1)
    chosen = np.flatnonzero(inside)
    distance = np.linalg.norm(centre[kept[chosen]] - camera.position, axis=1)
    chosen = chosen[np.argsort(-distance, kind="stable")]
    kept, outline = kept[chosen], outline[chosen]
    attributes = np.concatenate(
        [mesh.coordinates[kept], mesh.normals[kept], mesh.corners[kept]], axis=-1
    )
    values, centres = _planes(outline, attributes)
    part = np.concatenate([[-1], mesh.part[kept]]).astype(np.int32)
    return Faces(outline, part, values, centres, camera)


def _planes(
    outline: NDArray[np.float64], attributes: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The least-squares plane of each attribute over each face, flat where a face is edge-on."""
    middle = outline.mean(axis=1)
    mean = attributes.mean(axis=1)
    offset = outline - middle[:, None]
    rest = attributes - mean[:, None]
    square = np.einsum("fci,fcj->fij", offset, offset)
    moment = np.einsum("fci,fck->fik", offset, rest)
    a, b, d = square[:, 0, 0] + _RIDGE, square[:, 0, 1], square[:, 1, 1] + _RIDGE
    determinant = (a * d - b * b)[:, None]
    slope_x = (d[:, None] * moment[:, 0] - b[:, None] * moment[:, 1]) / determinant
    slope_y = (a[:, None] * moment[:, 1] - b[:, None] * moment[:, 0]) / determinant
    values = np.concatenate([mean, slope_x, slope_y], axis=1)
    padded = np.pad(values.T, ((0, 0), (1, 0))).astype(np.float32)
    return padded, np.pad(middle.T, ((0, 0), (1, 0))).astype(np.float32)
