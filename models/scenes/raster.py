"""Which face is seen where: the painter's algorithm, drawn by Pillow at twice the resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.scenes.camera import Camera
from models.scenes.meshes import Mesh

SUBSAMPLES = 2
_NEAR = 0.5
# Widens faces so little that neighbours leave no gap; Pillow counts pixels by their centres.
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
    values : (F + 1, 24) float32
        Centre values and their slopes along x and y of the eight attributes: two coordinates,
        normal, position.
    centres : (F + 1, 2) float32
        Where the centre values hold.
    """

    outline: NDArray[np.float64]
    part: NDArray[np.int32]
    values: NDArray[np.float32]
    centres: NDArray[np.float32]

    def draw(self, width: int, rows: slice) -> NDArray[np.int32]:
        """Face numbers (rows, width) of a band of subsamples; 0 where there is none."""
        band = Image.new("I", (width, rows.stop - rows.start), 0)
        pen = ImageDraw.Draw(band)
        # Pillow's coordinates name pixel centres, ours the corner of the picture.
        outline = self.outline - np.array([0.5, rows.start + 0.5])
        top, bottom = outline[..., 1].min(axis=1), outline[..., 1].max(axis=1)
        seen = np.flatnonzero((bottom > -1) & (top < rows.stop - rows.start))
        for face, corners in zip(seen.tolist(), outline[seen].reshape(-1, 8).tolist(), strict=True):
            pen.polygon(corners, fill=face + 1)
        return np.asarray(band, np.int32)

    def attributes(
        self, faces: NDArray[np.int32], x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The attributes (8, n) of faces at subsample positions."""
        values = self.values[faces].T
        centre = self.centres[faces]
        dx, dy = x - centre[:, 0], y - centre[:, 1]
        interpolated: NDArray[np.float32] = values[:8] + values[8:16] * dx + values[16:] * dy
        return interpolated


def visible_faces(mesh: Mesh, camera: Camera, size: tuple[int, int]) -> Faces:
    """The faces that turn to the camera and fall in a picture of `size` (height, width)."""
    centre = mesh.corners.mean(axis=1)
    normal = np.cross(
        mesh.corners[:, 2] - mesh.corners[:, 0], mesh.corners[:, 3] - mesh.corners[:, 1]
    )
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
    return Faces(outline, part, values, centres)


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
    padded = np.concatenate([np.zeros((1, 24)), values]).astype(np.float32)
    return padded, np.concatenate([np.zeros((1, 2)), middle]).astype(np.float32)
