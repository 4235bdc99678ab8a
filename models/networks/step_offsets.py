"""Quantiser steps by level of the wavelet, away from the one step that is best at high rates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.networks.subband_prior import Group


@dataclass(frozen=True)
class StepOffsets:
    """What is added to the logarithms of gains.

    luma, chroma : by level, 1 the finest; LL4 has none.
    diagonal : of bands that are high-pass both ways, besides.
    """

    luma: dict[int, float]
    chroma: dict[int, float]
    diagonal: float

    def of(self, group: Group) -> Tensor:
        """Offsets of a group's native channels, (n,)."""
        level = 4 if group.name == "low" else int(group.name[0])
        luma, chroma = (
            torch.tensor([each[level], each[level], each[level] + self.diagonal])
            for each in (self.luma, self.chroma)
        )
        if level == 4:
            return torch.cat([torch.zeros(3), luma, chroma, chroma])
        # Both diagonal phases one after the other; the finest level has no chroma.
        phase = [luma] if level == 1 else [luma, chroma, chroma]
        return torch.cat(phase * 2)

    def of_all(self, groups: list[Group]) -> Tensor:
        """``of`` all groups, one after another."""
        return torch.cat([self.of(group) for group in groups])
