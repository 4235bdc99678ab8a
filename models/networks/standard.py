"""``standard``: ``lite``'s transform in more steps, with predicted means, restored more deeply."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from models.layers.density import deviation
from models.layers.gains import lagrangian
from models.networks.detail_means import DetailMeans
from models.networks.lite import Lite
from models.networks.lite_transform import LOW_PASS
from models.networks.lossy_network import Predict
from models.networks.patches import PATCH, by_quality, draw_qualities
from models.networks.phases import FIRST_DETAIL, from_lite, groups, level_bands


class Standard(Lite):
    """Shapes as of ``Lite``; the groups of y are those of ``phases``.

    mean_widths, mean_blocks : of the networks of levels 3, 2 and 1.
    """

    # As Lite's; the restoration reaches 88 pixels.
    synthesis_halo = 160
    # On eight training crops at q = 1 to 7, 0.05 and 0.08 took 0.3 % more bits, picture by picture.
    rate_weight = 0.065

    def __init__(
        self,
        widths: tuple[int, int, int] = (96, 96, 48),
        features: int = 64,
        restoration_width: int = 64,
        restoration_blocks: int = 8,
        coarse_blocks: int = 6,
        mean_widths: tuple[int, int, int] = (96, 96, 64),
        mean_blocks: tuple[int, int, int] = (3, 3, 3),
    ) -> None:
        super().__init__(
            widths, features, restoration_width, restoration_blocks, coarse_blocks, groups()
        )
        channels = tuple(
            tuple(group.native for group in self.prior.groups[start:end])
            for start, end in self.levels()
        )
        self.detail = DetailMeans(channels, mean_widths, mean_blocks)
        order = from_lite()
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("inverse", torch.argsort(order), persistent=False)
        self.order: Tensor
        self.inverse: Tensor

    def analysis(self, rgb: Tensor) -> Tensor:
        """RGB to y (B, 384, h, w); LL4 whole in the first channels."""
        return super().analysis(rgb)[:, self.order]

    def linear(self, y: Tensor) -> Tensor:
        """The linear path: y (B, 384, h, w), LL4 whole, to RGB, not clipped."""
        return super().linear(y[:, self.inverse])

    def levels(self) -> list[tuple[int, int]]:
        """First group of levels 3, 2 and 1, and the group behind their last."""
        grids = [group.fold for group in self.prior.groups[FIRST_DETAIL:]]
        ends = [FIRST_DETAIL + grids.index(fold) for fold in (1, 2, 4)] + [len(self.prior.groups)]
        return list(pairwise(ends))

    def place(self, group: int) -> tuple[int, int]:
        """Number of a detail group's level, 0 for level 3, and of the group within it."""
        for number, (start, end) in enumerate(self.levels()):
            if start <= group < end:
                return number, group - start
        raise ValueError(f"group {group} is of no level")

    def predictor(self, low: Tensor, quality: Tensor) -> Predict:
        """Means of the detail bands; low (P, 3, 16, 16), quality (P,)."""
        return DetailPredictor(self, low, quality)

    def low_pass(self, low: Tensor, known: list[Tensor]) -> Tensor:
        """The low-pass picture above a level whose coarser groups are known, at pixels' size.

        low (P, 3, 16, 16): LL4 as z predicts it. Group 0 known gives LL3 (P, 3, 32, 32), level 3
        LL2 (P, 3, 64, 64), level 2 LL1 (P, 3, 128, 128).
        """
        picture = self.transform.join(low + known[0][:, :LOW_PASS], known[0][:, LOW_PASS:])
        coarser = [each for each in self.levels() if each[1] <= len(known)]
        for start, end in coarser:
            picture = self.transform.join(picture, level_bands(known[start:end]))
        return picture / 2 ** (3 - len(coarser))

    def losses(self) -> dict[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """The losses that a recipe's stages name."""
        return {**super().losses(), "means": self.means_loss}

    def means_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """``prior_loss``, by which the prior learns, and the same before rounding, for the means.

        Rounding has no gradient: the means learn from what values would cost as they are, at the
        scales that the prior tells.
        """
        rgb = self.in_training(rgb)
        quality, top_quality = draw_qualities(rgb)
        flat = quality.reshape(-1)
        with self.quantiser.by_density():
            coded, _ = self._code(rgb, flat, top_quality)
        if self.training:
            self.observe(coded)
        unrounded = torch.zeros_like(coded.bits)
        for values, index in zip(coded.values, coded.indices, strict=True):
            scale = deviation(index.detach() - self.quantiser.deeper)
            bits = self.bits(values.float(), scale)
            unrounded = unrounded + bits.flatten(1).sum(1)
        weight = lagrangian(flat) ** -0.45 / PATCH**2
        loss = ((coded.bits + unrounded) * weight).mean() / 20
        bits = coded.bits.detach() / PATCH**2
        return loss, {"bpp": float(bits.mean()), **by_quality(bits, flat)}


class DetailPredictor:
    """``Predict`` of some patches: each group of a level follows on the one before."""

    def __init__(self, network: Standard, low: Tensor, quality: Tensor) -> None:
        self._network, self._low, self._quality = network, low, quality
        self._state = low.new_zeros(0)

    def __call__(self, group: int, known: list[Tensor]) -> Tensor | None:
        """Means (P, n, h, w) of a group."""
        if group < FIRST_DETAIL:
            return None
        level, number = self._network.place(group)
        network = self._network.detail.level(level)
        if number:
            mean, self._state = network.following(number, self._state, known[-1])
            return mean
        with torch.autocast(self._low.device.type, enabled=False):
            low = self._network.low_pass(self._low, known)
        mean, self._state = network.first(low, self._quality)
        return mean
