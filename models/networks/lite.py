"""``lite``: wavelet and learned residual, exact subband prior; made for two CPU cores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.density import deviation, index_of, laplace_bits
from models.layers.gains import Gains, lagrangian
from models.networks.lite_transform import (
    LOW_PASS,
    Z_CHANNELS,
    LiteTransform,
    groups,
)
from models.networks.restoration import Restoration
from models.networks.subband_prior import Group, SubbandPrior, TopFeatures

PATCH = 256
DEAD_ZONE = 1 / 6  # how far rounding leans towards zero; an encoder's choice, not the format's


def quantise(values: Tensor, dead_zone: float = DEAD_ZONE) -> Tensor:
    """Round towards zero a little more than to the nearest: sign(v) floor(|v| + 1/2 - dead_zone)."""
    return torch.sign(values) * torch.floor(values.abs() + 0.5 - dead_zone)


class Lite(nn.Module):
    """Shapes: pictures (B, 3, H, W), RGB 0..255, sides multiples of 256.

    widths : channels of the prior's state on the 1/16, 1/8 and 1/4 grids.
    """

    hyper_channels = LOW_PASS
    mean_channels = LOW_PASS
    # 9/7 filters reach 4 samples to each side: 4 * (1 + 2 + 4 + 8) pixels over four levels.
    analysis_halo = 64
    # 2 subband samples a level, 2 * (2 + 4 + 8 + 16), and 20 pixels of restoration, in sixteens.
    synthesis_halo = 96

    def __init__(
        self,
        widths: tuple[int, int, int] = (96, 96, 48),
        features: int = 64,
        restoration_width: int = 64,
        restoration_blocks: int = 4,
    ) -> None:
        super().__init__()
        self.transform = LiteTransform()
        self.gains_y = Gains(sum(g.native for g in groups()))
        self.gains_z = Gains(Z_CHANNELS)
        self.top = TopFeatures(Z_CHANNELS, 64, features)
        self.prior = SubbandPrior(features, tuple(widths), groups())
        self.restoration = Restoration(restoration_width, restoration_blocks)

    # -- transforms, as the exporter names them ------------------------------------------------

    def analysis(self, rgb: Tensor) -> Tensor:
        """RGB to y (B, 384, h, w); LL4 whole in the first channels."""
        return self.transform.analysis(rgb)

    def hyper_analysis(self, y: Tensor) -> Tensor:
        """The first channels of y to z."""
        return self.transform.hyper_analysis(y)

    def means(self, z: Tensor) -> Tensor:
        """LL4 as z predicts it."""
        return self.transform.means(z)

    def synthesis(self, y: Tensor, quality: Tensor) -> Tensor:
        """y, LL4 whole, and qualities on the 1/16 grid (B, h, w) to RGB."""
        return self.restoration(self.transform.synthesis(y), quality)

    # -- pieces -----------------------------------------------------------------------------

    def upper(self, low_pass: Tensor, top_quality: Tensor) -> tuple[Tensor, Tensor]:
        """Symbols of z (integers) and the z they stand for."""
        z = self.transform.hyper_analysis(low_pass)
        gain = torch.exp(self.gains_z(top_quality))[:, :, None, None]
        symbols = torch.floor(z * gain + 0.5)
        return symbols, symbols / gain

    def gain_map(self, quality: Tensor) -> Tensor:
        """Log gains of y (B, C, h, w) at qualities (B, h, w)."""
        b, rows, columns = quality.shape
        logs = self.folded(self.gains_y(quality.reshape(-1)))
        return logs.reshape(b, rows, columns, -1).permute(0, 3, 1, 2)

    def folded(self, native: Tensor) -> Tensor:
        """Values of the native channels (B, 96), repeated for the folded ones (B, 384)."""
        parts = native.split([g.native for g in self.prior.groups], 1)
        repeated = [
            part.repeat_interleave(g.fold**2, 1)
            for part, g in zip(parts, self.prior.groups, strict=True)
        ]
        return torch.cat(repeated, 1)

    def patches(self, grid: Tensor) -> Tensor:
        """(B, C, 16 r, 16 c) to (B r c, C, 16, 16), raster order within a picture."""
        b, c, h, w = grid.shape
        side = PATCH // 16
        cut = grid.reshape(b, c, h // side, side, w // side, side)
        return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, c, side, side)

    def bits_of(
        self, features: Tensor, symbols: Tensor, quality: Tensor, noise: Tensor | None = None
    ) -> Tensor:
        """Bits of each patch (P,), from picture-wide features and patch symbols (P, C, 16, 16).

        ``noise`` holds the same latents with additive noise in place of rounding: the bits are
        theirs, the prior still sees integers.
        """
        offsets = index_of(self.gains_y(quality)).split([g.native for g in self.prior.groups], 1)
        split = [self.unfold(symbols, g) for g in self.prior.groups]
        indices = self.prior(features, torch.floor(quality * 64), split)
        total = torch.zeros(len(symbols), device=symbols.device)
        for group, index, ints, shift in zip(
            self.prior.groups, indices, split, offsets, strict=True
        ):
            scale = deviation(index.float() + shift[:, :, None, None] + group.start)
            coded = ints if noise is None else self.unfold(noise, group)
            total = total + laplace_bits(coded, scale).flatten(1).sum(1)
        return total

    @staticmethod
    def unfold(symbols: Tensor, group: Group) -> Tensor:
        """A group's channels of (P, 384, 16, 16) on the grid of its network."""
        part = symbols[:, group.channels.start : group.channels.stop]
        return F.pixel_shuffle(part, group.fold) if group.fold > 1 else part

    def losses(self) -> dict[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """The losses that a recipe's stages name."""
        return {
            "prior": self.prior_loss,
            "restoration": self.restoration_loss,
            "joint": self.joint_loss,
        }

    # -- losses, one for each stage of the recipe ---------------------------------------------

    def prior_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Rate alone, on the linear path with true rounding: only the prior learns."""
        quality, top_quality = draw_qualities(rgb)
        with torch.no_grad():
            y = self.transform.analysis(rgb)
            symbols_z, z = self.upper(y, top_quality)
            y[:, :LOW_PASS] -= self.transform.means(z)
            flat = quality.reshape(-1)
            gains = torch.exp(self.folded(self.gains_y(flat)))[:, :, None, None]
            symbols = quantise(self.patches(y) * gains)
        bits = self.bits_of(self.patches(self.top(symbols_z)), symbols, flat) / PATCH**2
        loss = (bits * lagrangian(flat) ** -0.45).mean() / 10
        return loss, {"bpp": float(bits.detach().mean()), **by_quality(bits, flat)}

    def restoration_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Gained PSNR alone, on the linear path with true rounding: only restoration learns."""
        quality, top_quality = draw_qualities(rgb)
        with torch.no_grad():
            y = self.transform.analysis(rgb)
            _, z = self.upper(y, top_quality)
            low = self.transform.means(z)
            y[:, :LOW_PASS] -= low
            gain = torch.exp(self.gain_map(quality))
            gain = gain.repeat_interleave(16, 2).repeat_interleave(16, 3)
            symbols = quantise(y * gain)
            # About where the values of a bin lie under this dead zone; tables say it later.
            y = (symbols + 0.08 * torch.sign(symbols)) / gain
            y[:, :LOW_PASS] += low
            linear = self.transform.synthesis(y)
        restored = self.restoration(linear, on_grid(quality))
        error, before = patch_mse(restored, rgb), patch_mse(linear, rgb)
        gain_db = 10 * torch.log10((before + 0.05) / (error + 0.05))
        return -gain_db.mean(), {
            "gain_db": float(gain_db.detach().mean()),
            **by_quality(gain_db, quality),
        }

    def joint_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """lambda * 255^2 * MSE + bits a pixel; everything may learn.

        Rate by additive uniform noise (Balle et al., ICLR 2017, section 3), distortion through
        straight-through rounding, so that restoration sees what a decoder sees.
        """
        quality, top_quality = draw_qualities(rgb)
        flat = quality.reshape(-1)
        y = self.transform.analysis(rgb)
        symbols_z, z = self.upper(y, top_quality)
        low = self.transform.means(z)
        y = torch.cat([y[:, :LOW_PASS] - low, y[:, LOW_PASS:]], 1)
        log_gain = self.gain_map(quality).repeat_interleave(16, 2).repeat_interleave(16, 3)
        scaled = y * torch.exp(log_gain)
        symbols = quantise(scaled.detach())
        noisy = scaled + (torch.rand_like(scaled) - 0.5)
        bits = self.bits_of(
            self.patches(self.top(symbols_z)), self.patches(symbols), flat, self.patches(noisy)
        )
        decoded = (scaled + (symbols - scaled).detach()) * torch.exp(-log_gain)
        decoded = torch.cat([decoded[:, :LOW_PASS] + low, decoded[:, LOW_PASS:]], 1)
        restored = self.synthesis(decoded, on_grid(quality))
        error = patch_mse(restored, rgb).reshape(-1)
        weight = lagrangian(flat)
        bits = bits / PATCH**2
        loss = ((weight * error + bits) * weight**-0.45).mean()
        psnr = 10 * torch.log10(255.0**2 / error.detach().clamp_min(1e-6))
        logs = {f"bpp_{k}": v for k, v in by_quality(bits, flat).items()}
        logs |= {f"psnr_{k}": v for k, v in by_quality(psnr, flat).items()}
        return loss, {"bpp": float(bits.detach().mean()), **logs}


def patch_mse(a: Tensor, b: Tensor) -> Tensor:
    """MSE of each patch, (B, rows, columns), 8-bit units."""
    return F.avg_pool2d((a - b).float().square().mean(1), PATCH)


def draw_qualities(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Two-valued quality maps (B, rows, columns) in steps of 1/64, and the upper level's anchor.

    Half of the pictures have one quality; the others a second, higher one on random patches. The
    upper level follows the lower of the two, as the encoder chooses it.
    """
    b, _, h, w = rgb.shape
    rows, columns = h // PATCH, w // PATCH
    low = torch.rand(b, 1, 1, device=rgb.device) * 8.0
    high = low + torch.rand_like(low) * (8.0 - low)
    chosen = torch.rand(b, rows, columns, device=rgb.device) < 0.5
    mixed = torch.rand(b, 1, 1, device=rgb.device) < 0.5
    quality = torch.where(chosen & mixed, high, low)
    quality = torch.floor(quality * 64 + 0.5) / 64
    return quality, quality.amin((1, 2)).round()


def on_grid(quality: Tensor) -> Tensor:
    """Patch qualities (B, rows, columns) on the 1/16 grid (B, 16 rows, 16 columns)."""
    return quality.repeat_interleave(PATCH // 16, 1).repeat_interleave(PATCH // 16, 2)


def by_quality(values: Tensor, quality: Tensor) -> dict[str, float]:
    """Means over patches near q = 1, 4 and 7, for the log."""
    found = {}
    for q in (1, 4, 7):
        near = (quality.reshape(-1) - q).abs() < 0.75
        if near.any():
            found[f"q{q}"] = float(values.detach().reshape(-1)[near].mean())
    return found
