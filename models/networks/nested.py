"""``nested``: L levels of latents in a Markov chain, each telling the scales of the one below.

    x --g_a--> y --|.|--> h_a --> z --|.|--> h_a --> z3 ...   each: times gain, then rounded
    x <--g_s-- y <-- index <----- z <-- index <----- z3 ...   top: a density of its own

Perez-Gonzalo et al., "Generalized nested latent variable models for lossy coding applied to wind
turbine scenarios", sections 2.1, 2.2 and 3.3: the scale hyperprior's pattern, repeated upwards.
Levels are zero-mean Gaussians whose scale comes from the level above. The four forms of its Fig. 4
are two switches:

============= ============== ================
form          ``equal``      ``logistic``
============= ============== ================
baseline      false          false
equal         true           false
logistic      false          true
hybrid        true           true
============= ============== ================

What the paper leaves open, or what differs here:

- Gain vectors on every level make one model serve every rate. A latent is thus quantised in steps
  of 1/gain, by which even a fixed density can cost next to nothing a symbol; with unit steps, the
  standard logistic would take two bits of each at least.
- Where grids shrink, they do so to 1/16, 1/64 and 1/256; a fourth level stays at 1/256, since a
  patch of 256x256 has no cell to spare.
- Rates of upper levels have no lower bound in training. That a bin's mass has one bounds what a
  symbol can cost and steadies the gradient.

Exact and not: all networks between symbols and the table indices of the level below are those of
``subband_prior``, in place of a mirrored h_a in float, so they can be switched to integers on every
level. The topmost level's density is computed in float; at the gains of the nine anchors it comes
down to static tables, one a channel, but nothing makes these yet. Files and the service know two
levels. There is no export therefore: ``measure`` counts the bits.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.layers.exact import round_through
from models.networks.hyperprior import UNIT, Hyperprior, with_noise
from models.networks.nested_levels import LevelFeatures, UpperLevels, start_gains
from models.networks.patches import PATCH
from models.networks.wavelet_start import start_as_wavelet

NAMES = ("y", "z", "z3", "z4")
SHRINKING, EQUAL = (4, 4, 1), (1, 1, 1)


class Nested(Hyperprior):
    """``hp`` with L - 1 levels above y; shapes as there.

    Parameters
    ----------
    levels : L, 2 to 4.
    equal : all latents have the grid and the channels of y, not smaller ones.
    logistic : the topmost level has the standard logistic density, not a trained one.
    N : channels of the transforms, and of upper latents where they are smaller than y.
    M : channels of y.
    width, features : as in ``Hyperprior``, on every level.
    wavelet_start : begin as a linear codec (``wavelet_start``), not at random.
    """

    def __init__(
        self,
        levels: int = 2,
        equal: bool = False,
        logistic: bool = False,
        N: int = 128,
        M: int = 150,
        width: int = 96,
        features: int = 64,
        wavelet_start: bool = False,
    ) -> None:
        if not 2 <= levels <= len(NAMES):
            raise ValueError(f"a nested model has 2 to {len(NAMES)} levels, not {levels}")
        super().__init__(N, M, width, features)
        channels, strides = (M, EQUAL) if equal else (N, SHRINKING)
        self.names = NAMES[:levels]
        # The second level's are another size than those of ``hp``, or see other borders.
        self.gains_z = start_gains(channels, equal=equal)
        self.top = LevelFeatures(channels, width, features, strides[0])
        self.levels = UpperLevels(
            *(M, channels, N, strides[: levels - 1], width, features),
            equal=equal,
            logistic=logistic,
        )
        del self.h_a, self.log_scale_z  # what ``levels`` has in their place
        if wavelet_start:
            self.levels.h_a.balance(start_as_wavelet(self.g_a, self.g_s))

    def hyper_analysis(self, y: Tensor) -> Tensor:
        """y (B, M, h, w) to z (B, C, h/4, w/4), or of y's own size where latents are equal."""
        z: Tensor = self.levels.h_a(y.abs() / UNIT)
        return z

    def means(self, z: Tensor) -> Tensor:
        """No channel of y is predicted: (B, 0, h, w) from z (B, C, h/4, w/4) or (B, C, h, w)."""
        b, _, h, w = z.shape
        return z.new_zeros(b, 0, self.top.fold * h, self.top.fold * w)

    def noisy_upper_bits(self, z: Tensor, top_quality: Tensor) -> dict[str, Tensor]:
        """As ``Hyperprior``'s, of all levels; scales follow from what is rounded, without noise."""
        log_gain = self.gains_z(top_quality)
        further = self.levels.further(z * torch.exp(-log_gain)[:, :, None, None], top_quality)
        noisy = [with_noise(each) for each in (z, *further)]
        symbols = [round_through(each) for each in (z, *further)]
        found = self.levels.bits(noisy, symbols, log_gain, top_quality)
        rows = z.shape[2] * self.top.fold * 16 // PATCH
        under = [under_patches(bits, rows) for bits in found]
        return dict(zip(self.names[1:], under, strict=True))

    def upper_bits(self, y: Tensor, symbols_z: Tensor, top_quality: Tensor) -> dict[str, Tensor]:
        """Bits a picture (B,) of z, z3 ... by name."""
        further = self.levels.further(self.hyper_analysis(y).float(), top_quality)
        symbols = [symbols_z, *(torch.floor(each + 0.5) for each in further)]
        found = self.levels.bits(symbols, symbols, self.gains_z(top_quality), top_quality)
        sums = [bits.flatten(1).sum(1) for bits in found]
        return dict(zip(self.names[1:], sums, strict=True))


def under_patches(bits: Tensor, rows: int) -> Tensor:
    """Sums of (B, C, rows n, columns n) under each of rows x columns patches a picture, (P,)."""
    side = bits.shape[2] // rows
    return side**2 * F.avg_pool2d(bits.sum(1), side).reshape(-1)
