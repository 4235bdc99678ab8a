"""Lossy networks, measured: rate by level, distortion, and the networks' seconds.

No file is written. Bits are those of rounded symbols under the network's own densities.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.hooks import RemovableHandle

from models.layers.gains import LAMBDAS
from models.networks.measurement import Measurable
from models.studies.heldout import Pictures, as_batch
from models.training.ms_ssim import ms_ssim
from service.cli.distortion import psnr

QUALITIES = (1, 2, 3, 4, 5, 6, 7, 8)
# What only an encoder runs, and what only a decoder does; the rest is for both.
ENCODER, DECODER = ("g_a", "h_a"), ("g_s",)

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
    """CPU seconds of measuring, and of a network's transforms among them."""

    def __init__(self) -> None:
        self.whole = 0.0
        self._spent = dict.fromkeys((*ENCODER, *DECODER), 0.0)

    def without(self, transforms: tuple[str, ...]) -> float:
        """Seconds of all but these transforms."""
        return self.whole - sum(self._spent[name] for name in transforms)

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        """Count what happens in the block, and in the transforms on every level."""
        hooks = []
        for path, module in model.named_modules():
            name = path.rpartition(".")[2]
            if name in self._spent:
                hooks += self._timed(name, module)
        began = time.process_time()
        try:
            yield
        finally:
            self.whole += time.process_time() - began
            for hook in hooks:
                hook.remove()

    def _timed(self, name: str, module: nn.Module) -> list[RemovableHandle]:
        def begin(*given: Any) -> None:
            self._spent[name] -= time.process_time()

        def end(*given: Any) -> None:
            self._spent[name] += time.process_time()

        return [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]


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
    noise = psnr(original, shown)
    assert noise is not None  # a network that loses nothing is none of these
    structure = float(ms_ssim(as_batch(original), as_batch(shown)))
    return {"mse": 255.0**2 * 10 ** (-noise / 10), "psnr": noise, "ms_ssim": structure}


def _rounded(values: list[float], digits: int) -> list[float]:
    return [round(value, digits) for value in values]
