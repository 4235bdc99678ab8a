"""The linear path of ``lite``: a 9/7 wavelet, laid out as two levels of latents.

Four wavelet levels take a picture to y on the 1/16 grid; two more take its low-pass to z on the
1/64 grid. Luma keeps all of its subbands, chroma leaves out the finest level (its energy is under
2 levels of MSE on photographs, and gone in every 4:2:0 JPEG).

y holds 384 channels, the seven groups of ``subband_prior`` one after another, each folded to the
1/16 grid by pixel_unshuffle:

    group  content                             channels  grid of its network
    0      LL4 minus its prediction, level 4   3 + 9     1/16
    1, 2   level 3, checkerboard a and b       18 + 18   1/16
    3, 4   level 2, a and b                    72 + 72   1/8
    5, 6   level 1, luma, a and b              96 + 96   1/4

z holds 48 channels, nine groups of its own on the 1/64 grid:

    group  content                                channels
    0      LL6                                    3
    1      level 6, luma                          3
    2      level 6, chroma                        6
    3-6    level 5, luma, phases 0, 3, 1 and 2    3 each
    7      level 5, chroma, phases 0 and 3        12
    8      level 5, chroma, phases 1 and 2        12
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.masking import ContrastMasking
from models.layers.quantiser import TrellisQuantiser
from models.layers.wavelet import ColourAxes, WaveletLevel
from models.networks.subband_prior import Group

Y_CHANNELS = 384
Z_CHANNELS = 48
LOW_PASS = 3  # channels of y that z predicts: LL4
AXES, BANDS = 3, 3  # colour axes, luma first; bands of an axis at a level
# Phase 2 i + j holds row i and column j of each 2x2 cell. So phases 0 and 3 touch at corners only,
# and 1 and 2 lie between them.
PHASES = (0, 3, 1, 2)


def groups() -> list[Group]:
    """The coding groups of y, in order."""
    sizes = [("low", 12, 1, 44.0), ("3a", 18, 1, 30.0), ("3b", 18, 1, 30.0)]
    sizes += [("2a", 72, 2, 24.0), ("2b", 72, 2, 24.0), ("1a", 96, 4, 22.0), ("1b", 96, 4, 22.0)]
    deeper = TrellisQuantiser.deeper
    return _one_after_another([(name, n, fold, at + deeper) for name, n, fold, at in sizes])


def top_groups() -> list[Group]:
    """The coding groups of z, in order."""
    sizes = [("low", 3, 1, 50.0), ("6 luma", 3, 1, 50.0), ("6 chroma", 6, 1, 50.0)]
    sizes += [(f"5 luma {phase}", BANDS, 1, 46.0) for phase in PHASES]
    sizes += [("5 chroma a", 12, 1, 46.0), ("5 chroma b", 12, 1, 46.0)]
    return _one_after_another(sizes)


def _one_after_another(sizes: list[tuple[str, int, int, float]]) -> list[Group]:
    """Groups of names, channels, folds and starts."""
    made, at = [], 0
    for name, count, fold, start in sizes:
        made.append(Group(name, range(at, at + count), fold, start))
        at += count
    return made


def _level5_order() -> list[int]:
    """Channel of level 5's bands, as pixel_unshuffle cuts them, that each of z's holds, 36."""
    luma = [band * len(PHASES) + phase for phase in PHASES for band in range(BANDS)]
    chroma = [band * len(PHASES) + phase for phase in PHASES for band in range(BANDS, AXES * BANDS)]
    return luma + chroma


def to_checkerboards(bands: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, 2 H, 2 W) to two halves (B, 2 C, H, W): the diagonal phases, then the others."""
    b, c, h, w = bands.shape
    phases = F.pixel_unshuffle(bands, 2).reshape(b, c, 4, h // 2, w // 2)
    a = torch.cat([phases[:, :, 0], phases[:, :, 3]], 1)
    return a, torch.cat([phases[:, :, 1], phases[:, :, 2]], 1)


def from_checkerboards(a: Tensor, b: Tensor) -> Tensor:
    """Inverse of ``to_checkerboards``."""
    n, twice, h, w = a.shape
    c = twice // 2
    phases = torch.stack([a[:, :c], b[:, :c], b[:, c:], a[:, c:]], 2)
    return F.pixel_shuffle(phases.reshape(n, 4 * c, h, w), 2)


class LiteTransform(nn.Module):
    """Pixels to y and z, and back; linear, without parameters, exact to rounding error.

    masking : divides each level's bands by what its low-pass band tells; not linear any more, but
        as exact.
    """

    def __init__(self, masking: ContrastMasking | None = None) -> None:
        super().__init__()
        self.axes = ColourAxes()
        self.level = WaveletLevel()
        self.register_module("masking", masking)
        self.masking: ContrastMasking | None
        order = torch.tensor(_level5_order())
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("inverse", torch.argsort(order), persistent=False)
        self.order: Tensor
        self.inverse: Tensor

    def _split(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) to the low-pass (B, C, H/2, W/2) and its three bands (B, 3 C, ...)."""
        b, c, h, w = signal.shape
        bands = self.level(signal.reshape(b * c, 1, h, w)).reshape(b, c, 4, h // 2, w // 2)
        return bands[:, :, 0], bands[:, :, 1:].reshape(b, 3 * c, h // 2, w // 2)

    def join(self, low: Tensor, bands: Tensor) -> Tensor:
        """Low-pass (B, C, h, w) and its three bands (B, 3 C, h, w) to the picture they halve."""
        b, c, h, w = low.shape
        both = torch.cat([low[:, :, None], bands.reshape(b, c, 3, h, w)], 2)
        return self.level.inverse(both.reshape(b * c, 4, h, w)).reshape(b, c, 2 * h, 2 * w)

    def _masked_split(self, signal: Tensor, level: int) -> tuple[Tensor, Tensor]:
        low, bands = self._split(signal)
        return low, bands if self.masking is None else bands / self.masking(low, level)

    def _masked_join(self, low: Tensor, bands: Tensor, level: int) -> Tensor:
        return self.join(low, bands if self.masking is None else bands * self.masking(low, level))

    def analysis(self, rgb: Tensor) -> Tensor:
        """RGB 0..255 (B, 3, H, W), sides multiples of 16, to y (B, 384, H/16, W/16).

        The first three channels hold LL4 itself; its prediction from z is subtracted later.
        """
        low, bands1 = self._masked_split(self.axes(rgb), 1)
        low, bands2 = self._masked_split(low, 2)
        low, bands3 = self._masked_split(low, 3)
        low, bands4 = self._masked_split(low, 4)
        parts = [low, bands4, *to_checkerboards(bands3)]
        parts += [F.pixel_unshuffle(half, 2) for half in to_checkerboards(bands2)]
        parts += [F.pixel_unshuffle(half, 4) for half in to_checkerboards(bands1[:, :3])]
        return torch.cat(parts, 1)

    def synthesis(self, y: Tensor) -> Tensor:
        """y with LL4 whole, (B, 384, h, w), to RGB (B, 3, 16 h, 16 w), not clipped."""
        low, bands4, a3, b3, a2, b2, a1, b1 = y.split([3, 9, 18, 18, 72, 72, 96, 96], 1)
        bands2 = from_checkerboards(F.pixel_shuffle(a2, 2), F.pixel_shuffle(b2, 2))
        luma = from_checkerboards(F.pixel_shuffle(a1, 4), F.pixel_shuffle(b1, 4))
        low = self._masked_join(low, bands4, 4)
        low = self._masked_join(low, from_checkerboards(a3, b3), 3)
        low = self._masked_join(low, bands2, 2)
        axes = self._masked_join(low, F.pad(luma, (0, 0, 0, 0, 0, 6)), 1)
        return self.axes.inverse(axes)

    def hyper_analysis(self, y: Tensor) -> Tensor:
        """LL4 in the first channels of y (B, >=3, h, w), h and w multiples of 4, to z."""
        low, bands5 = self._split(y[:, :LOW_PASS])
        low, bands6 = self._split(low)
        return torch.cat([low, bands6, F.pixel_unshuffle(bands5, 2)[:, self.order]], 1)

    def means(self, z: Tensor) -> Tensor:
        """LL4 (B, 3, 4 h, 4 w) as z (B, 48, h, w) predicts it."""
        low, bands6, bands5 = z.split([3, 9, 36], 1)
        bands5 = F.pixel_shuffle(bands5[:, self.inverse], 2)
        return self.join(self.join(low, bands6), bands5)
