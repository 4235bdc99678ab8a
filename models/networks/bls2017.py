"""``bls2017``: GDN transforms and one level of latents, each channel with a density of its own.

    x --g_a--> y --gain, round--> symbols --> y_hat --g_s--> x_hat
                                     ^
                       a trained density a channel

Balle, Laparra and Simoncelli, "End-to-end optimized image compression", ICLR 2017, in the form that
it is compared in today: the four strided 5x5 convolutions of the scale hyperprior that followed
it, so that the two differ by the hyperprior alone, and the density of that paper's appendix 6.1.
Gain vectors make one model serve every rate.

It is there to be compared by ``measure``, and makes no zoo entry: a file holds two levels, and
a level whose tables depend on nothing would leave most of the codec idle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from models.layers.gains import Gains
from models.layers.rounding import RATE_WEIGHT
from models.networks.distortion import Distortion, losses_by_name
from models.networks.hyperprior import START_Y, UNIT, gdn_analysis, gdn_synthesis, with_noise
from models.networks.measurement import Measurement
from models.networks.nested_levels import Factorized
from models.networks.patches import PATCH, draw_qualities, from_patches, to_patches


class Bls2017(nn.Module):
    """Shapes: pictures (B, 3, H, W), RGB 0..255, sides multiples of 256.

    Parameters
    ----------
    N : channels of the transforms.
    M : channels of y.
    """

    def __init__(self, N: int = 128, M: int = 192) -> None:
        super().__init__()
        self.g_a, self.g_s = gdn_analysis(N, M), gdn_synthesis(N, M)
        self.gains_y = Gains(M)
        self.density = Factorized(M)

    def analysis(self, rgb: Tensor) -> Tensor:
        """RGB 0..255 (B, 3, H, W) to y (B, M, H/16, W/16)."""
        y: Tensor = self.g_a(rgb / 128.0 - 1.0)
        return y * UNIT

    def synthesis(self, y: Tensor) -> Tensor:
        """y (B, M, h, w) to RGB (B, 3, 16 h, 16 w), 0..255, not clipped."""
        rgb: Tensor = self.g_s(y / UNIT)
        return rgb * 128.0 + 128.0

    def losses(self) -> Mapping[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """See ``losses_by_name``."""
        return losses_by_name(self._loss)

    def _loss(
        self, rgb: Tensor, distortion: Distortion, *, rounded: bool
    ) -> tuple[Tensor, dict[str, float]]:
        """``Distortion.loss`` of pictures at qualities drawn for each patch; the rate is noisy."""
        quality, _ = draw_qualities(rgb)
        flat = quality.reshape(-1)
        log_gain = self.gains_y(flat)
        gain = torch.exp(log_gain)[:, :, None, None]
        values = to_patches(self.analysis(rgb).float()) * gain
        shown = noisy = with_noise(values)
        bits = self._bits(noisy, log_gain)
        if rounded:
            shown = values + (self._decided(values, log_gain) - values).detach()
        picture = self.synthesis(from_patches(shown / gain, *quality.shape[1:]))
        return distortion.loss(bits.flatten(1).sum(1), picture, rgb, flat)

    @torch.no_grad()
    def measure(self, rgb: Tensor, quality: Tensor) -> Measurement:
        """Code pictures (B, 3, H, W) at a quality each (B,), as ``Measurable`` asks."""
        rows, columns = rgb.shape[2] // PATCH, rgb.shape[3] // PATCH
        log_gain = self.gains_y(quality.repeat_interleave(rows * columns))
        gain = torch.exp(log_gain)[:, :, None, None]
        symbols = self._decided(to_patches(self.analysis(rgb).float()) * gain, log_gain)
        bits = self._bits(symbols, log_gain)
        picture = self.synthesis(from_patches(symbols / gain, rows, columns))
        return Measurement({"y": bits.reshape(len(rgb), -1).sum(1)}, picture)

    def _bits(self, symbols: Tensor, log_gain: Tensor) -> Tensor:
        """Of symbols (P, M, 16, 16), or noisy ones, at their gains' logarithms (P, M)."""
        # The density starts as a standard one: it sees y in units of y's usual deviation.
        bits: Tensor = self.density(symbols, log_gain + START_Y)
        return bits

    def _decided(self, values: Tensor, log_gain: Tensor) -> Tensor:
        """Of the two integers around a value the better, as ``layers.rounding`` has it."""
        with torch.no_grad():
            below = torch.floor(values)
            costs = [
                (values - each).square() + RATE_WEIGHT * self._bits(each, log_gain)
                for each in (below, below + 1)
            ]
            return torch.where(costs[0] <= costs[1], below, below + 1)
