"""The plain U-Net that BU-Net is held against (Ronneberger et al., MICCAI 2015; ROI paper).

Four encoder and four decoder blocks with skips, from fresh weights, by cross-entropy. It works on
the picture folded 2x2, so that the widest grid is 1/2 and a step costs a quarter; four logits a
cell are unfolded to one a pixel. What joins the two halves is dilated, because only the whole
turbine tells a blade from its tower.

    rgb -> fold -> enc 1/2 -> enc 1/4 -> enc 1/8 -> enc 1/16 -> context 1/32
                      |          |          |          |           |
    logit <- unfold <- dec 1/2 <- dec 1/4 <- dec 1/8 <- dec 1/16 <--
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.training.focal import blade_target

FOLD = 2
DILATIONS = (1, 2, 4)
# Channels that are normalised together. Batches are small and their pictures differ in everything:
# batch statistics, tried first, learnt a third as fast, and a group's undo a picture's exposure.
GROUP = 8

Loss = Callable[[Tensor], tuple[Tensor, dict[str, float]]]


class Block(nn.Module):
    """3x3 convolutions, each with group normalisation and ReLU, beside a 1x1 path that adds to it.

    Parameters
    ----------
    inputs, outputs : channels.
    dilations : of each 3x3 convolution.
    """

    def __init__(self, inputs: int, outputs: int, dilations: Sequence[int] = (1, 1)) -> None:
        super().__init__()
        self.direct = nn.Conv2d(inputs, outputs, 1)
        layers: list[nn.Module] = []
        for dilation in dilations:
            conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False)
            # Normalised weights learn at rate over size: the usual small ones would tumble.
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            layers += [conv, nn.GroupNorm(max(1, outputs // GROUP), outputs), nn.ReLU()]
            inputs = outputs
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, h, w)."""
        y: Tensor = self.direct(x) + self.layers(x)
        return y


class UNet(nn.Module):
    """U-Net with one logit a pixel, from fresh weights.

    Parameters
    ----------
    widths : channels of the four encoder blocks, finest first; the decoder mirrors them.
    context : channels of the dilated block between them.
    """

    def __init__(self, widths: Sequence[int], context: int) -> None:
        super().__init__()
        if len(widths) != 4:
            raise ValueError("this U-Net has four encoder and four decoder blocks")
        inputs = 3 * FOLD**2
        self.encoders = nn.ModuleList()
        for width in widths:
            self.encoders.append(Block(inputs, width))
            inputs = width
        self.context = Block(inputs, context, DILATIONS)
        self.decoders = nn.ModuleList()
        inputs = context
        for width in reversed(widths):
            self.decoders.append(Block(inputs + width, width))
            inputs = width
        self.head = nn.Conv2d(inputs, FOLD**2, 1)

    def forward(self, rgb: Tensor) -> Tensor:
        """(B, 3, H, W) RGB 0..255, sides multiples of 32, to logits (B, 1, H, W)."""
        x = F.pixel_unshuffle(rgb / 128.0 - 1.0, FOLD)
        skips = []
        for encoder in self.encoders:
            x = encoder(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.context(x)
        for decoder in self.decoders:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = decoder(torch.cat([x, skips.pop()], 1))
        return F.pixel_shuffle(self.head(x), FOLD)

    def losses(self) -> Mapping[str, Loss]:
        """``cross_entropy``, of (B, 4, H, W): RGB and the share of blade in each pixel, 0..255."""
        return {"cross_entropy": self._cross_entropy}

    def _cross_entropy(self, pairs: Tensor) -> tuple[Tensor, dict[str, float]]:
        target = blade_target(pairs[:, 3:])
        logit = self(pairs[:, :3]).float()
        return F.binary_cross_entropy_with_logits(logit, target), agreement(logit, target)


@torch.no_grad()
def agreement(logit: Tensor, target: Tensor) -> dict[str, float]:
    """Recall, precision and intersection over union at one half, over all pixels of a batch.

    For the log alone: a figure without pixels to count on is left out.
    """
    found, blade = logit > 0, target > 0.5
    both = (found & blade).sum().item()
    pairs = {
        "recall": blade.sum().item(),
        "precision": found.sum().item(),
        "iou": (found | blade).sum().item(),
    }
    return {name: both / count for name, count in pairs.items() if count}
