"""Real photographs as backgrounds, and the transfer curve between them and light."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
_SUFFIXES = {".avif", ".jpg", ".jpeg", ".png", ".webp"}


def background_paths(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names; ValueError if there are none."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise ValueError(f"{folder}: no pictures to use as backgrounds")
    return paths


def to_light(picture: NDArray[np.uint8]) -> Floats:
    """Display-linear values of sRGB ones (IEC 61966-2-1)."""
    level = np.arange(256) / 255
    table = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    light: Floats = table.astype(np.float32)[picture]
    return light


def to_display(light: Floats, bend: float = 0.0) -> Floats:
    """sRGB values 0..255 (not rounded) of display-linear ones, bright ones rolled off softly.

    `bend` adds an S-curve: contrast as cameras add it.
    """
    steps = 16384
    level = np.arange(steps) / (steps - 1) * 2.0
    knee = 0.75
    soft = np.where(level < knee, level, knee + (1 - knee) * np.tanh((level - knee) / (1 - knee)))
    table = np.where(soft <= 0.0031308, soft * 12.92, 1.055 * soft ** (1 / 2.4) - 0.055)
    index = np.clip(light * np.float32((steps - 1) / 2.0), 0, steps - 1).astype(np.int32)
    table = table + 2 * bend * (table * table * (3 - 2 * table) - table)
    display: Floats = np.take((table * 255).astype(np.float32), index)
    return display


def photo_background(
    rng: np.random.Generator, paths: Sequence[Path], size: tuple[int, int]
) -> Floats:
    """A part of one of the photographs, mirrored or enlarged to `size`, display-linear."""
    height, width = size
    picture = _load(paths[int(rng.integers(len(paths)))])
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    own_height, own_width = picture.shape[:2]
    # Mirroring keeps the photograph as sharp as it is; enlarging keeps its layout.
    fit = max(height / own_height, width / own_width)
    scale = max(height / own_height, 1.0) if rng.random() < 0.5 else fit * rng.uniform(1.0, 1.4)
    scaled = (max(round(own_width * scale), 1), max(round(own_height * scale), height))
    image = Image.fromarray(np.ascontiguousarray(picture)).resize(scaled, Image.Resampling.BICUBIC)
    array = np.asarray(image)
    if array.shape[1] < width:
        missing = width - array.shape[1]
        left = int(rng.integers(missing + 1))
        array = np.pad(array, ((0, 0), (left, missing - left), (0, 0)), mode="reflect")
    top = int(rng.integers(array.shape[0] - height + 1))
    left = int(rng.integers(array.shape[1] - width + 1))
    return to_light(array[top : top + height, left : left + width])


@lru_cache(maxsize=64)
def _load(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.uint8)
