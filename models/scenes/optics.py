"""What lens, sensor and JPEG do to a picture."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from models.scenes.camera import Camera
from models.scenes.photographs import to_display
from models.scenes.site import Site

Floats = NDArray[np.float32]
Rng = np.random.Generator


def photograph(
    rng: Rng, site: Site, camera: Camera, light: Floats, faults: tuple[str, ...]
) -> NDArray[np.uint8]:
    """The 8-bit picture of display-linear `light` (h, w, 3), with the camera's `faults`."""
    width = light.shape[1]
    sigma = rng.uniform(0.3, 0.7)
    if "defocus" in faults:
        sigma = width * rng.uniform(0.0025, 0.008)
    light = _blur(light, sigma)
    if "motion-blur" in faults:
        light = _smear(rng, light, width * rng.uniform(0.008, 0.025))
    if "sun-glare" in site.tags:
        light = light + _glare(site, camera, light.shape[:2])
    if "drops" in faults:
        light = _drops(rng, light)
    light = light * np.float32(site.exposure * np.exp(rng.normal(0, 0.06)))
    if rng.random() < 0.4:
        light *= _vignette(rng, light.shape[:2])
    light *= (1 + rng.normal(0, 0.025, 3)).astype(np.float32)
    picture = to_display(light, rng.uniform(-0.05, 0.2))
    vivid = np.float32(rng.uniform(0.8, 1.3))
    grey = picture @ np.full(3, 1 / 3, np.float32)
    picture = grey[..., None] * (np.float32(1) - vivid) + picture * vivid
    if rng.random() < 0.4:
        # Drones sharpen in the camera: edges get a bright and a dark seam.
        picture += np.float32(rng.uniform(0.3, 1.2)) * (picture - _blur(picture, 0.9))
    picture += _grain(rng, picture, float(np.exp(rng.uniform(np.log(0.3), np.log(4.0)))))
    eight = np.clip(picture + np.float32(0.5), 0, 255).astype(np.uint8)
    return _jpeg(eight, int(rng.integers(72, 97)), int(rng.choice([0, 2])))


