"""What every lossy network shares: gains, the two levels, coding by the exact prior.

A network is a list of levels, top first: z, with one gain a picture and static tables, and y,
with a quality a patch and tables from the exact prior. A subclass brings the transforms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.density import TABLES, deviation, index_of
from models.layers.gains import Gains
from models.layers.quantiser import Quantiser, ScalarQuantiser
from models.layers.rounding import Bits
from models.networks.measurement import Measurement
from models.networks.patches import PATCH, from_patches, on_grid, to_patches
from models.networks.subband_prior import Group, SubbandPrior, TopFeatures


@dataclass
class Coded:
    """Patches, coded: by group, each on the grid of its network, (P, n, h, w).

    Values are scaled latents without their means, ``means`` these, scaled as well, where any are
    predicted; ``indices`` are real table indices, with the quality's share; bits are (P,).
    """

    symbols: list[Tensor]
    values: list[Tensor]
    means: list[Tensor | None]
    indices: list[Tensor]
    bits: Tensor

    def tables(self) -> list[Tensor]:
        """Table of each symbol."""
        return [table_of(index) for index in self.indices]


Predict = Callable[[int, list[Tensor]], Tensor | None]
"""(group, groups before it as they are decoded) -> its means, or None for zeros; no gain applied.

Each (P, n, h, w) on its group's own grid.
"""


def along_columns(symbols: Tensor, channels: int) -> Tensor:
    """The first channels of (B, C, h, w) as differences to the symbol above, the rest as it is.

    The first row, which has none above, holds differences to the left.
    """
    low = symbols[:, :channels]
    down = low[:, :, 1:] - low[:, :, :-1]
    right = torch.cat([low[:, :, :1, :1], low[:, :, :1, 1:] - low[:, :, :1, :-1]], 3)
    return torch.cat([torch.cat([right, down], 2), symbols[:, channels:]], 1)


def table_of(index: Tensor) -> Tensor:
    """Table of a real index, int64: its whole part, within the tables there are; any shape."""
    return index.detach().float().floor().clamp(0, TABLES - 1).long()


class LossyNetwork(nn.Module):
    """Base of the lossy family.

    Parameters
    ----------
    gains_y, gains_z : gains of y's native channels and of z's channels.
    top, prior : the exact networks.
    bits : likelihood of the family, ``laplace_bits`` or ``gaussian_bits``.
    """

    hyper_channels: int  # first channels of y that hyper_analysis reads
    mean_channels: int  # first channels of y whose mean z predicts
    analysis_halo: int  # receptive fields in pixels, rounded up to latents
    synthesis_halo: int
    top_differences = 0  # first channels of z that are coded as differences along columns
    top_prior: SubbandPrior | None  # z's own; without one its tables are static

    def __init__(
        self, gains_y: Gains, gains_z: Gains, top: TopFeatures, prior: SubbandPrior, bits: Bits
    ) -> None:
        super().__init__()
        self.gains_y, self.gains_z, self.top, self.prior = gains_y, gains_z, top, prior
        self.register_module("top_prior", None)
        self.bits = bits
        self.quantiser: Quantiser = ScalarQuantiser(bits)

    @property
    def channels(self) -> int:
        """Channels of y."""
        return sum(len(group.channels) for group in self.prior.groups)

    @property
    def top_channels(self) -> int:
        """Channels of z."""
        return self.gains_z.logarithm.shape[1]

    # -- transforms: a subclass's own -------------------------------------------------------

    def analysis(self, rgb: Tensor) -> Tensor:
        """RGB 0..255 (B, 3, H, W) to y (B, C, H/16, W/16)."""
        raise NotImplementedError

    def hyper_analysis(self, y: Tensor) -> Tensor:
        """The first ``hyper_channels`` of y to z (B, Cz, h/4, w/4)."""
        raise NotImplementedError

    def means(self, z: Tensor) -> Tensor:
        """Means of the first ``mean_channels`` of y, (B, K, h, w), from z (B, Cz, h/4, w/4)."""
        raise NotImplementedError

    def synthesis(self, y: Tensor, quality: Tensor) -> Tensor:
        """y and qualities on its grid (B, h, w) to RGB, not clipped."""
        raise NotImplementedError

    def in_training(self, rgb: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) as the losses see them."""
        return rgb

    # -- gains ------------------------------------------------------------------------------

    def folded(self, native: Tensor) -> Tensor:
        """Values of the native channels (B, n), repeated for the folded ones (B, C)."""
        parts = native.split([g.native for g in self.prior.groups], 1)
        repeated = [
            part.repeat_interleave(g.fold**2, 1)
            for part, g in zip(parts, self.prior.groups, strict=True)
        ]
        return torch.cat(repeated, 1)

    def gain(self, quality: Tensor) -> Tensor:
        """Gains of y at patch qualities: (P,) to (P, C, 1, 1)."""
        return torch.exp(self.folded(self.gains_y(quality)))[:, :, None, None]

    def upper(self, y: Tensor, top_quality: Tensor) -> tuple[Tensor, Tensor]:
        """Symbols of z (integers) and the z they stand for, at one anchor a picture (B,)."""
        z = self.hyper_analysis(y[:, : self.hyper_channels])
        gain = torch.exp(self.gains_z(top_quality))[:, :, None, None]
        symbols = torch.floor(z * gain + 0.5)
        return symbols, symbols / gain

    def without_means(self, y: Tensor, low: Tensor) -> Tensor:
        """y (B, C, h, w) minus the means of its first channels, low (B, K, h, w)."""
        k = self.mean_channels
        return torch.cat([y[:, :k] - low, y[:, k:]], 1)

    # -- the upper level --------------------------------------------------------------------

    def top_indices(self, symbols: Tensor, top_quality: Tensor) -> tuple[Tensor, Tensor]:
        """What is coded of z's symbols (B, Cz, h, w), and its real table indices, both so."""
        assert self.top_prior is not None
        coded = along_columns(symbols, self.top_differences)
        groups = self.top_prior.groups
        shifts = index_of(self.gains_z(top_quality)).split([g.native for g in groups], 1)
        split = [self.unfold(coded, g) for g in groups]
        nothing = symbols.new_zeros(len(symbols), 1, *symbols.shape[2:])
        raw = self.top_prior(nothing, top_quality * 64, split)
        indices = [
            index.float() + shift[:, :, None, None] + g.start
            for index, shift, g in zip(raw, shifts, groups, strict=True)
        ]
        return coded, torch.cat(indices, 1)

    def top_bits(self, symbols: Tensor, top_quality: Tensor) -> Tensor:
        """Bits of z's symbols (B, Cz, h, w) at one anchor a picture (B,): (B,)."""
        coded, indices = self.top_indices(symbols, top_quality)
        return self.bits(coded, deviation(indices)).flatten(1).sum(1)

    # -- the lowest level -------------------------------------------------------------------

    @staticmethod
    def unfold(y: Tensor, group: Group) -> Tensor:
        """A group's channels of (P, C, 16, 16) on the grid of its network."""
        part = y[:, group.channels.start : group.channels.stop]
        return F.pixel_shuffle(part, group.fold) if group.fold > 1 else part

    def fold(self, groups: list[Tensor]) -> Tensor:
        """Inverse of ``unfold`` for all groups: (P, C, 16, 16)."""
        parts = [
            F.pixel_unshuffle(part, g.fold) if g.fold > 1 else part
            for part, g in zip(groups, self.prior.groups, strict=True)
        ]
        return torch.cat(parts, 1)

    def predictor(self, low: Tensor, quality: Tensor) -> Predict | None:
        """What predicts the means of patches' groups from the groups before; None for nothing.

        low (P, K, 16, 16): what z predicts of y's first channels; quality (P,).
        """
        return None

    def code_patches(self, y: Tensor, symbols_z: Tensor, z: Tensor, quality: Tensor) -> Coded:
        """Code all patches of pictures: y (B, C, h, w) with what z tells of it; quality (P,)."""
        with torch.no_grad(), torch.autocast(y.device.type, enabled=False):
            low = self.means(z)
            scaled = to_patches(self.without_means(y, low)) * self.gain(quality)
        predict = self.predictor(to_patches(low), quality)
        return self.code(to_patches(self.top(symbols_z)), scaled, quality, predict)

    def code(
        self, features: Tensor, scaled: Tensor, quality: Tensor, predict: Predict | None = None
    ) -> Coded:
        """Decide on symbols group by group and count their bits.

        features (P, F, 16, 16), scaled latents (P, C, 16, 16), quality (P,). Symbols carry no
        gradient; bits carry that of the prior, values that of predicted means.
        """
        logarithm = self.gains_y(quality)
        sizes = [g.native for g in self.prior.groups]
        gains = torch.exp(logarithm)[:, :, None, None].split(sizes, 1)
        shifts = index_of(logarithm).split(sizes, 1)
        coded = Coded([], [], [], [], torch.zeros(len(scaled), device=scaled.device))
        known: list[Tensor] = []

        def decide(group: int, raw: Tensor) -> Tensor:
            layout = self.prior.groups[group]
            index = raw.float() + shifts[group][:, :, None, None] + layout.start
            mean = None if predict is None else predict(group, known)
            values = self.unfold(scaled, layout)
            if mean is not None:
                mean = mean.float() * gains[group]
                values = values - mean
            symbols = self.quantiser.decide(values.detach(), table_of(index))
            coded.symbols.append(symbols)
            coded.values.append(values)
            coded.means.append(mean)
            coded.indices.append(index)
            cost = self.quantiser.bits(symbols, index)
            coded.bits = coded.bits + cost.flatten(1).sum(1)
            if predict is not None:
                known.append(self._shown(coded, group).detach() / gains[group])
            return symbols

        self.prior.walk(features, torch.floor(quality * 64), decide)
        return coded

    def reconstruct(self, coded: Coded) -> Tensor:
        """Scaled latents (P, C, 16, 16) where they are expected within their bins."""
        return self.fold([self._shown(coded, group) for group in range(len(coded.symbols))])

    def _shown(self, coded: Coded, group: int) -> Tensor:
        """``reconstruct`` of one group, on its own grid."""
        symbols, mean = coded.symbols[group], coded.means[group]
        shown = self.quantiser.reconstruct(symbols, table_of(coded.indices[group]))
        return shown if mean is None else shown + mean

    def observe(self, coded: Coded) -> None:
        """Count what was coded, and where values lie in their bins; older counts fade."""
        self.quantiser.forget()
        for parts in zip(coded.symbols, coded.values, coded.tables(), strict=True):
            self.quantiser.observe(*parts)

    # -- both levels ------------------------------------------------------------------------

    @torch.no_grad()
    def measure(self, rgb: Tensor, quality: Tensor) -> Measurement:
        """Code pictures (B, 3, H, W) at a quality each (B,), as ``Measurable`` asks."""
        rows, columns = rgb.shape[2] // PATCH, rgb.shape[3] // PATCH
        by_patch = quality[:, None, None].expand(-1, rows, columns)
        flat, top_quality = by_patch.reshape(-1), torch.floor(quality + 0.5)
        y = self.analysis(rgb).float()
        symbols_z, z = self.upper(y, top_quality)
        coded = self.code_patches(y, symbols_z, z, flat)
        shown = from_patches(self.reconstruct(coded) / self.gain(flat), rows, columns)
        shown[:, : self.mean_channels] += self.means(z)
        bits_y = coded.bits.reshape(len(rgb), -1).sum(1)
        return Measurement(
            {"y": bits_y, **self.upper_bits(y, symbols_z, top_quality)},
            self.synthesis(shown, on_grid(by_patch)),
        )

    def upper_bits(self, y: Tensor, symbols_z: Tensor, top_quality: Tensor) -> dict[str, Tensor]:
        """Bits a picture (B,) of the levels above y by name, the topmost last."""
        return {"z": self.top_bits(symbols_z, top_quality)}
