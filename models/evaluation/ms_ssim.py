"""Multi-scale structural similarity in NumPy.

Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003: five scales, their exponents, an 11x11 Gaussian window of deviation 1.5 where it
lies wholly within the picture, halving by the mean of 2x2 pixels. Colour pictures: the mean of
the values of R, G and B, as learned codecs are usually compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = 11
DEVIATION = 1.5
# Keeps quotients finite where a picture is flat; (K L)^2 with L = 255.
LUMINANCE_FLOOR = (0.01 * 255) ** 2
CONTRAST_FLOOR = (0.03 * 255) ** 2
SMALLEST_SIDE = WINDOW * 2 ** (len(EXPONENTS) - 1)


def ms_ssim(original: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float | None:
    """MS-SSIM of two pictures; 1 where they are equal.

    Parameters
    ----------
    original, decoded
        (H, W, 3) or (H, W) of one shape.

    Returns
    -------
    float or None
        None where a side has fewer than 176 pixels: the window does not fit at the fifth scale.

    Raises
    ------
    ValueError
        The shapes differ.
    """
    if original.shape != decoded.shape:
        raise ValueError(f"shapes differ: {original.shape} and {decoded.shape}")
    height, width = original.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        return None
    planes = zip(
        np.moveaxis(np.atleast_3d(original), 2, 0),
        np.moveaxis(np.atleast_3d(decoded), 2, 0),
        strict=True,
    )
    return float(
        np.mean([_of_plane(x.astype(np.float64), y.astype(np.float64)) for x, y in planes])
    )


def _of_plane(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    product = 1.0
    for scale, exponent in enumerate(EXPONENTS):
        if scale:
            x, y = _halved(x), _halved(y)
        luminance, structure = _compared(x, y)
        # Luminance counts at the coarsest scale alone. Where pictures are opposed, structure is
        # negative and has no real power.
        last = scale == len(EXPONENTS) - 1
        mean = float((luminance * structure if last else structure).mean())
        product *= max(mean, 0.0) ** exponent
    return product


def _compared(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Luminance, and contrast with structure, in every window."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    power = _blurred(x * x + y * y) - mean_x**2 - mean_y**2
    shared = _blurred(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + LUMINANCE_FLOOR) / (mean_x**2 + mean_y**2 + LUMINANCE_FLOOR)
    structure = (2 * shared + CONTRAST_FLOOR) / (power + CONTRAST_FLOOR)
    return luminance, structure


def _blurred(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean under the window, (H, W) to (H - 10, W - 10)."""
    for _ in range(2):
        span = len(plane) - WINDOW + 1
        total = np.zeros((span, plane.shape[1]))
        for shift, weight in enumerate(_WEIGHTS):
            total += weight * plane[shift : shift + span]
        plane = total.T
    return plane


def _halved(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    cells = plane[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    return cells.mean(axis=(1, 3))


def _weights() -> list[float]:
    away = np.arange(WINDOW) - WINDOW // 2
    bell = np.exp(-0.5 * (away / DEVIATION) ** 2)
    return [float(weight) for weight in bell / bell.sum()]


_WEIGHTS = _weights()
