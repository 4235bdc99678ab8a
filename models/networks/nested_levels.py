"""The upper levels of nested models: transforms, gains and the two priors of the topmost."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.centred import CentredConv, signed_features
from models.layers.density import LOG_STEP, deviation, gaussian_bits, index_of, logistic_bits
from models.layers.gains import Gains
from models.layers.resampling import start_at_unit_gain
from models.networks.subband_prior import Group, SubbandPrior, TopFeatures

# Deviation of a logistic density of scale one.
LOGISTIC_DEVIATION = math.pi / math.sqrt(3.0)
LEAST_FALL = -1e-6  # of a cumulative's logarithm over one bin, never quite nothing
# Natural log-deviation of upper latents at gain one before training, measured on photographs.
START_Z = -0.7
EVEN_GAIN = 2.0  # of levels that shrink
SILENT = 8  # halvings after which a channel can only say zero


def inverse_softplus(value: float) -> float:
    """What ``softplus`` makes ``value`` of."""
    return math.log(math.expm1(value))


class Inference(nn.Sequential):
    """|z_l|, (B, below, h, w), to z_l+1, (B, channels, h / stride, w / stride): h_a repeated.

    Three convolutions with ReLU between them, 3x3 on top of the latent and 5x5 after it; two of
    them halve the grid where ``stride`` is 4, none where it is 1. Borders are repeated, so that
    grids may be as small as 1x1.
    """

    def __init__(self, below: int, N: int, channels: int, stride: int) -> None:
        step = math.isqrt(stride)
        super().__init__(
            *(_convolution(below, N, 3, 1, below * 9), nn.ReLU()),
            # ReLU has halved the power of what these two see.
            *(_convolution(N, N, 5, step, N * 25 / 2), nn.ReLU()),
            _convolution(N, channels, 5, step, N * 25 / 2),
        )

    @torch.no_grad()
    def balance(self, sizes: Tensor) -> None:
        """Let inputs of so different sizes (below,) count alike.

        Else the lowest band, the picture's brightness, drowns what tells how busy a place is, and
        it takes hundreds of steps more until z tells anything.
        """
        enter = self[0]
        assert isinstance(enter, nn.Conv2d)
        enter.weight.div_(sizes[None, :, None, None])


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, terms: float) -> nn.Conv2d:
    layer = nn.Conv2d(
        inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode="replicate"
    )
    start_at_unit_gain(layer, terms)
    return layer


class Logistic(nn.Module):
    """The standard logistic density, fixed in the latent's own unit: it has no parameter.

    Quantised with steps of 1/gain, it is a logistic density of scale ``gain`` over symbols.
    """

    def forward(self, symbols: Tensor, log_gain: Tensor) -> Tensor:
        """Bits of symbols (B, C, h, w), integers or noisy, at gains' logarithms (B, C)."""
        scale = torch.exp(log_gain)[:, :, None, None] * LOGISTIC_DEVIATION
        return logistic_bits(symbols, scale)


class Factorized(nn.Module):
    """A trainable density a channel (Balle et al., ICLR 2018, appendix 6.1).

    Its cumulative is a chain of K = 4 monotone maps through three hidden units. It starts as the
    standard logistic density, so what it differs by is what it has learnt.
    """

    WIDTHS = (1, 3, 3, 3, 1)

    def __init__(self, channels: int) -> None:
        super().__init__()
        matrices, biases, factors = [], [], []
        for inputs, outputs in pairwise(self.WIDTHS):
            # softplus makes 1 / inputs of it: a chain of means, of slope one.
            matrices.append(torch.full((channels, outputs, inputs), inverse_softplus(1 / inputs)))
            # Around zero, and apart, or hidden units would stay copies of each other.
            biases.append(torch.linspace(-0.5, 0.5, outputs).repeat(channels, 1)[..., None])
            factors.append(torch.zeros(channels, outputs, 1))
        biases[-1].zero_()
        self.matrices = nn.ParameterList(matrices)
        self.biases = nn.ParameterList(biases)
        self.factors = nn.ParameterList(factors[:-1])

    def forward(self, symbols: Tensor, log_gain: Tensor) -> Tensor:
        """Bits of symbols (B, C, h, w), integers or noisy, at gains' logarithms (B, C)."""
        gain = torch.exp(log_gain)[:, :, None, None]
        lower = self._logits((symbols - 0.5) / gain)
        upper = self._logits((symbols + 0.5) / gain)
        # On the side of the smaller tail, where float32 still tells the two apart.
        right = lower + upper > 0
        inner = F.logsigmoid(torch.where(right, -lower, upper))
        outer = F.logsigmoid(torch.where(right, -upper, lower))
        nats = -inner - torch.log(-torch.expm1((outer - inner).clamp_max(LEAST_FALL)))
        return nats / math.log(2.0)

    def _logits(self, z: Tensor) -> Tensor:
        """Logit of the cumulative at z, both (B, C, h, w)."""
        x = z.transpose(0, 1).reshape(z.shape[1], 1, -1)
        for number, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            x = F.softplus(matrix) @ x + bias
            if number < len(self.factors):
                x = x + torch.tanh(self.factors[number]) * torch.tanh(x)
        return x.reshape(z.shape[1], z.shape[0], *z.shape[2:]).transpose(0, 1)


