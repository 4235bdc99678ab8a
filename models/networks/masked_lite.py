"""``lite-ms-ssim``: ``lite`` with steps that follow contrast and scale, as MS-SSIM weighs errors.

The wavelet's bands are divided by the contrast that their low-pass band tells (``layers.masking``),
and have gains of their own. An error in level k counts in the scales 1 to k of MS-SSIM, whose
exponents are 0.04, 0.29, 0.30, 0.24 and 0.13: errors of the finest level count hardly at all.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.layers.masking import ContrastMasking
from models.networks.lite import Lite
from models.networks.lite_transform import LiteTransform
from models.networks.subband_prior import Group
from models.training.ms_ssim import ms_ssim

# What is added to the logarithms of lite's gains, by level of the wavelet: luma, chroma. A
# coordinate search over 16 training crops led near them: BD-rate in MS-SSIM, at the rate of lite's
# prior.
OFFSETS = {4: (0.55, 0.3), 3: (0.35, 0.1), 2: (0.0, -0.25), 1: (-0.75, 0.0)}
DIAGONAL = -0.25  # of bands that are high-pass both ways, besides
# Added to all of them and to those of what lies above, so that a quality reaches about the MS-SSIM
# that it reaches with lite.
COMMON = 0.3


class MaskedLite(Lite):
    """Shapes and parameters as of ``Lite``."""

    # The window of contrast reaches one sample further on each low-pass band.
    analysis_halo = 80
    synthesis_halo = 112

    def __init__(
        self,
        widths: tuple[int, int, int] = (96, 96, 48),
        features: int = 64,
        restoration_width: int = 64,
        restoration_blocks: int = 4,
    ) -> None:
        super().__init__(widths, features, restoration_width, restoration_blocks)
        self.transform = LiteTransform(ContrastMasking())
        with torch.no_grad():
            self.gains_y.logarithm.add_(torch.cat([_offsets(g) for g in self.prior.groups]))
            self.gains_z.logarithm.add_(COMMON)

    def losses(self) -> dict[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """The losses that a recipe's stages name; the restoration's is in MS-SSIM."""
        return {**super().losses(), "restoration": self.ms_ssim_loss}

    def ms_ssim_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Gained MS-SSIM over the linear path, in dB; only the restoration learns."""
        rgb = self.in_training(rgb)
        linear, quality = self.coded_linear(rgb)
        restored = self.restore(linear, quality)
        after, before = ms_ssim(rgb, restored), ms_ssim(rgb, linear)
        gain_db = 10 * torch.log10((1 - before + 1e-4) / (1 - after + 1e-4))
        return -gain_db.mean(), {"gain_db": float(gain_db.detach().mean())}


def _offsets(group: Group) -> Tensor:
    """Offsets of a group's native channels, (n,)."""
    level = 4 if group.name == "low" else int(group.name[0])
    luma, chroma = (torch.tensor([x, x, x + DIAGONAL]) for x in OFFSETS[level])
    if level == 4:
        return torch.cat([torch.zeros(3), luma, chroma, chroma]) + COMMON
    # Both diagonal phases one after the other; the finest level has no chroma.
    phase = [luma] if level == 1 else [luma, chroma, chroma]
    return torch.cat(phase * 2) + COMMON
