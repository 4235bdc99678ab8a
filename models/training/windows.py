"""Views of a picture: a turned, scaled and mirrored window, averaged over what a pixel covers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.training.pairs import BLADE, CHANNELS, Levels

SMALL_ANGLE = math.radians(7)  # standard deviation
LARGEST_ANGLE = math.radians(25)
LARGEST_ZOOM = 4.0
WHOLE = 0.65  # views that show nearly all of a picture
FINEST = 0.4  # picture pixels to one of the view: beyond that there is nothing but blur
SQUEEZE = 0.12  # standard deviation of the logarithm of the ratio of the two scales


@dataclass(frozen=True)
class Window:
    """Which part of a picture a view shows.

    ``centre`` is (row, column) in picture pixels; ``scale`` says how many of them one pixel of the
    view covers, down and across; ``angle`` is in radians; ``mirrored`` is left to right.
    """

    centre: tuple[float, float]
    scale: tuple[float, float]
    angle: float = 0.0
    mirrored: bool = False

    def matrix(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """From coordinates in a view (x, y, 1) to those in the picture (x, y), (2, 3)."""
        height, width = size
        sine, cosine = math.sin(self.angle), math.cos(self.angle)
        across = -self.scale[1] if self.mirrored else self.scale[1]
        linear = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([across, self.scale[0]])
        origin = np.array([self.centre[1], self.centre[0]]) - linear @ [width / 2, height / 2]
        return np.column_stack([linear, origin])

    def extent(self, size: tuple[int, int]) -> tuple[float, float]:
        """Height and width in the picture of the upright rectangle around the window."""
        height, width = size[0] * self.scale[0], size[1] * self.scale[1]
        sine, cosine = abs(math.sin(self.angle)), abs(math.cos(self.angle))
        return sine * width + cosine * height, cosine * width + sine * height

    def inside(self, size: tuple[int, int], height: int, width: int) -> Window:
        """The window zoomed and moved as little as needed to lie within a picture of that size."""
        down, across = self.extent(size)
        shrink = min(1.0, height / down, width / across)
        down, across = down * shrink, across * shrink
        row = min(max(self.centre[0], down / 2), height - down / 2)
        column = min(max(self.centre[1], across / 2), width - across / 2)
        scale = (self.scale[0] * shrink, self.scale[1] * shrink)
        return replace(self, centre=(row, column), scale=scale)


def view(levels: Levels, window: Window, size: tuple[int, int]) -> NDArray[np.uint8]:
    """What a window shows of a picture, (height, width, 5); zero beyond the picture.

    Interpolated on the level whose pixels come nearest to the view's: each averages what it covers.
    ``size`` is height and width of the view.
    """
    height, width = size
    number = min(max(round(math.log2(min(window.scale))), 0), len(levels) - 1)
    array = levels[number]
    matrix = window.matrix(size) / 2**number
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    left, top = (max(0, int(low) - 2) for low in corners.min(1))
    right = min(array.shape[1], math.ceil(corners[0].max()) + 2)
    bottom = min(array.shape[0], math.ceil(corners[1].max()) + 2)
    if right <= left or bottom <= top:
        return np.zeros((height, width, CHANNELS), np.uint8)
    matrix[:, 2] -= (left, top)
    seen = array[top:bottom, left:right]
    found = np.empty((height, width, CHANNELS), np.uint8)
    # Four bands and one: as RGBA, Pillow would multiply the colours by the fourth.
    for bands, mode in ((slice(0, 4), "CMYK"), (4, "L")):
        image = Image.frombuffer(mode, seen.shape[1::-1], np.ascontiguousarray(seen[..., bands]))
        method, resampling = Image.Transform.AFFINE, Image.Resampling.BILINEAR
        shown = image.transform((width, height), method, tuple(matrix.ravel()), resampling)
        found[..., bands] = np.asarray(shown)
    return found


def whole(size: tuple[int, int], height: int, width: int) -> Window:
    """All of a picture, squeezed to the view's proportions as the service does it."""
    return Window((height / 2, width / 2), (height / size[0], width / size[1]))


def near(
    levels: Levels, channel: int, scale: float, size: tuple[int, int], rng: np.random.Generator
) -> tuple[float, float] | None:
    """The middle of a random window of that scale that shows some of a channel; None without any.

    Off the middle, so that where a blade lies in a view says nothing.
    """
    coarse = levels[-1][..., channel]
    places = np.flatnonzero(coarse > 32)
    if not len(places):
        return None
    row, column = divmod(int(places[rng.integers(len(places))]), coarse.shape[1])
    pixels = levels[0].shape[0] / coarse.shape[0]
    shift = rng.uniform(-0.4, 0.4, 2) * scale * np.array(size)
    return (row + 0.5) * pixels + shift[0], (column + 0.5) * pixels + shift[1]


def draw_window(levels: Levels, size: tuple[int, int], rng: np.random.Generator) -> Window:
    """A random window that lies within the picture.

    Mostly nearly the whole picture, a zoom into it else, then mostly near some blade.
    """
    height, width = levels[0].shape[:2]
    angle = float(np.clip(rng.normal(0, SMALL_ANGLE), -LARGEST_ANGLE, LARGEST_ANGLE))
    angle *= rng.random() < 0.6
    mirrored = bool(rng.random() < 0.5)
    window = replace(whole(size, height, width), angle=angle, mirrored=mirrored)
    if rng.random() < WHOLE:
        return window.inside(size, height, width)
    zoom = math.exp(rng.uniform(0, math.log(LARGEST_ZOOM)))
    scale = max(FINEST, min(height / size[0], width / size[1]) / zoom)
    squeeze = math.exp(rng.normal(0, SQUEEZE))
    centre = (rng.uniform(0, height), rng.uniform(0, width))
    if rng.random() < 0.75:
        centre = near(levels, BLADE, scale, size, rng) or centre
    scales = (scale * squeeze, scale / squeeze)
    return Window(centre, scales, angle, mirrored).inside(size, height, width)
