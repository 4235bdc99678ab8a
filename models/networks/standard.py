"""``standard``: ``lite`` with predicted means of its detail bands and a deeper restoration."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.layers.density import deviation
from models.layers.gains import lagrangian
from models.networks.detail_means import DetailMeans
from models.networks.lite import Lite
from models.networks.lite_transform import LOW_PASS, from_checkerboards
from models.networks.lossy_network import Predict
from models.networks.patches import PATCH, by_quality, draw_qualities

# Groups of ``subband_prior``: 0 is LL4 and level 4, then two halves of levels 3, 2 and 1.
FIRST_DETAIL = 1


class Standard(Lite):
    """Shapes as of ``Lite``, whose weights fit.

    mean_widths, mean_blocks : of the networks of levels 3, 2 and 1.
    """

    # As Lite's; the restoration reaches 36 pixels.
    synthesis_halo = 96

    def __init__(
        self,
        widths: tuple[int, int, int] = (96, 96, 48),
        features: int = 64,
        restoration_width: int = 64,
        restoration_blocks: int = 8,
        mean_widths: tuple[int, int, int] = (96, 96, 64),
        mean_blocks: tuple[int, int, int] = (2, 2, 2),
    ) -> None:
        super().__init__(widths, features, restoration_width, restoration_blocks)
        channels = tuple(group.native for group in self.prior.groups[FIRST_DETAIL::2])
        self.detail = DetailMeans(channels, mean_widths, mean_blocks)

    def predictor(self, low: Tensor, quality: Tensor) -> Predict:
        """Means of the detail bands; low (P, 3, 16, 16), quality (P,)."""
        return DetailPredictor(self, low, quality)

    def low_pass(self, low: Tensor, known: list[Tensor]) -> Tensor:
        """The low-pass picture above a level whose coarser groups are known, at pixels' size.

        low (P, 3, 16, 16): LL4 as z predicts it. One group known gives LL3 (P, 3, 32, 32), three
        LL2 (P, 3, 64, 64), five LL1 (P, 3, 128, 128).
        """
        picture = self.transform.join(low + known[0][:, :LOW_PASS], known[0][:, LOW_PASS:])
        for level in range(1, len(known) // 2 + 1):
            halves = from_checkerboards(known[2 * level - 1], known[2 * level])
            picture = self.transform.join(picture, halves)
        return picture / 2 ** (3 - len(known) // 2)

    def losses(self) -> dict[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """The losses that a recipe's stages name."""
        return {**super().losses(), "means": self.means_loss}

    def means_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """``prior_loss``, by which the prior learns, and the same before rounding, for the means.

        Rounding has no gradient: the means learn from what values would cost as they are, at the
        scales that the prior tells.
        """
        quality, top_quality = draw_qualities(rgb)
        flat = quality.reshape(-1)
        coded, _ = self._code(rgb, flat, top_quality)
        unrounded = torch.zeros_like(coded.bits)
        for values, index in zip(coded.values, coded.indices, strict=True):
            bits = self.bits(values.float(), deviation(index.detach()))
            unrounded = unrounded + bits.flatten(1).sum(1)
        weight = lagrangian(flat) ** -0.45 / PATCH**2
        loss = ((coded.bits + unrounded) * weight).mean() / 20
        bits = coded.bits.detach() / PATCH**2
        return loss, {"bpp": float(bits.mean()), **by_quality(bits, flat)}


class DetailPredictor:
    """``Predict`` of some patches: half b of a level follows on half a."""

    def __init__(self, network: Standard, low: Tensor, quality: Tensor) -> None:
        self._network, self._low, self._quality = network, low, quality
        self._state = low.new_zeros(0)

    def __call__(self, group: int, known: list[Tensor]) -> Tensor | None:
        """Means (P, n, h, w) of a group."""
        if group < FIRST_DETAIL:
            return None
        level, second = divmod(group - FIRST_DETAIL, 2)
        network = self._network.detail.level(level)
        if second:
            return network.second(self._state, known[-1])
        with torch.autocast(self._low.device.type, enabled=False):
            low = self._network.low_pass(self._low, known)
        mean, self._state = network.first(low, self._quality)
        return mean
