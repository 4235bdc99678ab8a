"""How much of a device a training uses: its products, over those of one large matrix product.

An operation is a multiplication or an addition: a multiply-add counts as two. Convolutions and
matrix products are counted, forwards and backwards, with what they multiply by padding; all else
that a step does is not, and lowers the share.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import prod

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

SIDES = tuple(256 * 2**n for n in range(6))  # three matrices of 8192 are 0.8 GB in float32
GROWTH = 8  # twice the side
TRIES = 10
LONGEST = 0.2  # seconds that all tries of a size may take


class Throughput:
    """What one stage gets out of its device.

    Parameters
    ----------
    device, dtype : where, and in what, the stage computes its products.
    pictures : in a step.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype, pictures: int) -> None:
        self.peak = peak(device, dtype)
        self._pictures = pictures
        self._operations: int | None = None

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Around every step: the operations of the first are counted and stand for all."""
        if self._operations is not None:
            yield
            return
        counter = operation_counter()
        with counter:
            yield
        self._operations = counter.get_total_flops()

    def rates(self, steps: int, seconds: float) -> dict[str, float]:
        """Figures for the log, of steps that took so long together.

        ``pictures_per_second`` and, once a step is counted, ``flops_per_second`` and
        ``share_of_peak``. The peak is a measurement: a share beyond 1 says that the device was
        busy with something else meanwhile.
        """
        per_second = steps / max(seconds, 1e-9)
        rates = {"pictures_per_second": self._pictures * per_second}
        if self._operations is not None:
            rates["flops_per_second"] = self._operations * per_second
            if self.peak:
                rates["share_of_peak"] = self._operations * per_second / self.peak
        return {name: float(f"{rate:.4g}") for name, rate in rates.items()}


def in_words(rates: dict[str, float]) -> str:
    """``Throughput.rates`` as a line of the log says it."""
    said = [f"{rates['pictures_per_second']:.4g} pictures/s"]
    if "flops_per_second" in rates:
        said.append(f"{rates['flops_per_second'] / 1e12:.3g} TFLOP/s")
    if "share_of_peak" in rates:
        said.append(f"{rates['share_of_peak']:.0%} of the device's peak")
    return ", ".join(said)


def operation_counter() -> FlopCounterMode:
    """A context; what is computed within it is in its ``get_total_flops()``."""
    mapping = {torch.ops.aten.convolution_backward: _convolution_backward}
    return FlopCounterMode(display=False, custom_mapping=mapping)


def _convolution_backward(
    gradient: Sequence[int],
    x: Sequence[int],
    weight: Sequence[int],
    _bias: object,
    _stride: object,
    _padding: object,
    _dilation: object,
    transposed: bool,
    _output_padding: object,
    _groups: object,
    wanted: Sequence[bool],
    **_: object,
) -> int:
    """Operations of a convolution's gradients; tensors come as their shapes.

    PyTorch's own formula takes the gradient of grouped weights for that of dense ones: for a
    depthwise convolution, channels times too much. Each gradient costs what the convolution does.
    """
    positions = prod((x if transposed else gradient)[2:])
    forwards = 2 * x[0] * positions * prod(weight)
    return forwards * (wanted[0] + wanted[1])


@cache
def peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of square matrix products, the best of many; measured once a process.

    On CUDA, products of float32 are computed in TF32 where those of convolutions are, as by
    PyTorch's default. 0 where not even the smallest fits in memory.
    """
    generator = torch.Generator(device).manual_seed(0)  # training's own draws stay as they are
    best = 0.0
    with _precision_of_convolutions(device):
        for side in SIDES:
            try:
                a, b = (
                    torch.randn(side, side, generator=generator, device=device).to(dtype)
                    for _ in range(2)
                )
                # Whoever shares the machine interrupts some of them.
                fastest = min(_seconds(a, b) for _ in range(TRIES))
            except torch.OutOfMemoryError:  # a figure for the log is not worth a training
                break
            best = max(best, 2 * side**3 / fastest)
            if GROWTH * TRIES * fastest > LONGEST:
                break
    return best


def _seconds(a: Tensor, b: Tensor) -> float:
    began = time.perf_counter()
    torch.mm(a, b)
    if a.device.type == "cuda":
        torch.cuda.synchronize(a.device)
    return time.perf_counter() - began


@contextmanager
def _precision_of_convolutions(device: torch.device) -> Iterator[None]:
    """Matrix products in TF32 if convolutions are; PyTorch has a switch for each."""
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda" and torch.backends.cudnn.allow_tf32:
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
