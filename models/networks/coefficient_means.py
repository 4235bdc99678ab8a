"""Means of DCT coefficients, from coefficients known before: integer convolutions, fitted.

A smooth gradient shows in the DCs around a block before its first AC coefficients are coded, an
edge in the low frequencies of its neighbours. Each group's mean is a linear function of what is
known in 3x3 cells, in real units (coefficient times step), fitted by least absolute deviations
(iteratively reweighted least squares). Weights are integers and the arithmetic is exact.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.jpeg_groups import CoefficientGroup
from service.runtime.jpeg_model import FREQUENCIES, PHASES

UNIT = 4096  # integer weights count 1 / UNIT
QUARTERS = 4  # a mean is told in quarters of its channel's step
NEIGHBOURS = 9
RIDGE = 30.0  # squared units: what a weight has to explain to be worth it


class CoefficientMeans(nn.Module):
    """Weights of the groups that have inputs; shapes as of ``JpegDct``."""

    def __init__(self, groups: list[CoefficientGroup]) -> None:
        super().__init__()
        self.groups = groups
        for number, group in enumerate(groups):
            if group.inputs:
                inputs, outputs = NEIGHBOURS * len(group.inputs), len(group.channels)
                self.register_buffer(f"weights_{number}", torch.zeros(outputs, inputs))
                self.register_buffer(
                    f"gram_{number}",
                    torch.zeros(outputs, inputs, inputs, dtype=torch.float64),
                    persistent=False,
                )
                self.register_buffer(
                    f"moment_{number}",
                    torch.zeros(outputs, inputs, dtype=torch.float64),
                    persistent=False,
                )

    def weights(self, group: int) -> Tensor:
        """(n, 9 K) integers as float32, in 1/4096: by cell of the 3x3, row-major, within input."""
        return cast(Tensor, getattr(self, f"weights_{group}"))

    def predict(self, group: int, values: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """The integer next to each mean, and how far off the mean is, (B, n, h, w).

        The distance is -2/4, -1/4, 0 or 1/4 of a step.
        """
        layout = self.groups[group]
        shape = (len(values), len(layout.channels), *values.shape[2:])
        if not layout.inputs:
            nothing = values.new_zeros(shape)
            return nothing, nothing
        known = neighbourhoods(values, steps, layout.inputs)
        total = torch.einsum("ok,bkl->bol", self.weights(group).double(), known)
        step = steps[:, list(layout.channels), None].double()
        quarters = torch.floor((total + UNIT / 8 * step) / (UNIT / QUARTERS * step)) + 2
        centre = torch.floor(quarters / QUARTERS)
        fraction = (quarters - QUARTERS * centre - 2) / QUARTERS
        return centre.reshape(shape).float(), fraction.reshape(shape).float()

    @torch.no_grad()
    def observe(self, values: Tensor, steps: Tensor, there: Tensor) -> None:
        """Add a batch to what weights are fitted to; there (B, 768) tells absent channels."""
        for group, layout in enumerate(self.groups):
            if not layout.inputs:
                continue
            known = neighbourhoods(values, steps, layout.inputs)
            channels = list(layout.channels)
            truth = (values[:, channels] * steps[:, channels, None, None]).flatten(2).double()
            told = torch.einsum("ok,bkl->bol", self.weights(group).double() / UNIT, known)
            # Within a step nothing is to be gained.
            trust = 1 / ((truth - told).abs() + steps[:, channels, None])
            trust = trust * there[:, channels, None]
            gram, moment = getattr(self, f"gram_{group}"), getattr(self, f"moment_{group}")
            rows = known.permute(0, 2, 1).reshape(-1, known.shape[1])
            for output in range(len(channels)):
                weighted = rows * trust[:, output].reshape(-1, 1)
                gram[output] += rows.T @ weighted
                moment[output] += weighted.T @ truth[:, output].reshape(-1)

    @torch.no_grad()
    def solve(self) -> None:
        """Fit weights to what was observed, and forget half of it."""
        for group, layout in enumerate(self.groups):
            if not layout.inputs:
                continue
            gram, moment = getattr(self, f"gram_{group}"), getattr(self, f"moment_{group}")
            ridge = RIDGE * torch.eye(gram.shape[1], dtype=torch.float64, device=gram.device)
            fitted = torch.linalg.solve(gram + ridge, moment[..., None])[..., 0]
            self.weights(group).copy_(balanced(torch.round(fitted * UNIT), layout))
            gram *= 0.5
            moment *= 0.5


def neighbourhoods(values: Tensor, steps: Tensor, inputs: tuple[int, ...]) -> Tensor:
    """Real values of 3x3 cells, the nearest repeated beyond borders: (B, 9 K, h w), float64."""
    known = values[:, list(inputs)] * steps[:, list(inputs), None, None]
    around = F.pad(known, (1, 1, 1, 1), mode="replicate")
    unfolded = F.unfold(around, 3).double()  # (B, K 9, h w), by input, then cell
    b, _, positions = unfolded.shape
    by_cell = unfolded.reshape(b, len(inputs), NEIGHBOURS, positions).transpose(1, 2)
    return by_cell.reshape(b, -1, positions)


def balanced(weights: Tensor, layout: CoefficientGroup) -> Tensor:
    """Weights (n, 9 K) whose sums over each component's DCs are what they must be, exactly.

    DCs share an offset of thousands: 1 for a DC's own component, 0 for all else, or rounding of
    weights would show in it.
    """
    fixed = weights.reshape(len(weights), NEIGHBOURS, -1).clone()
    components = {c // (PHASES * FREQUENCIES) for c in layout.inputs if not c % FREQUENCIES}
    for component in components:
        dcs = [
            place
            for place, c in enumerate(layout.inputs)
            if not c % FREQUENCIES and c // (PHASES * FREQUENCIES) == component
        ]
        for output, channel in enumerate(layout.channels):
            own = not channel % FREQUENCIES and channel // (PHASES * FREQUENCIES) == component
            missing = UNIT * own - fixed[output][:, dcs].sum()
            # Shared out evenly, what is left over to the middle.
            share = torch.trunc(missing / (NEIGHBOURS * len(dcs)))
            fixed[output][:, dcs] += share
            fixed[output, NEIGHBOURS // 2, dcs[0]] += missing - share * NEIGHBOURS * len(dcs)
    return fixed.reshape(weights.shape)
