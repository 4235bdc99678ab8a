"""``pyramid``: a lossless network without latents; each level predicts the next finer one.

A picture is split into four phases: a (even rows, even columns), d (odd, odd), b (even, odd) and
c (odd, even). Phase a is the next coarser level's picture. Given a, the network codes d, b and c,
in each Y before Co before Cg, every position in parallel. It answers with a mean, which corrects
an integer prediction from neighbours, and the scale of a logistic density.

    a -> enter, block -> [d: blocks, heads] -> +d -> [b: blocks, heads] -> +b -> [c: blocks, heads]
    heads: Y, then Co given Y's symbol, then Cg given both
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.centred import CentredConv, signed_features
from models.layers.density import deviation, logistic_bits
from models.layers.exact import ExactBlock, ExactConv
from models.layers.periodic import PeriodicBias
from models.layers.ycbcr import to_ycbcr
from models.layers.ycocg import to_ycocg
from models.training.jpeg import as_stored
from models.training.noise import with_sensor_noise

PHASES = ("d", "b", "c")
OFFSETS = {"a": (0, 0), "d": (1, 1), "b": (0, 1), "c": (1, 0)}  # row, column in the 2x2 cell
COMPONENTS = 3
MEAN_UNIT = 4  # grey levels that a head's first output counts
INDEX_UNIT = 8  # table steps that its second output counts
START_INDEX = 26  # before training: a deviation of about 3
NOISY_SHARE = 1 / 3

# (phase, component, mean, index) -> values, each (B, 1, h, w): mean in grey levels, index in table
# steps, both real; values are integers.
Code = Callable[[str, int, Tensor, Tensor], Tensor]


class LevelNetwork(nn.Module):
    """The three phases of one level; (B, 3, h, w) is a's shape and that of every phase."""

    def __init__(self, width: int, depth: int, period: int = 0) -> None:
        super().__init__()
        self.width, self.hidden_width = width, width // 2
        n = self.hidden_width
        self.enter = CentredConv(PICTURE_FEATURES, width, 3)
        self.first = ExactBlock(width)
        self.blocks = nn.ModuleList(
            nn.Sequential(*(ExactBlock(width) for _ in range(depth))) for _ in PHASES
        )
        self.hidden = nn.ModuleList(ExactConv(width, COMPONENTS * n, 1) for _ in PHASES)
        self.embeds = nn.ModuleList(CentredConv(2 * COMPONENTS, width, 3) for _ in PHASES[1:])
        # A JPEG's grid, on the levels where it is a period; none elsewhere.
        self.places = nn.ModuleList(PeriodicBias(width, period) for _ in PHASES if period)
        # Shared by the phases: what of Y's symbol Co sees, and of both Cg.
        self.looks = nn.ModuleList(CentredConv(2 * k, n, 1) for k in range(1, COMPONENTS))
        self.heads = nn.ModuleList(ExactConv(n, 2, 1) for _ in range(COMPONENTS))
        for head in self.heads:
            assert isinstance(head, ExactConv)
            nn.init.normal_(head.weight, std=0.02)
            with torch.no_grad():
                head.bias[1] = START_INDEX / INDEX_UNIT

    def walk(self, coarse: Tensor, code: Code) -> None:
        """Go through the phases and components in coding order; ``code`` answers with values."""
        stream = self.first(self.enter(picture_features(coarse)))
        planes = {"a": coarse}
        for step, phase in enumerate(PHASES):
            base = predict(phase, planes)
            if step:
                before = PHASES[step - 1]
                residual = planes[before] - predict(before, planes)
                stream = stream + self.embeds[step - 1](signed_features(residual))
            if self.places:
                stream = self.places[step](stream)
            stream = self.blocks[step](stream)
            streams = self.hidden[step](stream).split(self.hidden_width, 1)
            symbols: list[Tensor] = []
            values: list[Tensor] = []
            for component in range(COMPONENTS):
                hidden = streams[component]
                if symbols:
                    look = self.looks[component - 1]
                    hidden = hidden + look(signed_features(torch.cat(symbols, 1)))
                correction, index = self.heads[component](hidden).float().chunk(2, 1)
                mean = base[:, component : component + 1] + MEAN_UNIT * correction
                values.append(code(phase, component, mean, INDEX_UNIT * index))
                symbols.append(values[-1] - torch.floor(mean.detach()))
            planes[phase] = torch.cat(values, 1)


