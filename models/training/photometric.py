"""Light, weather and camera: what makes another site's pictures look different."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
BAND_COLOURS = ((190, 30, 30), (200, 60, 20), (235, 120, 20), (40, 60, 130))


def repaint(rgb: Floats, share: Floats, rng: np.random.Generator) -> Floats:
    """The blades in another light, tint or with bands; (h, w, 3) 0..255, share (h, w) 0..1.

    The rest of the picture stays, so that the network can't tell a blade by this site's white.
    """
    tint = np.exp(rng.normal(0, 0.03, 3) + rng.uniform(math.log(0.6), math.log(1.3)))
    painted = rgb * tint.astype(np.float32)
    if rng.random() < 0.4:
        painted *= 1 + 0.35 * _field(rgb.shape[:2], int(rng.integers(3, 12)), rng)[..., None]
    if rng.random() < 0.2:
        colour = np.array(BAND_COLOURS[rng.integers(len(BAND_COLOURS))], np.float32)
        banded = (painted @ LUMA / 200)[..., None] * colour
        painted = np.where(_bands(rgb.shape[:2], rng)[..., None], banded, painted)
    return rgb + share[..., None] * (painted - rgb)


def weathered(rgb: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Random illumination, haze, exposure, colour, blur, noise and JPEG; (h, w, 3) to uint8."""
    if rng.random() < 0.15:
        shade = _field(rgb.shape[:2], int(rng.integers(2, 6)), rng)
        rgb = rgb * np.exp2(rng.uniform(0.1, 0.7) * shade)[..., None]
    if rng.random() < 0.1:
        rgb = _hazy(rgb, rng)
    rgb = _developed(rgb, rng)
    if rng.random() < 0.15:
        rgb = _softened(rgb, rng)
    if rng.random() < 0.2:
        rgb = _noisy(rgb, rng)
    pixels = np.rint(np.clip(rgb, 0, 255)).astype(np.uint8)
    return _compressed(pixels, rng) if rng.random() < 0.2 else pixels


def _developed(rgb: Floats, rng: np.random.Generator) -> Floats:
    """Exposure, gamma, white balance, saturation and contrast."""
    strength = 0.5 if rng.random() < 0.7 else 1.2
    gamma = math.exp(rng.normal(0, 0.2 * strength))
    gains = math.exp(rng.normal(0, 0.2 * strength)) * np.exp(rng.normal(0, 0.05 * strength, 3))
    curve = 255 * np.linspace(0, 1, 256) ** gamma
    curves = (gains[:, None] * curve).astype(np.float32)
    levels = np.clip(rgb, 0, 255).astype(np.uint8)
    x = np.stack([curves[c][levels[..., c]] for c in range(3)], -1)
    grey = (x @ LUMA)[..., None]
    saturation = 0.0 if rng.random() < 0.05 else math.exp(rng.normal(0, 0.3 * strength))
    contrast = math.exp(rng.normal(0, 0.15 * strength))
    middle = float(grey.mean())
    # middle + contrast * (grey + saturation * (x - grey) - middle)
    x *= np.float32(contrast * saturation)
    x += np.float32(contrast * (1 - saturation)) * grey + np.float32((1 - contrast) * middle)
    return x


def _hazy(rgb: Floats, rng: np.random.Generator) -> Floats:
    """Blended with an airlight that grows or fades from top to bottom."""
    airlight = rng.uniform(150, 245) + rng.normal(0, 8, 3)
    ends = rng.uniform(0.0, 0.75, 2)
    depth = np.linspace(ends[0], ends[1], rgb.shape[0], dtype=np.float32)[:, None, None]
    return rgb + depth * (airlight.astype(np.float32) - rgb)


def _softened(rgb: Floats, rng: np.random.Generator) -> Floats:
    """Defocus, motion, or detail lost to a small picture."""
    image = Image.fromarray(np.rint(np.clip(rgb, 0, 255)).astype(np.uint8))
    kind = rng.integers(3)
    if kind == 0:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 2.0)))
    elif kind == 1:
        length = int(rng.choice([3, 5]))
        line = np.zeros((length, length))
        index = np.arange(length)
        lines = (
            (index, index),
            (index, index[::-1]),
            (np.full(length, length // 2), index),
            (index, np.full(length, length // 2)),
        )
        line[lines[rng.integers(4)]] = 1
        image = image.filter(ImageFilter.Kernel((length, length), line.ravel().tolist()))
    else:
        factor = rng.uniform(1.3, 3.0)
        small = (round(image.width / factor), round(image.height / factor))
        image = image.resize(small, Image.Resampling.BOX).resize(
            image.size, Image.Resampling.BICUBIC
        )
    return np.asarray(image, np.float32)


def _noisy(rgb: Floats, rng: np.random.Generator) -> Floats:
    deviation = np.float32(math.exp(rng.uniform(math.log(0.7), math.log(12))))
    noise = rng.standard_normal(rgb.shape, np.float32) * deviation
    if rng.random() < 0.5:  # grey noise, as cameras leave it
        noise = noise[..., :1]
    return rgb + noise


def _compressed(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(25, 95)))
    return np.asarray(Image.open(file))


def _field(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> Floats:
    """A smooth random field, mostly within -1..1."""
    coarse = rng.normal(0, 0.5, (cells, cells)).astype(np.float32)
    image = Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(image)


def _bands(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Stripes across the picture in a random direction, as aviation marks cross a blade."""
    angle, period = rng.uniform(0, math.pi), rng.uniform(0.1, 0.5) * shape[1]
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])
    phase = (rows * math.sin(angle) + columns * math.cos(angle)) / period + rng.random()
    return phase % 1 < rng.uniform(0.2, 0.6)
