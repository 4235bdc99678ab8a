"""The networks of ``bitswap``: q(z1|x), the links between latents, p(x|z1).

Each answers with a density: means and table indices. A mean is an exact integer prediction plus
what the network adds to it; see ``models.layers.exact`` for the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.centred import CentredConv, signed_features
from models.layers.density import index_of
from models.layers.exact import ExactBlock, ExactConv, floor_through

COMPONENTS = 3
FOLD = 4  # links see 4x4 positions of a latent as one
MEAN_UNIT = 4  # bins that a head's first output counts
INDEX_UNIT = 8  # table steps that its second output counts
START_PIXELS = 4.0  # deviation of a pixel before training
SPREADS = (38.0, 25.0, 13.0, 12.0)  # of z1's channels' cosines on photographs, see Link.start
SLOPES = {4: 13, 2: 64}  # of the pattern in a cell whose ramp is 1, in 32nds: 16 / 40 and 16 / 8

Density = tuple[Tensor, Tensor]
"""Means and table indices, of one shape, real."""

Code = Callable[[int, Density], Tensor]
"""(component, density (B, 1, H, W)) -> values."""


def head(inputs: int, outputs: int) -> ExactConv:
    """1x1: ``outputs`` means, then as many indices."""
    made = ExactConv(inputs, 2 * outputs, 1)
    nn.init.zeros_(made.weight)
    return made


def start_index(layer: ExactConv, deviations: Tensor) -> None:
    """Let a head answer with these deviations before training, (outputs,) or one for all."""
    with torch.no_grad():
        layer.bias[len(layer.bias) // 2 :] = index_of(deviations.log()) / INDEX_UNIT


def density(base: Tensor | float, answer: Tensor) -> Density:
    """What a head's answer (B, 2 C, h, w) means."""
    correction, index = answer.float().chunk(2, 1)
    return base + MEAN_UNIT * correction, INDEX_UNIT * index


def blocks_of(width: int, depth: int) -> nn.Sequential:
    """A chain of residual blocks."""
    return nn.Sequential(*(ExactBlock(width) for _ in range(depth)))


