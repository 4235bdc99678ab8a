"""The networks that predict means of detail bands, as single-file ONNX: float, NHWC, by patches."""

from __future__ import annotations

import onnx
import torch
from torch import Tensor, nn

from models.export.float_graphs import traced
from models.networks.lite_transform import LOW_PASS
from models.networks.patches import LATENTS
from models.networks.standard import FIRST_DETAIL, Standard


class _First(nn.Module):
    """Half a of a level.

    y (P, 16, 16, K), all groups before as they are decoded, LL4 whole, and quality (P,) -> means
    (P, h, w, n), state (P, h, w, W).
    """

    def __init__(self, network: Standard, group: int) -> None:
        super().__init__()
        self.network = network
        self.group = group

    def forward(self, y: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        network = self.network
        latents = y.permute(0, 3, 1, 2)
        known = [network.unfold(latents, each) for each in network.prior.groups[: self.group]]
        low = network.low_pass(torch.zeros_like(latents[:, :LOW_PASS]), known)
        mean, state = network.detail.level((self.group - FIRST_DETAIL) // 2).first(low, quality)
        return mean.permute(0, 2, 3, 1), state.permute(0, 2, 3, 1)


class _Second(nn.Module):
    """Half b: y as in ``_First``, with half a at its end, and the state -> means (P, h, w, n)."""

    def __init__(self, network: Standard, group: int) -> None:
        super().__init__()
        self.network = network
        self.group = group

    def forward(self, y: Tensor, state: Tensor) -> Tensor:
        network = self.network
        half = network.unfold(y.permute(0, 3, 1, 2), network.prior.groups[self.group - 1])
        level = network.detail.level((self.group - FIRST_DETAIL) // 2)
        return level.second(state.permute(0, 3, 1, 2), half).permute(0, 2, 3, 1)


def detail_graphs(network: Standard) -> dict[str, onnx.ModelProto]:
    """ONNX models by file stem, ``detail_means_G`` for every group G that is predicted."""
    graphs = {}
    groups = network.prior.groups
    for first in range(FIRST_DETAIL, len(groups), 2):
        for group in (first, first + 1):
            y = torch.zeros(2, LATENTS, LATENTS, groups[group].channels.start)
            if group == first:
                module: nn.Module = _First(network, group)
                inputs, outputs = {"y": y, "quality": torch.zeros(2)}, ["mean", "state"]
            else:
                side = LATENTS * groups[group].fold
                width = network.detail.level((group - FIRST_DETAIL) // 2).leave_b.in_channels
                module = _Second(network, group)
                inputs, outputs = {"y": y, "state": torch.zeros(2, side, side, width)}, ["mean"]
            graphs[f"detail_means_{group}"] = traced(module, inputs, outputs, patches=True)
    return graphs
