"""The upper levels of nested models: transforms, gains and the two priors of the topmost."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.density import LOG_STEP, logistic_bits
from models.layers.gains import Gains
from models.layers.resampling import start_at_unit_gain
from models.networks.subband_prior import Group, SubbandPrior, TopFeatures

# Deviation of a logistic density of scale one.
LOGISTIC_DEVIATION = math.pi / math.sqrt(3.0)
LEAST_MASS = 1e-9  # as in ``gaussian_bits``


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
        side = torch.where(lower + upper > 0, -1.0, 1.0)
        mass = (torch.sigmoid(side * upper) - torch.sigmoid(side * lower)).abs()
        return -torch.log2(mass.clamp_min(LEAST_MASS))

    def _logits(self, z: Tensor) -> Tensor:
        """Logit of the cumulative at z, both (B, C, h, w)."""
        x = z.transpose(0, 1).reshape(z.shape[1], 1, -1)
        for number, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            x = F.softplus(matrix) @ x + bias
            if number < len(self.factors):
                x = x + torch.tanh(self.factors[number]) * torch.tanh(x)
        return x.reshape(z.shape[1], z.shape[0], *z.shape[2:]).transpose(0, 1)


def even_gains(channels: int, gain: float) -> Gains:
    """Gains that start the same at every quality: what is told of scales depends little on it."""
    gains = Gains(channels)
    nn.init.constant_(gains.logarithm, math.log(gain))
    return gains


class LevelAbove(nn.Module):
    """Level l + 1 of a nested model, and what it tells of level l, which is an upper one itself.

        z_l --|.|--> h_a --> z_l+1 --gain, round--> symbols --> top, prior --> index of z_l

    Parameters
    ----------
    channels : of z_l and of z_l+1.
    N : channels inside ``h_a``.
    stride : how much coarser the grid of z_l+1 is, 1 or 4.
    width, features : as in ``nested.Nested``.
    start : natural log-deviation of z_l before training, at gain one.
    gain : of z_l+1 before training, at every quality.
    """

    def __init__(
        self,
        channels: int,
        N: int,
        stride: int,
        width: int,
        features: int,
        start: float,
        gain: float,
    ) -> None:
        super().__init__()
        self.h_a = Inference(channels, N, channels, stride)
        self.gains = even_gains(channels, gain)
        self.top = TopFeatures(channels, width, features, signed=True, fold=stride)
        group = Group("z", range(channels), 1, start / LOG_STEP)
        self.prior = SubbandPrior(features, (width, width, width), [group])

    def index(self, symbols: Tensor, top_quality: Tensor) -> Tensor:
        """Table index of z_l at gain one, real, (B, channels, h, w), from symbols of z_l+1."""
        features = self.top(symbols)
        # A single group looks at no symbols of its own level.
        (raw,) = self.prior(features, top_quality * 64, [features])
        return raw.float() + self.prior.groups[0].start
