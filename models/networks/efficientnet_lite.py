"""EfficientNet-Lite0 without its classifier: features at 1/2 to 1/32 (Tan and Le, ICML 2019).

The variant without squeeze-and-excitation and with ReLU6, whose weights from ImageNet are published
under the Apache licence. Names of parameters are those of the published file, so that it loads as
it is.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

STEM = 32
# Of each group of blocks: how many, kernel, stride of the first, expansion, channels.
GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# Channels of the last features at 1/2, 1/4, 1/8, 1/16 and 1/32.
FEATURES = (16, 24, 40, 112, 320)


class _SamePad(nn.Conv2d):
    """A convolution that puts the odd pixel of padding below and to the right.

    As the published weights were trained; PyTorch's own padding is a pixel off at stride 2.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        total = kernel - stride
        before, after = total // 2, total - total // 2
        self.margins = (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w), sides multiples of the stride, to (B, outputs, h / s, w / s)."""
        # Depthwise filters stay as published: on a CPU their gradient costs as much as all else.
        weight = self.weight if self.groups == 1 else self.weight.detach()
        return F.conv2d(F.pad(x, self.margins), weight, None, self.stride, groups=self.groups)


class _Block(nn.Module):
    """Inverted residual: 1x1 to more channels, depthwise, 1x1 back (Sandler et al., CVPR 2018)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, inner, 1, bias=False)
            self._bn0 = _norm(inner)
        self._depthwise_conv = _SamePad(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv = nn.Conv2d(inner, outputs, 1, bias=False)
        self._bn2 = _norm(outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, h / stride, w / stride)."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite(nn.Module):
    """The encoder. Its batch normalisation keeps the published statistics: batches are small."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SamePad(3, STEM, 3, 2)
        self._bn0 = _norm(STEM)
        self._blocks = nn.ModuleList()
        self._last: list[int] = []  # of each resolution: its last block
        inputs = STEM
        for count, kernel, stride, expansion, outputs in GROUPS:
            if stride == 2:
                self._last.append(len(self._blocks) - 1)
            for index in range(count):
                step = stride if index == 0 else 1
                self._blocks.append(_Block(inputs, outputs, kernel, step, expansion))
                inputs = outputs
        self._last.append(len(self._blocks) - 1)

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """(B, 3, H, W) RGB 0..255, sides multiples of 32, to FEATURES at 1/2, 1/4, ... 1/32."""
        x = F.relu6(self._bn0(self._conv_stem((rgb - 127.0) / 128.0)))
        features = []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in self._last:
                features.append(x)
        return features

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Training never touches the statistics of batch normalisation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)
