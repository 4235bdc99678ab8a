"""Transforms that begin as a linear codec: a packet of Daubechies' wavelet, cut to few channels.

A cold start takes tens of thousands of steps to become a codec at all. A strided 5x5 holds the
four taps of Daubechies' shortest orthonormal wavelet beyond Haar's ("Orthonormal bases of
compactly supported wavelets", 1988), so a chain of them can be a wavelet packet, each level
splitting every band of the one before; transposed, the same weights are its inverse. Of each
level the bands of lowest frequency are kept, as many as the layer has channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.layers.easn import EASNDown, EASNUp
from models.layers.gdn import GDN
from models.layers.resampling import Down, Up

# Orthonormal axes of RGB: grey, red against blue, green against both.
_AXES = ((1.0, 1.0, 1.0), (1.0, 0.0, -1.0), (-1.0, 2.0, -1.0))
# Photographs have as much power in a colour axis as in grey at this many times the frequency.
_COLOUR = 4.0
# Fitted to photographs: size of a band over its frequency.
_SIZE, _FALL = 7.7, -1.32
# Of GDN's own start, where it divides and multiplies by next to nothing.
_LINEAR_GDN = 0.01


@dataclass(frozen=True)
class _Band:
    """One channel of a level: its axis, its vertical and horizontal frequency, in half-bands."""

    axis: int
    rows: int
    columns: int

    def order(self) -> float:
        """Less where photographs have more power."""
        distance = math.hypot(self.rows + 0.5, self.columns + 0.5)
        return distance * (_COLOUR if self.axis else 1.0)


def _filters() -> Tensor:
    """Low-pass and high-pass, (2, 5): four taps right of the centre of a 5-tap kernel."""
    root = math.sqrt(3.0)
    low = torch.tensor([1 + root, 3 + root, 3 - root, 1 - root]) / (4 * math.sqrt(2.0))
    high = low.flip(0) * torch.tensor([1.0, -1.0, 1.0, -1.0])
    return nn.functional.pad(torch.stack([low, high]), (1, 0))


def _split(bands: list[_Band], kept: int) -> tuple[list[_Band], Tensor]:
    """The bands of the next level, and the kernels that make them, (kept, bands, 5, 5)."""
    filters = _filters()
    found = []
    for number, band in enumerate(bands):
        for i in range(2):
            for j in range(2):
                # An odd band has its frequencies mirrored: its high half is the lower one.
                rows = 2 * band.rows + (i ^ (band.rows & 1))
                columns = 2 * band.columns + (j ^ (band.columns & 1))
                kernel = torch.outer(filters[i], filters[j])
                found.append((_Band(band.axis, rows, columns), number, kernel))
    found.sort(key=lambda each: each[0].order())
    found = found[:kept]
    weight = torch.zeros(kept, len(bands), 5, 5)
    for row, (_, number, kernel) in enumerate(found):
        weight[row, number] = kernel
    return [band for band, _, _ in found], weight


@torch.no_grad()
def start_as_wavelet(g_a: nn.Sequential, g_s: nn.Sequential) -> Tensor:
    """Set the resampling layers of EASN-deep, or those between GDN, to a wavelet packet.

    Those of synthesis become its inverse. Latents come out as twice the orthonormal coefficients
    of what goes in. Channels that the packet has no bands for keep their weights, but nothing
    listens to them yet.

    Returns
    -------
    Tensor
        About how large each channel of y / UNIT is on photographs, root mean square, (M,).
    """
    downs = [each for each in g_a if isinstance(each, EASNDown | Down)]
    ups = [each for each in g_s if isinstance(each, EASNUp | Up)]
    axes = torch.tensor(_AXES)
    axes = axes / axes.norm(dim=1, keepdim=True)
    bands = [_Band(axis, 0, 0) for axis in range(3)]
    for down, up in zip(downs, reversed(ups), strict=True):
        analysis, synthesis = _convolution(down), _convolution(up)
        bands, kernels = _split(bands, len(analysis.weight))
        if down is downs[0]:
            kernels = torch.einsum("nahw,ac->nchw", kernels, axes)
        count, parents = kernels.shape[:2]
        # Each sigmoid is a half.
        gain = 2.0 if isinstance(down, EASNDown) or down is downs[-1] else 1.0
        analysis.weight[:count] = 0
        analysis.weight[:count, :parents] = gain * kernels
        synthesis.weight[:, :parents] = 0
        synthesis.weight[:count, :parents] = (
            gain if isinstance(up, EASNUp) else 1 / gain
        ) * kernels
    for layer in [*g_a, *g_s]:
        if isinstance(layer, GDN):
            layer.root_gamma.mul_(math.sqrt(_LINEAR_GDN))
    sizes = torch.ones(len(_convolution(downs[-1]).weight))
    orders = torch.tensor([band.order() for band in bands])
    sizes[: len(bands)] = _SIZE * orders**_FALL
    return sizes


def _convolution(layer: EASNDown | EASNUp | Down | Up) -> nn.Conv2d | nn.ConvTranspose2d:
    """The 5x5 of a step, its skip being silenced."""
    if isinstance(layer, Down | Up):
        return layer
    nn.init.zeros_(layer.skip.weight)
    return layer.mapping
