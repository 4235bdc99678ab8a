"""An exact prior over the subbands of a wavelet-like latent grid, coarse to fine.

The latents y of one 256x256 patch are coded in groups: the coarsest channels first, then the parts
of each finer level. The table index of a group comes from an integer network that sees the level
above (z, through its whole-picture features), the patch's quality and how far from their means the
groups before it lie. Every position of a group is coded in parallel. With the groups of
``lite_transform``, two checkerboard halves a level:

    z ---------> features --+
    quality ----------------+-> S16 -> [LL4 residual, level 4] -> [level 3 a] -> [level 3 b]
                                 |up
                                S8  -> [level 2 a] -> [level 2 b]
                                 |up
                                S4  -> [level 1 a] -> [level 1 b]

Each arrow to a group is: residual block, head; each arrow back: embed what was decoded and
add them to the state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.exact import ExactBlock, ExactConv, round_through

INDEX_BITS = 4  # the network's output counts sixteenths of a table step
INDEX_FRACTION = 2**INDEX_BITS
MAGNITUDE_BITS = 5
QUALITY_BITS = 5


# u8 entries: about log2(1 + size), 32 steps an octave. Of a symbol's magnitude, and of its distance
# from the mean in quarters of a step, of which one counts as nothing.
MAGNITUDES = torch.round(32 * torch.log2(1 + torch.arange(256.0, dtype=torch.float64)))
MAGNITUDES = MAGNITUDES.clamp(max=255).float()
DISTANCES = torch.round(
    32 * torch.log2(1 + (torch.arange(256.0, dtype=torch.float64) - 1).clamp(min=0) / 3)
).float()


def magnitude(symbols: Tensor) -> Tensor:
    """u8 feature of a symbol's size, in real units.

    Integers by construction (a table of 256 entries), so exact.
    """
    size = symbols.abs().clamp(max=255).long()
    return MAGNITUDES.to(symbols.device)[size] * 2.0**-MAGNITUDE_BITS


def distance(symbols: Tensor) -> Tensor:
    """u8 feature of how far from its mean a trellis's symbol stands, as ``magnitude`` scales it.

    That is |4 s - 1| quarters of a step, on either side.
    """
    quarters = (4 * symbols - 1).abs().clamp(max=255).long()
    return DISTANCES.to(symbols.device)[quarters] * 2.0**-MAGNITUDE_BITS


def signed_feature(symbols: Tensor) -> Tensor:
    """u8 feature of a symbol with its sign: 4 (s + 32) clipped to 0..255, 4 + s/8 in real units.

    Zero padding stands for -32, so a border is something the network can see.
    """
    return ((symbols + 32) * 4).clamp(0, 255) * 2.0**-MAGNITUDE_BITS


@dataclass(frozen=True)
class Group:
    """Channels of y that are coded in one step, and the scale they live on.

    ``channels`` count on the 1/16 grid, where y is stored; the network works on a grid ``fold``
    times finer (1, 2 or 4) with ``native`` channels. ``start`` is where the group's table index
    stands before training at gain 1: about the deviation of such coefficients on photographs.
    """

    name: str
    channels: range
    fold: int
    start: float

    @property
    def native(self) -> int:
        """Channels on the grid of its network."""
        return len(self.channels) // self.fold**2


def places(groups: Sequence[Group]) -> list[tuple[int, int]]:
    """(scale, step within it) of each group, in coding order; one scale a grid, coarse to fine."""
    folds = sorted({group.fold for group in groups})
    return [
        (folds.index(group.fold), sum(each.fold == group.fold for each in groups[:number]))
        for number, group in enumerate(groups)
    ]


class Step(NamedTuple):
    """Layers of one group; ``embed`` takes its symbols in, if any group comes after."""

    block: ExactBlock
    hidden: ExactConv
    head: ExactConv
    embed: ExactConv | None


class Scale(nn.Module):
    """The steps on one grid: state of ``width`` channels, one block and head a group."""

    def __init__(self, width: int, group_channels: list[int], last: bool) -> None:
        super().__init__()
        self.width = width
        self.quality = ExactConv(1, width, 1, input_bits=QUALITY_BITS, raw=True)
        self.blocks = nn.ModuleList(ExactBlock(width) for _ in group_channels)
        self.hidden = nn.ModuleList(ExactConv(width, width, 1) for _ in group_channels)
        self.heads = nn.ModuleList(ExactConv(width, n, 1) for n in group_channels)
        embedded = group_channels[:-1] if last else group_channels
        self.embeds = nn.ModuleList(
            ExactConv(n, width, 3, input_bits=MAGNITUDE_BITS, raw=True) for n in embedded
        )
        for head in self.heads:
            assert isinstance(head, ExactConv)
            nn.init.normal_(head.weight, std=0.02)
        nn.init.zeros_(self.quality.weight)

    def step(self, number: int) -> Step:
        """The layers of a step."""
        embed = self.embeds[number] if number < len(self.embeds) else None
        layers = (self.blocks[number], self.hidden[number], self.heads[number], embed)
        return Step(*cast("tuple[ExactBlock, ExactConv, ExactConv, ExactConv | None]", layers))


class SubbandPrior(nn.Module):
    """Table indices of y, group by group; shapes are for P patches.

    features (P, F, 16, 16) from ``TopFeatures``; quality (P,) in 1/64 steps, 0..512;
    symbols of a group (P, n, 16 fold, 16 fold) integers. Returned indices have the group's shape,
    in table steps (real), before the quality's offset is added.

    ``trellis``: symbols are those of a trellis, which tell distances, not magnitudes.
    """

    def __init__(
        self,
        features: int,
        widths: tuple[int, int, int],
        groups: list[Group],
        *,
        trellis: bool = False,
    ) -> None:
        super().__init__()
        self.groups, self.trellis = groups, trellis
        by_fold = {fold: [g for g in groups if g.fold == fold] for fold in (1, 2, 4)}
        self.folds = [fold for fold in (1, 2, 4) if by_fold[fold]]
        counts = [[g.native for g in by_fold[fold]] for fold in self.folds]
        self.enter = ExactConv(features, widths[0], 1)
        self.scales = nn.ModuleList(
            Scale(width, count, last=fold == self.folds[-1])
            for width, count, fold in zip(widths, counts, self.folds, strict=False)
        )
        self.ups = nn.ModuleList(
            ExactConv(widths[i], 4 * widths[i + 1], 1) for i in range(len(self.folds) - 1)
        )

    def steps(self) -> list[tuple[int, int]]:
        """(scale, step within it) of each group, in coding order."""
        return places(self.groups)

    def scale(self, number: int) -> Scale:
        """The steps on one grid."""
        return cast(Scale, self.scales[number])

    def entry(self, scale: int) -> ExactConv:
        """The layer that makes a scale's state: of the features, or of the scale before."""
        return self.enter if scale == 0 else cast(ExactConv, self.ups[scale - 1])

    def _enter_scale(self, scale: int, stream: Tensor, quality: Tensor) -> Tensor:
        stream = self.entry(scale)(stream)
        if scale > 0:
            stream = F.pixel_shuffle(stream, 2)
        plane = torch.floor(quality.float() / 2).clamp(max=255) * 2.0**-QUALITY_BITS
        plane = plane[:, None, None, None].expand(-1, 1, *stream.shape[2:])
        entered: Tensor = stream + self.scale(scale).quality(plane)
        return entered

    def walk(
        self, features: Tensor, quality: Tensor, code: Callable[[int, Tensor], Tensor]
    ) -> None:
        """Go through the groups in coding order.

        ``code(group, index)`` is handed a group's indices and answers with its symbols: those
        it was given, or those it decides on now that it knows their cost.
        """
        stream, previous = features, -1
        for group, (scale, number) in enumerate(self.steps()):
            if scale != previous:
                stream = self._enter_scale(scale, stream, quality)
                previous = scale
            step = self.scale(scale).step(number)
            stream = step.block(stream)
            symbols = code(group, step.head(step.hidden(stream)))
            if step.embed is not None:
                told = distance(symbols) if self.trellis else magnitude(symbols)
                stream = stream + step.embed(told)

    def forward(self, features: Tensor, quality: Tensor, symbols: list[Tensor]) -> list[Tensor]:
        """The indices of all groups, given all symbols."""
        indices: list[Tensor] = []

        def given(group: int, index: Tensor) -> Tensor:
            indices.append(index)
            return symbols[group]

        self.walk(features, quality, given)
        return indices


class TopFeatures(nn.Module):
    """Whole-picture features of the upper level: z (B, C, H, W) to (B, F, fold H, fold W).

    ``signed``: the symbols enter as they are (a learned hyper-latent, where a sign tells
    something), else by magnitude (wavelet coefficients).
    """

    def __init__(
        self, channels: int, width: int, features: int, signed: bool = False, fold: int = 4
    ) -> None:
        super().__init__()
        self.signed, self.fold = signed, fold
        self.enter = ExactConv(channels, width, 3, input_bits=MAGNITUDE_BITS, raw=True)
        self.block = ExactBlock(width)
        self.leave = ExactConv(width, fold**2 * features, 1)

    def forward(self, symbols: Tensor) -> Tensor:
        """Features of integer symbols."""
        entered = signed_feature(symbols) if self.signed else magnitude(symbols)
        stream = self.block(self.enter(entered))
        return F.pixel_shuffle(self.leave(stream), self.fold)


def to_sixteenths(index: Tensor) -> Tensor:
    """Integer index in sixteenths of a table step."""
    return round_through(index * INDEX_FRACTION)
