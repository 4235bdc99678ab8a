"""Fractal noise as a periodic tile, looked up at any coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class NoiseTile:
    """A periodic field of zero mean and unit variance whose spectrum falls as 1 / f^slope.

    Parameters
    ----------
    rng : Generator
        Where the field is drawn from.
    slope : float
        0 is white; 1 to 1.5 looks like clouds and dirt.
    size : int
        Samples along each side of the tile, whose period is 1.
    """

    def __init__(self, rng: np.random.Generator, slope: float = 1.3, size: int = 256) -> None:
        spectrum = np.fft.rfft2(rng.standard_normal((size, size)))
        across = np.fft.fftfreq(size)[:, None]
        along = np.fft.rfftfreq(size)[None, :]
        frequency = np.hypot(across, along)
        frequency[0, 0] = 1.0
        spectrum *= frequency**-slope
        spectrum[0, 0] = 0.0
        field = np.fft.irfft2(spectrum, s=(size, size))
        field = (field / field.std()).astype(np.float32)
        self._size = size
        # One more row and column, so that the neighbour of the last sample needs no wrap.
        self._flat = np.pad(field, ((0, 1), (0, 1)), mode="wrap").ravel()

    def __call__(self, x: NDArray[Any], y: NDArray[Any]) -> Floats:
        """Bilinear samples at `x` and `y` (any shapes that broadcast, in periods)."""
        column, dx = self._split(x)
        row, dy = self._split(y)
        index = row * np.int32(self._size + 1) + column
        flat = self._flat
        upper = flat[index]
        upper = upper + dx * (flat[index + 1] - upper)
        index = index + np.int32(self._size + 1)
        lower = flat[index]
        lower = lower + dx * (flat[index + 1] - lower)
        mixed: Floats = upper + dy * (lower - upper)
        return mixed

    def _split(self, position: NDArray[Any]) -> tuple[NDArray[np.int32], Floats]:
        scaled = np.asarray(position, np.float32) * np.float32(self._size)
        whole = np.floor(scaled)
        return whole.astype(np.int32) & (self._size - 1), scaled - whole


def hashed(x: NDArray[np.int32], y: NDArray[np.int32], salt: int) -> Floats:
    """A number in [0, 1) for each whole pair: the same cell, the same number."""
    with np.errstate(over="ignore"):
        mixed = x.astype(np.uint32) * np.uint32(0x9E3779B1)
        mixed = mixed ^ (y.astype(np.uint32) * np.uint32(0x85EBCA77))
        mixed = mixed ^ np.uint32(salt * 0x27D4EB2F & 0xFFFFFFFF)
        mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
        mixed = (mixed ^ (mixed >> np.uint32(12))) * np.uint32(0x297A2D39)
        mixed = mixed ^ (mixed >> np.uint32(15))
    return (mixed >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """0 under `low`, 1 over `high`, a cubic between."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    smooth: Floats = t * t * (3.0 - 2.0 * t)
    return smooth
