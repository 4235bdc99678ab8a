"""``hp-easn`` and ``hp-easn-deep``: the scale hyperprior with EASN in place of GDN.

``hp-easn-deep`` is the lossy coder of the paper roi-eml, its section IV: each step of the
transforms is itself of EASN's form and is followed by one. Everything else is ``hp``'s.
"""

from __future__ import annotations

from torch import nn

from models.layers.easn import EASN, EASNDown, EASNUp
from models.layers.resampling import Down, Up
from models.networks.hyperprior import Hyperprior, Transforms
from models.networks.wavelet_start import start_as_wavelet


class HyperpriorEASN(Hyperprior):
    """Strided 5x5 convolutions with EASN between them; sizes and shapes as in ``Hyperprior``."""

    # Pixels. A 5x5 of stride 2 and an EASN after it look 2 + 4 to each side, three times, and a
    # last 5x5: 6 (1 + 2 + 4) + 16 = 58. Back up, a 5x5 and an EASN look 16 + 16, 8 + 8 and 4 + 4,
    # and the last 5x5 looks 2: 58 again. Rounded up to whole latents.
    analysis_halo = 64
    synthesis_halo = 64

    def __init__(self, N: int = 128, M: int = 192, width: int = 96, features: int = 64) -> None:
        super().__init__(N, M, width, features, _transforms(N, M))


class HyperpriorEASNDeep(Hyperprior):
    """Steps and non-linearities of EASN's form; shapes as in ``Hyperprior``.

    Parameters
    ----------
    N, M, width, features : as in ``Hyperprior``.
    fine : channels on the 1/2 and 1/4 grids, N where it is empty. Half of all products are on the
        1/2 grid, where a picture has but twelve channels' worth of samples.
    wavelet_start : begin as a linear codec (``wavelet_start``), not at random.
    """

    # As above, but a step down looks 3 to each side: 7 (1 + 2 + 4) + 16 = 65.
    analysis_halo = 80
    synthesis_halo = 64

    def __init__(
        self,
        N: int = 128,
        M: int = 192,
        width: int = 96,
        features: int = 64,
        fine: tuple[int, int] | None = None,
        wavelet_start: bool = False,
    ) -> None:
        transforms = _deep_transforms((*(fine or (N, N)), N), M)
        super().__init__(N, M, width, features, transforms)
        if wavelet_start:
            start_as_wavelet(self.g_a, self.g_s)


def _transforms(N: int, M: int) -> Transforms:
    g_a = nn.Sequential(
        *(Down(3, N), EASN(N), Down(N, N), EASN(N), Down(N, N), EASN(N), Down(N, M)),
    )
    g_s = nn.Sequential(
        *(Up(M, N), EASN(N), Up(N, N), EASN(N), Up(N, N), EASN(N), Up(N, 3)),
    )
    return g_a, g_s


def _deep_transforms(channels: tuple[int, int, int], M: int) -> Transforms:
    """Channels on the 1/2, 1/4 and 1/8 grids."""
    a, b, c = channels
    g_a = nn.Sequential(
        *(EASNDown(3, a), EASN(a, 5), EASNDown(a, b), EASN(b, 5)),
        *(EASNDown(b, c), EASN(c, 5), Down(c, M)),
    )
    g_s = nn.Sequential(
        *(Up(M, c), EASN(c, 5), EASNUp(c, b), EASN(b, 5)),
        *(EASNUp(b, a), EASN(a, 5), EASNUp(a, 3)),
    )
    return g_a, g_s
