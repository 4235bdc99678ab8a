"""A mask in numbers: polygons around the blade, and run lengths."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

from service.segmentation.framing import BLADE_LEVEL

Ring = list[tuple[float, float]]

_OUTSIDE = 1e-3  # how far beyond the border the blade ends, in pixels of the working size
_TOLERANCE = 0.25  # how far a simplified outline may be off, in pixels of the working size


def polygons(levels: NDArray[np.uint8], size: tuple[int, int]) -> list[list[Ring]]:
    """Outline the blade.

    Parameters
    ----------
    levels
        (h, w), a `certainty` as the picture stands: its border is followed within a pixel.
    size
        Rows and columns of the picture.

    Returns
    -------
    list
        A polygon for each piece of blade: a list of rings, the outer one first, then one for each
        hole. A ring is a list of points (x, y) in pixels of the picture, (0, 0) being the upper
        left corner of its first pixel; the last point leads back to the first.
    """
    h, w = levels.shape
    padded = np.pad(np.pad(levels.astype(np.float32), 1, mode="edge"), 1)
    generator = contour_generator(
        _places(w), _places(h), padded, fill_type=FillType.OuterOffset, name="serial"
    )
    filled = generator.filled(BLADE_LEVEL - 0.5, np.inf)
    points, offsets = cast("tuple[list[NDArray[np.float64]], list[NDArray[np.uint32]]]", filled)
    scale = np.array([size[1] / w, size[0] / h])
    found = []
    for shape, starts in zip(points, offsets, strict=True):
        inside = np.clip(shape, 0, (w, h))
        rings = [inside[a : b - 1] for a, b in pairwise(starts)]
        drawn = [np.round(_simplified(ring) * scale, 1).tolist() for ring in rings]
        found.append([[(x, y) for x, y in ring] for ring in drawn])
    return found


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, list[int]]:
    """Write a mask as COCO's uncompressed run lengths.

    Parameters
    ----------
    mask
        (H, W), true for blade.

    Returns
    -------
    dict
        ``size``: height and width; ``counts``: lengths of the runs of background and blade in
        turn, column by column, background first (0 if the first pixel is blade).
    """
    columns = mask.ravel(order="F")
    changes = np.flatnonzero(columns[1:] != columns[:-1]) + 1
    counts = np.diff(np.concatenate([[0], changes, [columns.size]]))
    first = [0] if columns[0] else []
    return {"size": list(mask.shape), "counts": [*first, *counts.tolist()]}


def _places(count: int) -> NDArray[np.float64]:
    """Where samples lie along a side: outside, on the border, in each pixel's middle, and back."""
    middles = np.arange(count) + 0.5
    return np.concatenate([[-_OUTSIDE, 0], middles, [count, count + _OUTSIDE]])


def _simplified(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out points of a closed ring (n, 2) that lie within the tolerance (Douglas-Peucker)."""
    far = int(np.square(ring - ring[0]).sum(1).argmax())
    closed = np.concatenate([ring, ring[:1]])
    kept = {0, far}
    spans = [(0, far), (far, len(ring))]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        distances = _distances(closed[first + 1 : last], closed[first], closed[last])
        worst = int(distances.argmax())
        if distances[worst] > _TOLERANCE:
            middle = first + 1 + worst
            kept.add(middle)
            spans += [(first, middle), (middle, last)]
    return closed[sorted(kept)]


def _distances(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances of points (n, 2) from the line through two others."""
    along = end - start
    length = float(np.hypot(*along))
    away = points - start
    if length == 0:
        return np.hypot(away[:, 0], away[:, 1])
    distances: NDArray[np.float64] = np.abs(away[:, 0] * along[1] - away[:, 1] * along[0]) / length
    return distances