def _blur(light: Floats, sigma: float) -> Floats:
    if sigma > 3:
        # A quarter of the samples hold all that such a blur leaves.
        small = light[: light.shape[0] // 2 * 2, : light.shape[1] // 2 * 2]
        small = (
            small[::2, ::2] + small[1::2, ::2] + small[::2, 1::2] + small[1::2, 1::2]
        ) * np.float32(0.25)
        rough = _blur(small, sigma / 2)
        y = np.clip((np.arange(light.shape[0]) - 0.5) / 2, 0, rough.shape[0] - 1.001)
        x = np.clip((np.arange(light.shape[1]) - 0.5) / 2, 0, rough.shape[1] - 1.001)
        rows, columns = y.astype(int), x.astype(int)
        down = (y - rows).astype(np.float32)[:, None, None]
        right = (x - columns).astype(np.float32)[None, :, None]
        tall = rough[rows] * (1 - down) + rough[rows + 1] * down
        wide: Floats = tall[:, columns] * (1 - right) + tall[:, columns + 1] * right
        return wide
    blurred: Floats = gaussian_filter(light, (sigma, sigma, 0), truncate=3.0)
    return blurred


def _vignette(rng: Rng, size: tuple[int, int]) -> Floats:
    """The lens gives its corners less light."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in size)
    far = (np.square(x)[None, :] + np.square(y)[:, None]) / 2
    fall: Floats = 1 - np.float32(rng.uniform(0.1, 0.5)) * far.astype(np.float32)
    return fall[..., None]


def _smear(rng: Rng, light: Floats, length: float) -> Floats:
    angle = rng.uniform(0, np.pi)
    steps = int(np.clip(length, 3, 24))
    total = np.zeros_like(light)
    height, width = light.shape[:2]
    for share in np.linspace(-0.5, 0.5, steps):
        dy = round(share * length * np.sin(angle))
        dx = round(share * length * np.cos(angle))
        rows = np.clip(np.arange(height) + dy, 0, height - 1)
        columns = np.clip(np.arange(width) + dx, 0, width - 1)
        total += light[rows][:, columns]
    return total / np.float32(steps)


def _glare(site: Site, camera: Camera, size: tuple[int, int]) -> Floats:
    """The sun's disc, the veil around it and ghosts across the middle."""
    height, width = size
    sun = camera.position + site.light.direction * 1e6
    spot, depth = camera.project(sun[None], size)
    y, x = np.ogrid[:height, :width]
    veil = np.full(size, 0.04, np.float32)
    if depth[0] > 0:
        centre = np.clip(spot[0], [-width, -height], [2 * width, 2 * height])
        far = np.hypot(x - centre[0], y - centre[1]).astype(np.float32) / np.float32(width)
        veil += np.float32(1.6) * np.exp(-far / np.float32(0.035)) + np.float32(0.3) * np.exp(
            -far / np.float32(0.22)
        )
        middle = np.array([width / 2, height / 2])
        for along, radius in ((-0.6, 0.03), (-1.1, 0.055), (0.45, 0.02)):
            ghost = middle + (centre - middle) * along
            ring = np.hypot(x - ghost[0], y - ghost[1]).astype(np.float32) / np.float32(width)
            veil += np.float32(0.05) * (ring < radius)
    warm: Floats = veil[..., None] * np.array([1.0, 0.96, 0.88], np.float32)
    return warm


def _drops(rng: Rng, light: Floats) -> Floats:
    """Drops on the lens: each shows the scene small and upside down, with soft edges."""
    height, width = light.shape[:2]
    wet = light.copy()
    for _ in range(int(rng.integers(3, 14))):
        radius = width * float(np.exp(rng.uniform(np.log(0.008), np.log(0.05))))
        cx, cy = rng.uniform(0, width), rng.uniform(0, height)
        x0, x1 = max(int(cx - radius), 0), min(int(cx + radius) + 1, width)
        y0, y1 = max(int(cy - radius), 0), min(int(cy + radius) + 1, height)
        if x1 <= x0 or y1 <= y0:
            continue
        y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        dx, dy = (x - cx) / radius, (y - cy) / radius
        far = np.hypot(dx, dy)
        weight = np.clip((1 - far) / 0.25, 0, 1)[..., None] * rng.uniform(0.5, 0.95)
        where = [cy - dy * radius * 2.5, cx - dx * radius * 2.5]
        inside = np.stack(
            [map_coordinates(light[..., c], where, order=1, mode="nearest") for c in range(3)], -1
        )
        inside = _blur(inside.astype(np.float32), radius * 0.12)
        inside *= (0.8 + 0.25 * dy)[..., None]
        wet[y0:y1, x0:x1] += (inside - wet[y0:y1, x0:x1]) * weight.astype(np.float32)
    return wet


def _grain(rng: Rng, picture: Floats, strength: float) -> Floats:
    """Sensor noise: shot noise is strongest in the middle tones of a display picture."""
    height, width = picture.shape[:2]
    strip = rng.standard_normal((min(height, 96), width, 3), np.float32)
    # The same strip over and over, each time shifted: no eye and no network sees the period.
    noise = np.concatenate(
        [np.roll(strip, int(rng.integers(width)), axis=1) for _ in range(-(-height // len(strip)))]
    )[:height]
    level = np.clip(picture / np.float32(255), 0, 1)
    spread = np.float32(0.6 * strength) + np.float32(2.5 * strength) * level * np.square(1 - level)
    grain: Floats = noise * spread
    return grain


def _jpeg(picture: NDArray[np.uint8], quality: int, subsampling: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(stream) as image:
        return np.asarray(image.convert("RGB"), np.uint8)
