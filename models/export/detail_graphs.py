"""The networks that predict means of detail bands, as single-file ONNX: float, NHWC, by patches."""

from __future__ import annotations

import onnx
import torch
from torch import Tensor, nn

from models.export.float_graphs import traced
from models.networks.lite_transform import LOW_PASS
from models.networks.patches import LATENTS
from models.networks.standard import Standard


class _First(nn.Module):
    """The first group of a level.

    y (P, 16, 16, K), all groups before as they are decoded, LL4 whole, and quality (P,) -> means
    (P, h, w, n), state (P, h, w, W).
    """

    def __init__(self, network: Standard, group: int) -> None:
        super().__init__()
        self.network = network
        self.group = group

    def forward(self, y: Tensor, quality: Tensor) -> tuple[Tensor, Tensor]:
        network = self.network
        level, _ = network.place(self.group)
        latents = y.permute(0, 3, 1, 2)
        known = [network.unfold(latents, each) for each in network.prior.groups[: self.group]]
        low = network.low_pass(torch.zeros_like(latents[:, :LOW_PASS]), known)
        mean, state = network.detail.level(level).first(low, quality)
        return mean.permute(0, 2, 3, 1), state.permute(0, 2, 3, 1)


class _Following(nn.Module):
    """A further group of a level.

    y as in ``_First``, the level's group before at its end, and the state -> means (P, h, w, n)
    and, but for the level's last group, the state.
    """

    def __init__(self, network: Standard, group: int, last: bool) -> None:
        super().__init__()
        self.network = network
        self.group = group
        self.last = last

    def forward(self, y: Tensor, state: Tensor) -> tuple[Tensor, ...]:
        network = self.network
        level, number = network.place(self.group)
        before = network.unfold(y.permute(0, 3, 1, 2), network.prior.groups[self.group - 1])
        means = network.detail.level(level)
        answer = means.following(number, state.permute(0, 3, 1, 2), before)
        mean, state = (each.permute(0, 2, 3, 1) for each in answer)
        return (mean,) if self.last else (mean, state)


def detail_graphs(network: Standard) -> dict[str, onnx.ModelProto]:
    """ONNX models by file stem, ``detail_means_G`` for every group G that is predicted."""
    graphs = {}
    groups = network.prior.groups
    for level, (start, end) in enumerate(network.levels()):
        for group in range(start, end):
            inputs = {"y": torch.zeros(2, LATENTS, LATENTS, groups[group].channels.start)}
            outputs = ["mean"]
            if group == start:
                module: nn.Module = _First(network, group)
                inputs["quality"] = torch.zeros(2)
                outputs.append("state")
            else:
                side, last = LATENTS * groups[group].fold, group == end - 1
                module = _Following(network, group, last)
                inputs["state"] = torch.zeros(2, side, side, network.detail.level(level).width)
                outputs += [] if last else ["next_state"]
            graphs[f"detail_means_{group}"] = traced(module, inputs, outputs, patches=True)
    return graphs
