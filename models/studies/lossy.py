"""Lossy networks, measured: rate by level, distortion, and the networks' seconds.

No file is written. Bits are those of rounded symbols under the network's own densities.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.evaluation.ms_ssim import ms_ssim
from models.layers.gains import LAMBDAS
from models.networks.measurement import Measurable
from models.studies.heldout import Pictures, as_batch
from service.cli.distortion import psnr

QUALITIES = (1, 2, 3, 4, 5, 6, 7, 8)
# What only an encoder runs, and what only a decoder does; the rest is for both.
ENCODER = ("analysis", "upper_latents", "hyper_analysis")
DECODER = ("synthesis",)

DEFINITIONS = {
    "bpp": "bits of rounded symbols under the network's densities, over pixels; no container",
    "psnr": "dB, decoded 8-bit samples, channels taken together; means over pictures",
    "ms_ssim": "mean of the values of R, G and B; means over pictures",
    "loss": "lambda * 255^2 * MSE (pixels in 0..1) + bits a pixel, lambda that of the quality",
    "levels": "bits a pixel of each level of latents, the lowest first",
    "seconds_a_megapixel": "CPU seconds of the networks on one thread, all pictures and qualities "
    "together; encode is all but the synthesis, decode all but the analyses; entropy coding is "
    "not in it",
}


class Clock:
    """CPU seconds of a network's methods while it measures."""

    def __init__(self) -> None:
        self.whole = 0.0
        self._seconds: dict[str, float] = {}
        self._busy = False

    def without(self, methods: tuple[str, ...]) -> float:
        """Seconds of all but these methods."""
        return self.whole - sum(self._seconds.get(name, 0.0) for name in methods)

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        """Count what happens in the block, and in methods of ``ENCODER`` and ``DECODER``."""
        wrapped = [name for name in (*ENCODER, *DECODER) if hasattr(type(model), name)]
        for name in wrapped:
            setattr(model, name, self._timed(name, getattr(model, name)))
        began = time.process_time()
        try:
            yield
        finally:
            self.whole += time.process_time() - began
            for name in wrapped:
                delattr(model, name)

    def _timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            # What one of them calls belongs to it.
            if self._busy:
                return method(*given)
            self._busy, began = True, time.process_time()
            try:
                return method(*given)
            finally:
                self._busy = False
                spent = time.process_time() - began
                self._seconds[name] = self._seconds.get(name, 0.0) + spent

        return run


def measure(model: nn.Module, pictures: Pictures) -> dict[str, Any]:
    """Means over pictures by quality, 1 to 8; see ``DEFINITIONS``.

    ``pictures`` has bits a pixel, PSNR and MS-SSIM of each, by quality.
    """
    assert isinstance(model, Measurable)
    clock = Clock()
    rows: dict[str, list[dict[str, float]]] = {}
    levels: dict[str, list[list[float]]] = {}
    for name, pixels in pictures.items():
        rgb, size = as_batch(pixels), pixels.size // 3
        rows[name] = []
        for number, quality in enumerate(QUALITIES):
            with torch.no_grad(), clock.on(model):
                found = model.measure(rgb, torch.tensor([float(quality)]))
            bits = {level: float(each.sum()) / size for level, each in found.bits.items()}
            for level, value in bits.items():
                levels.setdefault(level, [[] for _ in QUALITIES])[number].append(value)
            shown = found.picture[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
            rows[name].append({"bpp": sum(bits.values()), **_distortion(pixels, shown)})
    means = {
        key: [fmean(each[n][key] for each in rows.values()) for n in range(len(QUALITIES))]
        for key in ("bpp", "mse", "psnr", "ms_ssim")
    }
    loss = [
        LAMBDAS[quality] * mse + bpp
        for quality, mse, bpp in zip(QUALITIES, means["mse"], means["bpp"], strict=True)
    ]
    megapixels = len(QUALITIES) * sum(pixels.size // 3 for pixels in pictures.values()) / 1e6
    return {
        "quality": list(QUALITIES),
        "bpp": _rounded(means["bpp"], 5),
        "psnr": _rounded(means["psnr"], 3),
        "ms_ssim": _rounded(means["ms_ssim"], 6),
        "loss": _rounded(loss, 4),
        "levels": {
            level: _rounded([fmean(each) for each in by_quality], 5)
            for level, by_quality in levels.items()
        },
        "seconds_a_megapixel": {
            "encode": round(clock.without(DECODER) / megapixels, 3),
            "decode": round(clock.without(ENCODER) / megapixels, 3),
        },
        "pictures": {
            name: {
                "bpp": _rounded([row["bpp"] for row in each], 4),
                "psnr": _rounded([row["psnr"] for row in each], 3),
                "ms_ssim": _rounded([row["ms_ssim"] for row in each], 6),
            }
            for name, each in rows.items()
        },
    }


def _distortion(original: NDArray[np.uint8], shown: NDArray[np.uint8]) -> dict[str, float]:
    noise, structure = psnr(original, shown), ms_ssim(original, shown)
    # Sides of 256 and more have five scales; a network that loses nothing is none of these.
    assert noise is not None and structure is not None
    return {"mse": 255.0**2 * 10 ** (-noise / 10), "psnr": noise, "ms_ssim": structure}


def _rounded(values: list[float], digits: int) -> list[float]:
    return [round(value, digits) for value in values]
