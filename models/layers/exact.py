"""Layers whose arithmetic is exact integers, whatever machine, order of sums or thread count.

A value has two sides: real units, in which a network is trained, and the integers that stand for
it. Every integer fits in 24 bits and every scale is a power of two, so float32 holds both sides
without rounding and a sum comes out the same in every order. What enters a product is u8; weights
are integers within +-64 on a power-of-two grid per output channel (two products of 255 * 64 fit
the 16-bit sums of CPUs without VNNI). The stream between layers is a sum of integers on one grid,
2^-STREAM_BITS.

Rounding is straight-through: ``round_through`` has the gradient of the identity. A layer starts in
float (``exact = False``), where it is an ordinary ReLU convolution, and is switched by
``set_exact`` for the last part of training and for export.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STREAM_BITS = 8
LARGEST_WEIGHT = 64
LARGEST_ACTIVATION = 255
EXACT_LIMIT = 2**24
LEAST_OBSERVED = 2.0**-6  # an input that never leaves zero has been observed all the same


class BoundError(ValueError):
    """A sum could leave the integers that float32 holds exactly."""


def floor_through(x: Tensor) -> Tensor:
    """floor(x), with the gradient of x."""
    return x + (torch.floor(x) - x).detach()


def round_through(x: Tensor) -> Tensor:
    """floor(x + 1/2), with the gradient of x."""
    return x + (torch.floor(x + 0.5) - x).detach()


class ExactConv(nn.Module):
    """ReLU, quantisation to u8, then a convolution on integers; zero padding, stride 1.

    Parameters
    ----------
    inputs, outputs : channels.
    kernel : 1 or 3.
    input_bits : the u8 input counts steps of 2^-input_bits in real units. For an input that is
        integer by nature (``raw``), this only fixes its real unit.
    raw : the input is already u8 integers divided by 2^input_bits (symbol features); it is not
        passed through ReLU again.

    Shapes: (B, inputs, H, W) to (B, outputs, H, W), real units on the stream's grid.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, input_bits: int = 4, raw: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.kernel = kernel
        self.raw = raw
        self.exact = False
        self.register_buffer("input_bits", torch.tensor(input_bits))
        self.register_buffer("observed", torch.tensor(0.0))
        self.input_bits: Tensor
        self.observed: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W), in float or, by ``exact``, in integers."""
        if not self.exact:
            x = x if self.raw else F.relu(x)
            return F.conv2d(x, self.weight, self.bias, padding=self.kernel // 2)
        scale = 2.0 ** int(self.input_bits)
        u8 = x * scale if self.raw else round_through(x * scale).clamp(0, LARGEST_ACTIVATION)
        weight, bias, bits = self.integers()
        total = F.conv2d(u8, weight, bias, padding=self.kernel // 2)
        shift = (STREAM_BITS - int(self.input_bits) - bits)[None, :, None, None]
        on_stream = total * 2.0**shift
        # To a finer grid an integer stays one; above 2^23 a half more would not fit float32.
        rounded = torch.where(shift < 0, round_through(on_stream), on_stream)
        return rounded * 2.0**-STREAM_BITS

    def grid(self) -> Tensor:
        """Bits of each output channel's weight grid, (outputs,): real = integer * 2^-bits.

        The finest power of two that keeps every weight within +-64 and the largest sum, rounding
        half included, under 2^24.
        """
        flat = self.weight.detach().flatten(1)
        largest = flat.abs().amax(1).clamp_min(2.0**-12)
        by_weight = torch.floor(torch.log2(LARGEST_WEIGHT / largest))
        reach = flat.abs().sum(1) * LARGEST_ACTIVATION
        reach = reach + self.bias.detach().abs() * 2.0 ** int(self.input_bits)
        by_sum = torch.floor(torch.log2(0.9 * EXACT_LIMIT / reach.clamp_min(2.0**-12)))
        return torch.minimum(by_weight, by_sum).clamp(-4, 14)

    def integers(self) -> tuple[Tensor, Tensor, Tensor]:
        """Integer weight, integer bias and the bits of each channel's grid, as float32."""
        bits = self.grid()
        scale = 2.0**bits
        weight = round_through(self.weight * scale[:, None, None, None])
        weight = weight.clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT)
        bias = round_through(self.bias * scale * 2.0 ** int(self.input_bits))
        return weight, bias, bits

    @torch.no_grad()
    def reach(self) -> tuple[Tensor, Tensor]:
        """Bounds by output channel, (outputs,) float64: of a sum, and of what joins the stream.

        Both are magnitudes of integers; the sum's holds the half that is added to round it.
        """
        weight, bias, bits = (part.double() for part in self.integers())
        shift = STREAM_BITS - int(self.input_bits) - bits
        half = torch.where(shift < 0, 2.0 ** (-shift - 1), torch.zeros_like(shift))
        total = weight.abs().flatten(1).sum(1) * LARGEST_ACTIVATION + bias.abs() + half
        return total, torch.ceil(total * 2.0**shift)

    def prove_bound(self) -> int:
        """The largest integer that this layer can reach; raises BoundError at 2^24."""
        total, on_stream = self.reach()
        worst = int(torch.maximum(total, on_stream).max())
        if worst >= EXACT_LIMIT:
            raise BoundError(f"a channel's sum can reach {worst}, the limit is {EXACT_LIMIT}")
        return worst

    @torch.no_grad()
    def observe(self, x: Tensor) -> None:
        """Remember the 99.95th percentile of the input, to choose ``input_bits``."""
        if self.raw:
            return
        values = F.relu(x).flatten().float()
        if len(values) > 1_000_000:
            values = values[:: len(values) // 1_000_000]
        high = values.kthvalue(max(1, int(len(values) * 0.9995))).values
        self.observed.copy_(torch.maximum(self.observed, high).clamp_min(LEAST_OBSERVED))

    def settle(self) -> None:
        """Choose the input's step from what was observed."""
        if self.raw:
            return
        high = max(float(self.observed), LEAST_OBSERVED)
        self.input_bits.fill_(max(-4, min(10, math.floor(math.log2(LARGEST_ACTIVATION / high)))))

    @property
    def settled(self) -> bool:
        """Whether the input's step is fixed, by nature or by what was observed."""
        return self.raw or bool(self.observed > 0)


class ExactBlock(nn.Module):
    """Residual block on the stream: x + conv1(conv3(x)), ReLU before each; W channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = ExactConv(width, width, 3)
        self.mix = ExactConv(width, width, 1)
        nn.init.zeros_(self.mix.weight)

    def forward(self, stream: Tensor) -> Tensor:
        """The stream and what the block adds to it."""
        return stream + self.mix(self.wide(stream))


def exact_layers(module: nn.Module) -> list[ExactConv]:
    """Every exact layer below ``module``."""
    return [layer for layer in module.modules() if isinstance(layer, ExactConv)]


def set_exact(module: nn.Module, exact: bool) -> None:
    """Switch every exact layer below ``module`` between float and integer arithmetic."""
    for layer in exact_layers(module):
        layer.exact = exact
