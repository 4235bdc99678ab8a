"""``hp``: the scale hyperprior with GDN, the reference that published curves can be held against.

    x --g_a--> y --gain, round--> symbols --> y_hat --g_s--> x_hat
               |                     ^
              |y|               table index
               |                     |
              h_a--> z --gain, round--> exact prior (z, quality)

Balle, Minnen, Singh, Hwang and Johnston, "Variational image compression with a scale
hyperprior", ICLR 2018; sizes as printed there. Three things differ: gain vectors on both levels
make one model serve every rate, the hyper-decoder h_s is the exact integer network of
``subband_prior`` with a single group, and borders are mirrored or repeated, not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.density import LOG_STEP, deviation, gaussian_bits, index_of
from models.layers.exact import round_through
from models.layers.gains import Gains
from models.layers.gdn import GDN
from models.layers.resampling import Down, Same, Up
from models.networks.distortion import MSE, Distortion, losses_by_name
from models.networks.lossy_network import LossyNetwork
from models.networks.patches import PATCH, draw_qualities, from_patches, on_grid, to_patches
from models.networks.subband_prior import Group, SubbandPrior, TopFeatures

# Latents count in levels of 8 bits, as Gains expects of an orthonormal transform; inside, the
# networks see values around one.
UNIT = 64.0
# z is a side information of few bits: counted finer than y, it starts as more than zeros.
UNIT_Z = 256.0
# Natural log-deviations of y and z before training, measured on photographs.
START_Y = 3.0
START_Z = 4.5
CHEAP = 0.02  # what z's bits cost while it learns to speak


# g_a takes pictures, as -1..1, to y / UNIT; g_s takes those back.
Transforms = tuple[nn.Sequential, nn.Sequential]


def gdn_analysis(N: int, M: int) -> nn.Sequential:
    """RGB (B, 3, H, W) to latents (B, M, H/16, W/16)."""
    return nn.Sequential(*(Down(3, N), GDN(N), Down(N, N), GDN(N), Down(N, N), GDN(N), Down(N, M)))


def gdn_synthesis(N: int, M: int) -> nn.Sequential:
    """Latents (B, M, h, w) to RGB (B, 3, 16 h, 16 w)."""
    return nn.Sequential(
        *(Up(M, N), GDN(N, inverse=True), Up(N, N), GDN(N, inverse=True)),
        *(Up(N, N), GDN(N, inverse=True), Up(N, 3)),
    )


class Hyperprior(LossyNetwork):
    """Shapes: pictures (B, 3, H, W), RGB 0..255, sides multiples of 256.

    Parameters
    ----------
    N : channels of the transforms and of z.
    M : channels of y.
    width : channels of the exact prior's state.
    features : channels that the prior takes from z.
    transforms : a subclass's own g_a and g_s, in place of those with GDN.
    """

    mean_channels = 0  # every channel of y has zero mean; nothing is predicted from z
    # Pixels. Four 5x5 steps of stride 2 look 2 (1 + 2 + 4 + 8) = 30 to each side; back up, a
    # sample on the 1/16 grid reaches 31. Rounded up to whole latents.
    analysis_halo = 32
    synthesis_halo = 32

    def __init__(
        self,
        N: int = 128,
        M: int = 192,
        width: int = 96,
        features: int = 64,
        transforms: Transforms | None = None,
    ) -> None:
        group = Group("y", range(M), 1, START_Y / LOG_STEP)
        super().__init__(
            Gains(M),
            Gains(N),
            TopFeatures(N, width, features, signed=True),
            SubbandPrior(features, (width, width, width), [group]),
            gaussian_bits,
        )
        self.g_a, self.g_s = transforms or (gdn_analysis(N, M), gdn_synthesis(N, M))
        self.h_a = nn.Sequential(Same(M, N, 3), nn.ReLU(), Down(N, N), nn.ReLU(), Down(N, N))
        self.hyper_channels = M  # h_a reads all of y
        # In training only: a table is chosen for each channel of z when the model is exported.
        self.log_scale_z = nn.Parameter(torch.full((N,), START_Z))

    def analysis(self, rgb: Tensor) -> Tensor:
        """RGB 0..255 (B, 3, H, W), sides multiples of 16, to y (B, M, H/16, W/16)."""
        y: Tensor = self.g_a(rgb / 128.0 - 1.0)
        return y * UNIT

    def hyper_analysis(self, y: Tensor) -> Tensor:
        """y (B, M, h, w), h and w multiples of 4 and at least 8, to z (B, N, h/4, w/4)."""
        z: Tensor = self.h_a(y.abs() / UNIT)
        return z * UNIT_Z

    def means(self, z: Tensor) -> Tensor:
        """No channel of y is predicted: (B, 0, 4 h, 4 w)."""
        b, _, h, w = z.shape
        return z.new_zeros(b, 0, 4 * h, 4 * w)

    def synthesis(self, y: Tensor, quality: Tensor) -> Tensor:
        """y (B, M, h, w) to RGB (B, 3, 16 h, 16 w), 0..255, not clipped.

        ``quality``, (B, h, w), is not used: all that depends on it is in the gains.
        """
        rgb: Tensor = self.g_s(y / UNIT)
        return rgb * 128.0 + 128.0

    def top_bits(self, symbols: Tensor, top_quality: Tensor) -> Tensor:
        """Bits of z's symbols (B, N, h, w) at one anchor a picture (B,): (B,)."""
        return self._bits_of_z(symbols, top_quality).flatten(1).sum(1)

    def losses(self) -> Mapping[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """See ``losses_by_name``; ``noise-cheap-z`` is ``noise`` with z's bits at a fiftieth.

        A hyperprior costs from its first step and helps only once y's prior has learnt to listen.
        Where it has to pay at once it can fall silent for good.
        """
        cheap = partial(self._loss, distortion=MSE, rounded=False, price_of_z=CHEAP)
        return {**losses_by_name(self._loss), "noise-cheap-z": cheap}

    def _loss(
        self, rgb: Tensor, distortion: Distortion, *, rounded: bool, price_of_z: float = 1.0
    ) -> tuple[Tensor, dict[str, float]]:
        """``Distortion.loss`` of pictures at qualities drawn for each patch.

        The rate is that of noisy latents (it has a gradient), the prior always sees rounded z.
        ``price_of_z``: of a bit of the upper levels, in bits of y.
        """
        quality, top_quality = draw_qualities(rgb)
        flat = quality.reshape(-1)
        y = self.analysis(rgb).float()
        z = self.hyper_analysis(y).float() * torch.exp(self.gains_z(top_quality))[:, :, None, None]
        upper = self.noisy_upper_bits(z, top_quality)
        features = to_patches(self.top(round_through(z)))

        gain = self.gain(flat)
        coded = self.code(features, to_patches(y) * gain, flat)
        # With a single group no index depends on a symbol: noise may take their place.
        (values,), (index,) = coded.values, coded.indices
        noisy = with_noise(values)
        bits_y = self.bits(noisy, deviation(index)).flatten(1).sum(1)
        if rounded:
            if self.training:
                self.observe(coded)
            shown = values + (self.reconstruct(coded) - values).detach()
        else:
            shown = noisy
        y_hat = from_patches(shown / gain, quality.shape[1], quality.shape[2])
        picture = self.synthesis(y_hat, on_grid(quality))
        bits = bits_y + price_of_z * torch.stack(list(upper.values())).sum(0)
        loss, figures = distortion.loss(bits, picture, rgb, flat)
        shares = {f"bpp_{n}": float(part.detach().mean()) / PATCH**2 for n, part in upper.items()}
        return loss, {**figures, **shares}

    def noisy_upper_bits(self, z: Tensor, top_quality: Tensor) -> dict[str, Tensor]:
        """Bits of the levels above y, with noise, under each patch (P,), by name.

        z (B, C, h, w), as the symbols count it, is that of anchors (B,).
        """
        bits = self._bits_of_z(with_noise(z), top_quality)
        return {"z": 16 * F.avg_pool2d(bits.sum(1), 4).reshape(-1)}

    def _bits_of_z(self, symbols: Tensor, top_quality: Tensor) -> Tensor:
        index = index_of(self.log_scale_z + self.gains_z(top_quality))
        return self.bits(symbols, deviation(index)[:, :, None, None])


def with_noise(values: Tensor) -> Tensor:
    """Additive uniform noise of one quantisation bin: rounding, as the rate's gradient sees it."""
    return values + torch.rand_like(values) - 0.5