class Inference(nn.Module):
    """q(z1|x): means of cells of pixels, their ramp, and what a network adds."""

    def __init__(self, cell: int, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.cell, self.channels = cell, channels
        features = 2 * COMPONENTS * (cell**2 + 2)
        self.enter = CentredConv(features, width, 3)
        self.blocks = blocks_of(width, depth)
        self.head = head(width, channels)
        self.register_buffer("weights", cell_weights(cell, channels), persistent=False)
        self.weights: Tensor

    def forward(self, pixels: Tensor) -> Density:
        """(B, 3, 64, 64) YCoCg-R integers to (B, channels, 64 / cell, 64 / cell)."""
        around = torch.tensor([128.0, 0.0, 0.0], device=pixels.device)[:, None, None]
        cells = F.pixel_unshuffle(pixels - around, self.cell)
        with torch.autocast(pixels.device.type, enabled=False):
            sixteenths = F.conv2d(cells, self.weights[:, :, None, None])
        means = torch.floor(sixteenths[:, :COMPONENTS] / 16)
        details = cells - means.repeat_interleave(self.cell**2, 1)
        features = signed_features(torch.cat([differences(means), details], 1))
        answer = self.head(self.blocks(self.enter(features)))
        return density(sixteenths / 16, answer)


class Link(nn.Module):
    """From one level of latents to the next, up or down: a linear part and a network.

    Both see 4x4 positions as one, folded into channels.
    """

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.channels = channels
        folded = channels * FOLD**2
        self.straight = CentredConv(2 * folded, 2 * folded, 1)
        self.enter = CentredConv(2 * folded, width, 3)
        self.blocks = blocks_of(width, depth)
        self.head = head(width, folded)

    def forward(self, latent: Tensor) -> Density:
        """(B, channels, h, w), integers, to the same shape."""
        features = signed_features(F.pixel_unshuffle(latent, FOLD))
        # The linear part carries whole values, which bfloat16 would round.
        with torch.autocast(latent.device.type, enabled=False):
            answer = self.straight(features) + self.head(self.blocks(self.enter(features)))
        mean, index = density(0.0, answer)
        return F.pixel_shuffle(mean, FOLD), F.pixel_shuffle(index, FOLD)

    def start(self, target: float, spatial: bool) -> None:
        """Upwards: every cosine (``spatial``) or value of deviation ``target``."""
        gains = target / _spreads(self.channels) if spatial else torch.ones(self.channels, FOLD**2)
        self._set_straight(gains.flatten()[:, None] * _basis(self.channels, spatial))
        start_index(self.head, gains.flatten().clamp(0.3, target))

    def start_inverse(self, target: float, scale: float, spatial: bool) -> None:
        """Downwards: the inverse of ``start``, with densities of deviation ``scale``."""
        gains = target / _spreads(self.channels) if spatial else torch.ones(self.channels, FOLD**2)
        self._set_straight(_basis(self.channels, spatial).T / gains.flatten()[None])
        start_index(self.head, torch.tensor(scale))

    def _set_straight(self, matrix: Tensor) -> None:
        """Means = matrix x latents, by way of the coarse features, which count eighths."""
        folded = len(matrix)
        with torch.no_grad():
            self.straight.weight.zero_()
            self.straight.weight[:folded, folded:, 0, 0] = matrix * (8 / MEAN_UNIT)


class Pixels(nn.Module):
    """p(x|z1): Y given z1, Co given Y too, Cg given both.

    Y's network works on the latents' grid, that of Co and Cg on one twice as fine. They correct
    ``predicted``; the later ones see what is left of the earlier components.
    """

    def __init__(
        self, cell: int, channels: int, width: int, depth: int, fine_width: int, fine_depth: int
    ) -> None:
        super().__init__()
        self.cell, self.channels = cell, channels
        self.width, self.fine_width = width, fine_width
        fine = (cell // 2) ** 2  # pixels of a fine position
        self.enter = CentredConv(2 * 3 * channels, width, 3)
        self.blocks = blocks_of(width, depth)
        self.lift = ExactConv(width, 4 * fine_width, 1)
        self.looks = nn.ModuleList(CentredConv(2 * fine, fine_width, 3) for _ in range(2))
        self.fine_blocks = nn.ModuleList(
            blocks_of(fine_width, count) for count in (fine_depth, max(1, fine_depth - 1))
        )
        self.heads = nn.ModuleList(
            [head(width, cell**2), head(fine_width, fine), head(fine_width, fine)]
        )
        for each in self.heads:
            assert isinstance(each, ExactConv)
            start_index(each, torch.tensor(START_PIXELS))

    def forward(self, latent: Tensor, code: Code) -> None:
        """Go through the components of (B, channels, h, w); ``code`` answers with values."""
        features = signed_features(torch.cat([differences(latent), latent], 1))
        stream = self.blocks(self.enter(features))
        base = predicted(latent, 0, self.cell) + 128
        detail = code(0, _answer(base, self.heads[0](stream), self.cell)) - floor_through(base)
        state = F.pixel_shuffle(self.lift(stream), 2)
        for component in range(1, COMPONENTS):
            seen = signed_features(F.pixel_unshuffle(detail, self.cell // 2))
            state = self.fine_blocks[component - 1](state + self.looks[component - 1](seen))
            base = predicted(latent, component, self.cell)
            answer = self.heads[component](state)
            detail = code(component, _answer(base, answer, self.cell // 2)) - floor_through(base)


def _answer(base: Tensor, answer: Tensor, factor: int) -> Density:
    """A density of pixels from a head's answer on a grid ``factor`` times coarser."""
    correction, index = density(0.0, answer)
    return base + F.pixel_shuffle(correction, factor), F.pixel_shuffle(index, factor)


def cell_weights(cell: int, channels: int) -> Tensor:
    """What z1 starts as, in sixteenths: weights (channels, 3 cell^2) of a cell's pixels."""
    weights = torch.zeros(channels, COMPONENTS, cell, cell)
    unit = 16 // cell**2
    for component in range(COMPONENTS):
        weights[component, component] = unit
    weights[COMPONENTS, 0] = unit * ramp_of(cell).reshape(cell, cell)
    return weights.flatten(1)


def ramp_of(cell: int) -> Tensor:
    """The pattern of a cell that falls towards its first pixel, (cell^2, 1, 1), mean 0."""
    place = torch.arange(cell)
    return (place[:, None] + place - (cell - 1)).reshape(-1, 1, 1).float()


def differences(x: Tensor) -> Tensor:
    """To the right and below, edges repeated: (B, C, h, w) to (B, 2 C, h, w)."""
    around = F.pad(x, (0, 1, 0, 1), mode="replicate")
    return torch.cat([around[:, :, :-1, 1:] - x, around[:, :, 1:, :-1] - x], 1)


def predicted(latent: Tensor, component: int, cell: int) -> Tensor:
    """Pixels of a component, (B, 1, cell h, cell w), as (B, C, h, w) of z1 tells them; sixteenths.

    A bilinear interpolation of the component's means, moved in every cell so that its mean, and
    Y's ramp, is what z1 says. Y counts from 128.
    """
    unit, whole = 16 // cell**2, (2 * cell) ** 2
    means = latent[:, component : component + 1]
    cells = F.pixel_unshuffle(_stretched(_stretched(means, cell, 2), cell, 3), cell)
    lacking = means - cells.sum(1, keepdim=True) / (cell**2 * whole)
    sixteenths = floor_through(cells * (16 / whole)) + floor_through(16 * lacking)
    if component == 0:
        ramp = ramp_of(cell).to(latent.device)
        there = (cells * ramp).sum(1, keepdim=True) * (unit / whole)
        lacking = floor_through(16 * latent[:, COMPONENTS : COMPONENTS + 1] - there)
        sixteenths = sixteenths + floor_through(lacking * ramp * (SLOPES[cell] / 32))
    return F.pixel_shuffle(sixteenths / 16, cell)


def _stretched(x: Tensor, cell: int, axis: int) -> Tensor:
    """Bilinear interpolation along one axis, in units of 1 / (2 cell); edges are repeated.

    A pixel lies (2 i + 1 - cell) / (2 cell) off its position's middle.
    """
    size = x.shape[axis]
    first, last = x.narrow(axis, 0, 1), x.narrow(axis, size - 1, 1)
    before = torch.cat([first, x.narrow(axis, 0, size - 1)], axis)
    after = torch.cat([x.narrow(axis, 1, size - 1), last], axis)
    phases = []
    for i in range(cell):
        off = 2 * i + 1 - cell
        phases.append((2 * cell - abs(off)) * x + abs(off) * (before if off < 0 else after))
    return torch.stack(phases, axis + 1).flatten(axis, axis + 1)


def _spreads(channels: int) -> Tensor:
    """Deviations of z1's 4x4 cosines on photographs, roughly, (channels, 16)."""
    u, v = torch.meshgrid(torch.arange(FOLD), torch.arange(FOLD), indexing="ij")
    falling = torch.where(u + v == 0, 6.0, (u + v).clamp_min(1.0) ** -1.25).flatten()
    rows = [spread * falling for spread in SPREADS[:COMPONENTS]]
    flat = SPREADS[COMPONENTS] * torch.ones(FOLD**2)
    return torch.stack(rows + [flat] * (channels - COMPONENTS))


def _basis(channels: int, spatial: bool) -> Tensor:
    """Orthonormal: cosines of each channel's 4x4 positions, or the positions themselves."""
    if not spatial:
        return torch.eye(channels * FOLD**2)
    k, n = torch.meshgrid(torch.arange(FOLD), torch.arange(FOLD), indexing="ij")
    rows = torch.cos(math.pi / FOLD * (n + 0.5) * k) * math.sqrt(2 / FOLD)
    rows[0] *= math.sqrt(0.5)
    return torch.kron(torch.eye(channels), torch.kron(rows, rows))