class Pyramid(nn.Module):
    """Levels finest first: own weights on the first ones, the last of them for all coarser.

    widths, depths : of each network; channels of its state, and residual blocks a phase.
    periods : of the first networks' biases by position, in positions of their states; 0 for none.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (48, 48, 48),
        depths: tuple[int, ...] = (2, 2, 2),
        periods: Sequence[int] = (),
    ) -> None:
        super().__init__()
        periods = [*periods] + [0] * (len(widths) - len(periods))
        self.levels = nn.ModuleList(
            LevelNetwork(*each) for each in zip(widths, depths, periods, strict=True)
        )

    def network(self, level: int) -> LevelNetwork:
        """The network of a level, 0 the finest."""
        chosen = self.levels[min(level, len(self.levels) - 1)]
        assert isinstance(chosen, LevelNetwork)
        return chosen

    def forward(self, values: Tensor) -> list[Tensor]:
        """Bits of each level, finest first, (B,) each: of every picture.

        values : (B, 3, H, W) integers, YCoCg-R or centred YCbCr; levels go on while both sides
        are above 4.
        """
        spent: list[Tensor] = []
        while min(values.shape[2:]) > 4:
            total: list[Tensor] = []

            def code(
                phase: str,
                component: int,
                mean: Tensor,
                index: Tensor,
                fine: Tensor = values,
                total: list[Tensor] = total,
            ) -> Tensor:
                truth = phase_of(fine, phase)[:, component : component + 1]
                total.append(logistic_bits(truth - mean, deviation(index)).sum((1, 2, 3)))
                return truth

            coarse = phase_of(values, "a")
            self.network(len(spent)).walk(coarse, code)
            spent.append(torch.stack(total).sum(0))
            values = coarse
        return spent

    def losses(self) -> dict[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """The losses that a recipe's stages name."""
        return {"rate": self.rate_loss, "jpeg": self.jpeg_loss}

    def rate_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Bits a pixel, all three components; a share of the pictures gets a sensor's noise."""
        spent, logs = self._rates(to_ycocg(with_sensor_noise(rgb, NOISY_SHARE)))
        return spent.mean() / 10, logs

    def jpeg_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Logarithm of bits a pixel of pictures that come out of JPEGs, in a JPEG's colours.

        The logarithm, since their rates differ tenfold: a tenth saved on a smooth picture counts
        like a tenth on a noisy one.
        """
        spent, logs = self._rates(to_ycbcr(as_stored(rgb)))
        return torch.log1p(spent).mean(), logs

    def _rates(self, values: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Bits a pixel of each picture, (B,), and figures for the log."""
        pixels = values.shape[2] * values.shape[3]
        levels = [bits / pixels for bits in self(values)]
        spent = torch.stack(levels).sum(0)
        logs = {f"level_{k}": float(bits.detach().mean()) for k, bits in enumerate(levels)}
        return spent, {"bpp": float(spent.detach().mean()), **logs}


def phase_of(picture: Tensor, phase: str) -> Tensor:
    """One phase of (B, C, H, W), (B, C, H/2, W/2)."""
    row, column = OFFSETS[phase]
    return picture[:, :, row::2, column::2]


def predict(phase: str, planes: dict[str, Tensor]) -> Tensor:
    """Integer prediction of a phase from its four neighbours, edges repeated.

    d from four of a; b and c from two of a and two of d.
    """
    a = planes["a"]
    below, right = _moved(a, 1, 0), _moved(a, 0, 1)
    if phase == "d":
        total = a + below + right + _moved(below, 0, 1)
    elif phase == "b":
        total = a + right + planes["d"] + _moved(planes["d"], -1, 0)
    else:
        total = a + below + planes["d"] + _moved(planes["d"], 0, -1)
    return torch.floor((total + 2) / 4)


def picture_features(coarse: Tensor) -> Tensor:
    """What the network sees of a: differences to the right and below, fine and coarse; levels."""
    across, down = _moved(coarse, 0, 1) - coarse, _moved(coarse, 1, 0) - coarse
    level = torch.cat([coarse[:, :1] - 128, coarse[:, 1:]], 1)
    differences = signed_features(torch.cat([across, down], 1))
    return torch.cat([differences, signed_features(level)[:, COMPONENTS:]], 1)


PICTURE_FEATURES = 2 * 2 * COMPONENTS + COMPONENTS


def _moved(x: Tensor, rows: int, columns: int) -> Tensor:
    """x[i + rows, j + columns], edges repeated; rows and columns are -1, 0 or 1."""
    height, width = x.shape[2:]
    around = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return around[:, :, 1 + rows : 1 + rows + height, 1 + columns : 1 + columns + width]
