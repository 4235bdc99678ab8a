"""The 9/7 wavelet of JPEG 2000 as strided convolutions, and its exact inverse.

Each level is a transform of its own with whole-sample symmetric extension (ISO/IEC 15444-1,
annex F), so a picture of even size is rebuilt without error at its borders. Subbands are scaled
so that a unit error in any coefficient costs the same squared error in RGB: one quantiser step
then serves all of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Synthesis low-pass (7 taps) and analysis low-pass (9 taps), ISO/IEC 15444-1 table F.6.

_ANALYSIS_LOW = (
    0.602949018236360,
    0.266864118442875,
    -0.078223266528990,
    -0.016864118442875,
    0.026748757410810,
)
_ANALYSIS_HIGH = (1.115087052457000, -0.591271763114250, -0.057543526228500, 0.091271763114250)

# Irreversible colour transform, ISO/IEC 15444-1 annex G.3.
_RGB_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)


def _symmetric(half: tuple[float, ...]) -> Tensor:
    """Both halves of a symmetric filter, from its centre outwards."""
    return torch.tensor([*reversed(half[1:]), *half], dtype=torch.float64)


def _modulated(taps: Tensor) -> Tensor:
    """The filter with alternating signs around its centre, (-1)^n h[n]."""
    n = torch.arange(len(taps)) - len(taps) // 2
    return taps * torch.where(n % 2 == 0, 1.0, -1.0)


class ColourAxes(nn.Module):
    """RGB to luma and two chroma axes, each scaled to unit cost in RGB.

    Shapes: (B, 3, H, W) to (B, 3, H, W), float32. RGB runs from 0 to 255; it is centred on 128.
    """

    forward_matrix: Tensor
    inverse_matrix: Tensor

    def __init__(self) -> None:
        super().__init__()
        to_ycc = torch.tensor(_RGB_TO_YCC, dtype=torch.float64)
        from_ycc = torch.linalg.inv(to_ycc)
        norms = from_ycc.norm(dim=0)
        self.register_buffer("forward_matrix", (norms[:, None] * to_ycc).float()[:, :, None, None])
        self.register_buffer("inverse_matrix", (from_ycc / norms).float()[:, :, None, None])

    def forward(self, rgb: Tensor) -> Tensor:
        """RGB to the axes."""
        return F.conv2d(rgb - 128.0, self.forward_matrix)

    def inverse(self, axes: Tensor) -> Tensor:
        """Back to RGB, 0 to 255, not clipped."""
        return F.conv2d(axes, self.inverse_matrix) + 128.0


class WaveletLevel(nn.Module):
    """One level: (N, 1, H, W) to subbands (N, 4, H/2, W/2) in the order LL, HL, LH, HH.

    H and W are even and at least 6. ``inverse`` undoes it to rounding error.
    """

    analysis: Tensor
    synthesis: Tensor

    def __init__(self) -> None:
        super().__init__()
        low, high = _symmetric(_ANALYSIS_LOW), _symmetric(_ANALYSIS_HIGH)
        # Biorthogonal pair: each synthesis filter is the other analysis filter, modulated.
        synthesis_low, synthesis_high = _modulated(high), _modulated(low)
        low_norm, high_norm = synthesis_low.norm(), synthesis_high.norm()
        low9 = low * low_norm
        high9 = F.pad(high * high_norm, (2, 0))  # centred on the odd sample: one to the right
        filters = torch.stack([low9, F.pad(high9, (0, 0))])
        self.register_buffer("analysis", _outer(filters).float()[:, None])
        self.register_buffer(
            "synthesis",
            _outer_polyphase(
                synthesis_low / low_norm,
                synthesis_high / high_norm,
            ).float(),
        )

    def forward(self, signal: Tensor) -> Tensor:
        """A signal to its subbands."""
        return F.conv2d(F.pad(signal, (4, 4, 4, 4), mode="reflect"), self.analysis, stride=2)

    def inverse(self, bands: Tensor) -> Tensor:
        """Subbands to the signal."""
        ll, hl, lh, hh = bands.split(1, dim=1)
        low_x = _extend(torch.cat([ll, lh], 1), dim=3, low=True)
        high_x = _extend(torch.cat([hl, hh], 1), dim=3, low=False)
        low_y = _extend(torch.cat([low_x[:, :1], high_x[:, :1]], 1), dim=2, low=True)
        high_y = _extend(torch.cat([low_x[:, 1:], high_x[:, 1:]], 1), dim=2, low=False)
        phases = F.conv2d(torch.cat([low_y, high_y], 1), self.synthesis)
        return F.pixel_shuffle(phases, 2)


def _outer(filters: Tensor) -> Tensor:
    """Separable 2-D kernels (4, 9, 9), LL HL LH HH, from 1-D (2, 9): low, high."""
    low, high = filters
    return torch.stack(
        [
            torch.outer(low, low),
            torch.outer(low, high),
            torch.outer(high, low),
            torch.outer(high, high),
        ]
    )


def _polyphase(taps: Tensor, offset: int) -> Tensor:
    """Kernel (2, 5): output phase by subband sample -2..2, for an upsampled synthesis filter.

    A subband sample k stands at position 2 k + offset; output position 2 n + phase takes
    taps[2 n + phase - 2 k - offset].
    """
    centre = len(taps) // 2
    kernel = torch.zeros(2, 5, dtype=torch.float64)
    for phase in range(2):
        for k in range(-2, 3):
            index = phase - 2 * k - offset + centre
            if 0 <= index < len(taps):
                kernel[phase, k + 2] = taps[index]
    return kernel


def _outer_polyphase(low: Tensor, high: Tensor) -> Tensor:
    """Kernel (4, 4, 5, 5): output phases (row, column) by bands LL, HL, LH, HH."""
    one_d = {"low": _polyphase(low, 0), "high": _polyphase(high, 1)}
    bands = [("low", "low"), ("low", "high"), ("high", "low"), ("high", "high")]  # (y, x)
    kernel = torch.zeros(4, 4, 5, 5, dtype=torch.float64)
    for index, (y, x) in enumerate(bands):
        for row in range(2):
            for column in range(2):
                kernel[2 * row + column, index] = torch.outer(one_d[y][row], one_d[x][column])
    return kernel


def _extend(x: Tensor, dim: int, low: bool) -> Tensor:
    """Two samples on each side, as whole-sample symmetry of the full signal continues a subband."""
    size = x.shape[dim]
    before = (2, 1) if low else (1, 0)
    after = (size - 1, size - 2) if low else (size - 2, size - 3)
    take = [x.narrow(dim, index, 1) for index in (*before,)]
    back = [x.narrow(dim, index, 1) for index in (*after,)]
    return torch.cat([*take, x, *back], dim)
