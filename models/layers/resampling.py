"""Convolutions that halve or double a grid, with borders that training also sees."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def start_at_unit_gain(layer: nn.Conv2d | nn.ConvTranspose2d, terms: float) -> None:
    """Weights that keep the power of their input; ``terms`` products make one output.

    PyTorch's own start loses a factor of 1.7 a layer: after four, all symbols would be zero.
    """
    nn.init.normal_(layer.weight, std=terms**-0.5)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


class Same(nn.Conv2d):
    """Stride 1, mirrored borders: (B, C, H, W) to (B, N, H, W); ``kernel`` is odd."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, padding_mode="reflect")
        start_at_unit_gain(self, inputs * kernel**2)


class Down(nn.Conv2d):
    """Stride 2, mirrored borders: (B, C, H, W) to (B, N, H / 2, W / 2), even H, W > 2."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 5) -> None:
        half = kernel // 2
        super().__init__(inputs, outputs, kernel, stride=2, padding=half, padding_mode="reflect")
        start_at_unit_gain(self, inputs * kernel**2)


class Up(nn.ConvTranspose2d):
    """Stride 2, repeated borders: (B, C, H, W) to (B, N, 2 H, 2 W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 5) -> None:
        # The input gets one repeated sample on each side, whose output is cut away again.
        half = kernel // 2
        super().__init__(inputs, outputs, kernel, stride=2, padding=half + 2, output_padding=1)
        start_at_unit_gain(self, inputs * kernel**2 / 4)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Upsample by two."""
        return super().forward(F.pad(x, (1, 1, 1, 1), mode="replicate"), output_size)
