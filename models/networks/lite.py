"""``lite``: wavelet and learned restoration, exact subband prior; made for two CPU cores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from models.layers.density import laplace_bits
from models.layers.gains import Gains, lagrangian
from models.layers.quantiser import TrellisQuantiser
from models.networks.lite_transform import (
    LOW_PASS,
    Z_CHANNELS,
    LiteTransform,
    groups,
    top_groups,
)
from models.networks.lossy_network import Coded, LossyNetwork
from models.networks.patches import (
    PATCH,
    by_quality,
    draw_qualities,
    from_patches,
    on_grid,
    patch_mse,
)
from models.networks.restoration import Restoration
from models.networks.subband_prior import Group, SubbandPrior, TopFeatures
from models.training.native import as_taken

# A trellis's step to a scalar quantiser's: q = 3 takes as many bits as it did with that, and gives
# 0.3 dB more.
STEP = 1.22
NATIVE_SHARE = 1 / 2  # of training pictures that become as cameras leave them


class Lite(LossyNetwork):
    """Shapes: pictures (B, 3, H, W), RGB 0..255, sides multiples of 256.

    The linear path has no parameters, so the prior learns from true symbols (no noise stands in
    for rounding), and the restoration from what a decoder would show.

    widths : channels of the prior's state on the 1/16, 1/8 and 1/4 grids.
    layout : the coding groups of y, in order; ``lite_transform``'s by default.
    """

    hyper_channels = LOW_PASS
    mean_channels = LOW_PASS
    # 9/7 filters reach 4 samples to each side: 4 * (1 + 2 + 4 + 8) pixels over four levels.
    analysis_halo = 64
    # 2 subband samples a level, 2 * (2 + 4 + 8 + 16) pixels, and 20 of restoration.
    synthesis_halo = 80
    top_differences = LOW_PASS
    # Squared steps that a bit is worth. On 14 training crops at q = 1 to 7, 0.05 took 0.4 % more
    # bits than 0.08, 0.11 took 1.0 % more, picture by picture.
    rate_weight = 0.07

    def __init__(
        self,
        widths: tuple[int, int, int] = (96, 96, 48),
        features: int = 64,
        restoration_width: int = 64,
        restoration_blocks: int = 4,
        coarse_blocks: int = 0,
        layout: Sequence[Group] | None = None,
    ) -> None:
        layout = groups() if layout is None else list(layout)
        super().__init__(
            Gains(sum(g.native for g in layout)),
            Gains(Z_CHANNELS),
            TopFeatures(Z_CHANNELS, 64, features),
            SubbandPrior(features, (widths[0], widths[1], widths[2]), layout, trellis=True),
            laplace_bits,
        )
        self.quantiser = TrellisQuantiser(laplace_bits, self.rate_weight)
        with torch.no_grad():
            self.gains_y.logarithm.sub_(math.log(STEP))
        self.top_prior = SubbandPrior(1, (48, 48, 48), top_groups())
        self.transform = LiteTransform()
        self.restoration = Restoration(
            restoration_width, restoration_blocks, coarse_blocks=coarse_blocks
        )

    def analysis(self, rgb: Tensor) -> Tensor:
        """RGB to y (B, 384, h, w); LL4 whole in the first channels."""
        return self.transform.analysis(rgb)

    def hyper_analysis(self, y: Tensor) -> Tensor:
        """y, of which LL4 (B, 3, h, w) is looked at, to z (B, 48, h/4, w/4)."""
        return self.transform.hyper_analysis(y)

    def means(self, z: Tensor) -> Tensor:
        """LL4 (B, 3, h, w) as z (B, 48, h/4, w/4) predicts it."""
        return self.transform.means(z)

    def linear(self, y: Tensor) -> Tensor:
        """The linear path: y (B, 384, h, w), LL4 whole, to RGB, not clipped."""
        return self.transform.synthesis(y)

    def synthesis(self, y: Tensor, quality: Tensor) -> Tensor:
        """y, LL4 whole, and qualities on the 1/16 grid (B, h, w) to RGB."""
        restored: Tensor = self.restoration(self.linear(y), quality)
        return restored

    def in_training(self, rgb: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) as the losses see them: some as cameras leave them."""
        return as_taken(rgb, NATIVE_SHARE)

    def losses(self) -> dict[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """The losses that a recipe's stages name."""
        return {
            "prior": self.prior_loss,
            "top_prior": self.top_prior_loss,
            "restoration": self.restoration_loss,
        }

    def prior_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Bits a pixel of y, each quality weighted by lambda^-0.45; only the prior learns."""
        rgb = self.in_training(rgb)
        quality, top_quality = draw_qualities(rgb)
        flat = quality.reshape(-1)
        with self.quantiser.by_density():
            coded, _ = self._code(rgb, flat, top_quality)
        if self.training:
            self.observe(coded)
        bits = coded.bits / PATCH**2
        loss = (bits * lagrangian(flat) ** -0.45).mean() / 10
        return loss, {"bpp": float(bits.detach().mean()), **by_quality(bits, flat)}

    def top_prior_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Bits a pixel of z, weighted as y's are; only its prior learns."""
        rgb = self.in_training(rgb)
        top_quality = torch.randint(0, 9, (len(rgb),), device=rgb.device).float()
        with torch.no_grad():
            symbols, _ = self.upper(self.analysis(rgb), top_quality)
        bits = self.top_bits(symbols, top_quality) / (rgb.shape[2] * rgb.shape[3])
        loss = (bits * lagrangian(top_quality) ** -0.45).mean()
        return loss, {"bpp": float(bits.detach().mean()), **by_quality(bits, top_quality)}

    def restoration_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Gained PSNR over the linear path, in dB; only the restoration learns."""
        rgb = self.in_training(rgb)
        linear, quality = self.coded_linear(rgb)
        restored = self.restore(linear, quality)
        error, before = patch_mse(restored, rgb), patch_mse(linear, rgb)
        gain_db = 10 * torch.log10((before + 0.05) / (error + 0.05))
        logs = {"gain_db": float(gain_db.detach().mean()), **by_quality(gain_db, quality)}
        return -gain_db.mean(), logs

    def coded_linear(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """What the linear path shows of coded pictures, at drawn qualities of patches.

        Returns pictures (B, 3, H, W), not clipped, and qualities (B, rows, columns).
        """
        quality, top_quality = draw_qualities(rgb)
        flat = quality.reshape(-1)
        with torch.no_grad():
            coded, low = self._code(rgb, flat, top_quality)
            if self.training:
                self.observe(coded)
            patches = self.reconstruct(coded) / self.gain(flat)
            y = from_patches(patches, quality.shape[1], quality.shape[2])
            y[:, :LOW_PASS] += low
            return self.linear(y), quality

    def restore(self, linear: Tensor, quality: Tensor) -> Tensor:
        """The linear path (B, 3, H, W) restored, given qualities of patches (B, rows, columns)."""
        restored: Tensor = self.restoration(linear, on_grid(quality))
        return restored

    def _code(self, rgb: Tensor, flat: Tensor, top_quality: Tensor) -> tuple[Coded, Tensor]:
        """Coded patches, and the predicted LL4."""
        with torch.no_grad(), torch.autocast(rgb.device.type, enabled=False):
            y = self.analysis(rgb)
            symbols_z, z = self.upper(y, top_quality)
            low = self.means(z)
        return self.code_patches(y, symbols_z, z, flat), low
