"""What a network is trained to trade for bits: MSE or MS-SSIM, each with its own multipliers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from models.layers.gains import LAMBDAS, interpolated
from models.networks.patches import PATCH, by_quality, patch_mse
from models.training.ms_ssim import ms_ssim


@dataclass(frozen=True)
class Distortion:
    """A distance between pictures, and what of it is worth a bit a pixel.

    Attributes
    ----------
    lambdas
        Multipliers of the distance at the nine anchors of quality.
    between
        Two batches of pictures (B, 3, H, W), 0..255, to the distance of each patch,
        (B, rows, columns).
    figure
        What the distance is called in the log, and how it reads in dB.
    """

    lambdas: tuple[float, ...]
    between: Callable[[Tensor, Tensor], Tensor]
    figure: tuple[str, Callable[[Tensor], Tensor]]

    def loss(
        self, bits: Tensor, shown: Tensor, rgb: Tensor, quality: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """lambda * distance + bits a pixel, each patch at a quality of its own.

        Weighted by lambda^-0.45, or the highest qualities would take all of the gradient.

        Parameters
        ----------
        bits
            Of each patch, (P,).
        shown, rgb
            What is shown, and the picture: (B, 3, H, W), 0..255, P patches in all.
        quality
            Of each patch, (P,), 0..8.

        Returns
        -------
        tuple
            The scalar to minimise, and figures for the log.
        """
        distance = self.between(shown, rgb).reshape(-1)
        bpp = bits / PATCH**2
        weight = interpolated(self.lambdas, quality)
        value = ((weight * distance + bpp) * weight**-0.45).mean()
        name, in_db = self.figure
        decibels = in_db(distance.detach())
        return value, {
            "bpp": float(bpp.detach().mean()),
            name: float(decibels.mean()),
            **{f"bpp_{at}": each for at, each in by_quality(bpp, quality).items()},
            **{f"{name}_{at}": each for at, each in by_quality(decibels, quality).items()},
        }


def _patch_ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """1 - MS-SSIM of each patch alone, (B, rows, columns)."""
    count, _, height, width = a.shape
    rows, columns = height // PATCH, width // PATCH
    cut = [
        each.reshape(count, 3, rows, PATCH, columns, PATCH)
        .permute(0, 2, 4, 1, 3, 5)
        .reshape(-1, 3, PATCH, PATCH)
        for each in (a, b)
    ]
    return 1 - ms_ssim(cut[0], cut[1]).reshape(count, rows, columns)


MSE = Distortion(
    LAMBDAS,
    patch_mse,
    ("psnr", lambda mse: 10 * torch.log10(255.0**2 / mse.clamp_min(1e-6))),
)
# Anchors 1..8 are the customary ones of MS-SSIM-trained codecs; 0 continues them downwards.
MS_SSIM = Distortion(
    (1.25, 2.4, 4.6, 8.7, 16.6, 31.7, 60.5, 115.0, 220.0),
    _patch_ms_ssim,
    ("ms_ssim_db", lambda distance: -10 * torch.log10(distance.clamp_min(1e-6))),
)


class LossByDistortion(Protocol):
    """A network's loss of pictures (B, 3, H, W), 0..255, under either distortion."""

    def __call__(
        self, rgb: Tensor, distortion: Distortion, *, rounded: bool
    ) -> tuple[Tensor, dict[str, float]]:
        """The scalar to minimise and figures for the log; rounded: the synthesis sees rounding."""
        ...


def losses_by_name(
    loss: LossByDistortion,
) -> Mapping[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
    """``noise``: the synthesis sees additive noise; ``rounding``: it sees what it will get.

    Both by MSE; by MS-SSIM they are called ``noise-ms-ssim`` and ``rounding-ms-ssim``.
    """
    return {
        f"{name}{suffix}": partial(loss, distortion=distortion, rounded=rounded)
        for suffix, distortion in (("", MSE), ("-ms-ssim", MS_SSIM))
        for name, rounded in (("noise", False), ("rounding", True))
    }