def start_gains(channels: int, *, equal: bool) -> Gains:
    """Gains of an upper level, the same at every quality: scales take about the same bits at all.

    A level as large as y has many symbols to tell little: its gains halve from channel to channel,
    so that few of them start to speak. (All alike, they either cost more than they save or are
    too small to tell anything.)
    """
    gains = Gains(channels)
    halvings = torch.arange(channels).clamp(max=SILENT)
    start = -halvings * math.log(2.0) if equal else torch.full((channels,), math.log(EVEN_GAIN))
    with torch.no_grad():
        gains.logarithm.copy_(start.expand_as(gains.logarithm))
    return gains


class LevelFeatures(TopFeatures):
    """What a level below is told, exact: symbols (B, C, H, W) to (B, F, fold H, fold W).

    Upper symbols are mostly zeros and ones, which ``TopFeatures`` would hardly tell apart.
    """

    def __init__(self, channels: int, width: int, features: int, fold: int) -> None:
        super().__init__(channels, width, features, signed=True, fold=fold)
        self.enter = CentredConv(2 * channels, width, 1)

    def forward(self, symbols: Tensor) -> Tensor:
        """Features of integer symbols."""
        stream = self.block(self.enter(signed_features(symbols)))
        return F.pixel_shuffle(self.leave(stream), self.fold)


class LevelAbove(nn.Module):
    """Level l + 1 of a nested model, and what it tells of level l, which is an upper one itself.

        z_l --|.|--> h_a --> z_l+1 --gain, round--> symbols --> top, prior --> index of z_l

    Parameters
    ----------
    channels : of z_l and of z_l+1.
    N : channels inside ``h_a``.
    stride : how much coarser the grid of z_l+1 is, 1 or 4.
    width, features : as in ``nested.Nested``.
    equal : whether levels are as large as y.
    """

    def __init__(
        self,
        channels: int,
        N: int,
        stride: int,
        width: int,
        features: int,
        equal: bool,
    ) -> None:
        super().__init__()
        self.h_a = Inference(channels, N, channels, stride)
        self.gains = start_gains(channels, equal=equal)
        self.top = LevelFeatures(channels, width, features, stride)
        group = Group("z", range(channels), 1, START_Z / LOG_STEP)
        self.prior = SubbandPrior(features, (width, width, width), [group])

    def index(self, symbols: Tensor, top_quality: Tensor) -> Tensor:
        """Table index of z_l at gain one, real, (B, channels, h, w), from symbols of z_l+1."""
        features = self.top(symbols)
        # A single group looks at no symbols of its own level.
        (raw,) = self.prior(features, top_quality * 64, [features])
        return raw.float() + self.prior.groups[0].start


class UpperLevels(nn.Module):
    """Everything above y: z, z3 ... (B, C, h, w) each, the topmost with a density of its own.

    Parameters
    ----------
    M, channels : of y, and of each level above it.
    N : channels inside the inference networks.
    strides : how much coarser each grid is than the one below, 1 or 4.
    width, features : as in ``nested.Nested``.
    equal : whether levels are as large as y.
    logistic : whether the density is fixed.
    """

    def __init__(
        self,
        M: int,
        channels: int,
        N: int,
        strides: tuple[int, ...],
        width: int,
        features: int,
        *,
        equal: bool,
        logistic: bool,
    ) -> None:
        super().__init__()
        self.h_a = Inference(M, N, channels, strides[0])
        self.above = nn.ModuleList(
            LevelAbove(channels, N, stride, width, features, equal) for stride in strides[1:]
        )
        self.density = Logistic() if logistic else Factorized(channels)

    def further(self, z: Tensor, top_quality: Tensor) -> list[Tensor]:
        """z3, z4 times their gains, from z without its own and anchors (B,)."""
        scaled = []
        for level in self._above():
            z = level.h_a(z.abs()).float()
            scaled.append(z * torch.exp(level.gains(top_quality))[:, :, None, None])
        return scaled

    def bits(
        self,
        counted: list[Tensor],
        symbols: list[Tensor],
        log_gain: Tensor,
        top_quality: Tensor,
    ) -> list[Tensor]:
        """Bits of z, z3 ... as they are ``counted`` (symbols, or noisy), of their shapes.

        A level's scales follow from the ``symbols`` of the level above it. ``log_gain`` (B, C) is
        that of z.
        """
        logs = [log_gain, *(level.gains(top_quality) for level in self._above())]
        bits = []
        for number, level in enumerate(self._above()):
            index = level.index(symbols[number + 1], top_quality)
            index = index + index_of(logs[number])[:, :, None, None]
            bits.append(gaussian_bits(counted[number], deviation(index)))
        bits.append(self.density(counted[-1], logs[-1]))
        return bits

    def _above(self) -> list[LevelAbove]:
        return [cast(LevelAbove, level) for level in self.above]
