"""``jpeg-dct``: an exact prior over the quantised DCT coefficients of a JPEG.

What a JPEG's decoder shows follows from its coefficients, so a blade that came in one is kept
exactly by keeping these. The network is ``SubbandPrior`` on one grid, a cell of 16x16 pixels a
position, with the groups of ``jpeg_groups``. It tells scales in steps, as coefficients around are
in steps: telling them in units of the picture, divided by the step afterwards, took 2 % more bits.
Means come from coefficients known before by an integer convolution that is fitted, not trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from models.layers.density import deviation, index_of, laplace_bits
from models.layers.exact import ExactConv
from models.networks.coefficient_means import CoefficientMeans
from models.networks.jpeg_groups import (
    CB,
    CR,
    LUMA,
    coefficient_groups,
)
from models.networks.subband_prior import (
    MAGNITUDE_BITS,
    Group,
    SubbandPrior,
    magnitude,
)
from service.pictures.jpeg_headers import ZIGZAG
from service.runtime.jpeg_chain import ACTIVITIES, ACTIVITY_UNIT
from service.runtime.jpeg_model import (
    CHANNELS,
    COMPONENTS,
    FREQUENCIES,
    PHASES,
    SAMPLINGS,
    existing,
)

CELL = 16  # pixels
FITTING_STEPS = 40  # of training, in which means and starts are fitted
REFIT_EVERY = 20
# Steps that the network is shown, by component and place of the zigzag.
SHOWN_STEPS = ((LUMA, (0, 2, 9, 20, 40)), (CB, (0, 5)), (CR, (5,)))
FEATURES = sum(len(places) for _, places in SHOWN_STEPS) + len(SAMPLINGS)


class CoefficientPrior(SubbandPrior):
    """``SubbandPrior`` on the grid of cells, entered by u8 features that tell of the JPEG."""

    def __init__(self, width: int, groups: list[Group]) -> None:
        super().__init__(FEATURES, (width, width, width), groups)
        self.enter = ExactConv(FEATURES, width, 1, input_bits=MAGNITUDE_BITS, raw=True)


class JpegDct(nn.Module):
    """Shapes: batches of cells (B, 961, h, w): 768 coefficients, 3x64 steps, the sampling's number.

    Steps and sampling (0 4:4:4, 1 4:2:2, 2 4:2:0) are the same in all cells of a picture. Chroma
    blocks that a sampling has not are 0. Crops of 256x256 pixels have 16x16 cells.
    """

    def __init__(self, width: int = 112) -> None:
        super().__init__()
        self.groups = coefficient_groups()
        starts, layout = 0, []
        for number, group in enumerate(self.groups):
            stop = starts + len(group.channels)
            layout.append(Group(f"group {number}", range(starts, stop), 1, 0.0))
            starts = stop
        self.prior = CoefficientPrior(width, layout)
        self.means = CoefficientMeans(self.groups)
        self.register_buffer("start", torch.full((CHANNELS,), float(index_of(torch.tensor(1.0)))))
        self.register_buffer("seen", torch.zeros(CHANNELS, 2))
        self.register_buffer("fitting", torch.tensor(0))
        self.start: Tensor
        self.seen: Tensor
        self.fitting: Tensor

    def losses(self) -> dict[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """The loss that a recipe's stages name."""
        return {"rate": self.rate_loss}

    def rate_loss(self, cells: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Logarithm of bits a pixel, since pictures differ tenfold; ``cells`` (B, 961, h, w)."""
        bits = [group / (cells.shape[2] * cells.shape[3] * CELL**2) for group in self(cells)]
        spent = torch.stack(bits).sum(0)
        logs = {"luma": 0.0, "chroma": 0.0}
        for group, part in zip(self.groups, bits, strict=True):
            name = "luma" if group.channels[0] < PHASES * FREQUENCIES else "chroma"
            logs[name] += float(part.detach().mean())
        return torch.log1p(spent).mean(), {"bpp": float(spent.detach().mean()), **logs}

    def forward(self, cells: Tensor) -> list[Tensor]:
        """Bits of each group, (B,) each, in coding order; 0 for what a sampling has not."""
        with torch.no_grad(), torch.autocast(cells.device.type, enabled=False):
            values, steps, sampling = split_cells(cells)
            if self.training and self.fitting < FITTING_STEPS:
                self._fit(values, steps, sampling)
            residuals = self.residuals(values, steps)
            there = present(sampling)
        spent: list[Tensor] = []

        def code(group: int, raw: Tensor) -> Tensor:
            channels = list(self.groups[group].channels)
            symbols, fraction = residuals[group]
            index = raw.float() + self.start[channels, None, None]
            bits = laplace_bits(symbols - fraction, deviation(index)).sum((2, 3))
            spent.append((bits * there[:, channels]).sum(1))
            return symbols

        told = features(steps, sampling, cells.shape[2:])
        self.prior.walk(told, ACTIVITY_UNIT * activity(residuals[0][0]), code)
        return spent

    def residuals(self, values: Tensor, steps: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Symbols and the fraction of their mean, by group, (B, n, h, w) each.

        values (B, 768, h, w) integers, steps (B, 768). Fractions are -2/4 to 1/4.
        """
        found = []
        for group, layout in enumerate(self.groups):
            part = values[:, list(layout.channels)]
            if layout.differences:
                found.append((differences(part), torch.zeros_like(part)))
                continue
            centre, fraction = self.means.predict(group, values, steps)
            found.append((part - centre, fraction))
        return found

    def _fit(self, values: Tensor, steps: Tensor, sampling: Tensor) -> None:
        """Learn means and starts of a batch."""
        self.means.observe(values, steps, present(sampling))
        self.fitting += 1
        if self.fitting % REFIT_EVERY == 0 or self.fitting == 1:
            self.means.solve()
        there = present(sampling)
        for group, (symbols, _) in enumerate(self.residuals(values, steps)):
            channels = list(self.groups[group].channels)
            size = symbols.abs().mean((2, 3))
            self.seen[channels, 0] += (size * there[:, channels]).sum(0)
            self.seen[channels, 1] += there[:, channels].sum(0)
        scale = (self.seen[:, 0] + 0.1) / (self.seen[:, 1] + 1.0)
        self.start.copy_(index_of(torch.log(scale * math.sqrt(2))))


def split_cells(cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, 961, h, w) to values (B, 768, h, w), steps (B, 768) and samplings (B,)."""
    values = cells[:, :CHANNELS].float()
    tables = cells[:, CHANNELS:-1, 0, 0].float().reshape(-1, COMPONENTS, 1, FREQUENCIES)
    steps = tables.expand(-1, -1, PHASES, -1).reshape(-1, CHANNELS)
    return values, steps, cells[:, -1, 0, 0].long()


def present(sampling: Tensor) -> Tensor:
    """Which channels there are, (B, 768) of 0 and 1, by sampling (B,)."""
    there = np.stack([existing(each, COMPONENTS) for each in SAMPLINGS])
    return torch.from_numpy(there).to(sampling.device)[sampling].float()


def shown_steps() -> list[tuple[int, int]]:
    """(component, frequency) of the steps that the network is shown."""
    order = ZIGZAG.tolist()
    return [(component, order[p]) for component, places in SHOWN_STEPS for p in places]


def features(steps: Tensor, sampling: Tensor, size: torch.Size) -> Tensor:
    """What the network knows of a JPEG, (B, 11, h, w), multiples of 2^-MAGNITUDE_BITS."""
    channels = [component * PHASES * FREQUENCIES + f for component, f in shown_steps()]
    told = magnitude(steps[:, channels])
    kind = torch.nn.functional.one_hot(sampling, len(SAMPLINGS)) * (255 * 2.0**-MAGNITUDE_BITS)
    return torch.cat([told, kind.float()], 1)[:, :, None, None].expand(-1, -1, *size)


def activity(first: Tensor) -> Tensor:
    """How busy patches are, (B,), 0 to 15, from the first group's symbols (B, 1, h, w).

    An encoder says so in four bits, since the first group has no context.
    """
    size = first.abs().mean((1, 2, 3))
    return torch.floor(2 * torch.log2(1 + 8 * size) + 0.5).clamp(max=ACTIVITIES - 1)


def differences(values: Tensor) -> Tensor:
    """(B, 1, h, w) less the value above; in the first row less that to the left."""
    down = values[:, :, 1:] - values[:, :, :-1]
    right = values[:, :, :1, 1:] - values[:, :, :1, :-1]
    return torch.cat([torch.cat([values[:, :, :1, :1], right], 3), down], 2)
