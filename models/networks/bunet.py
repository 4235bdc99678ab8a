"""BU-Net: where the blade is, one logit a pixel (ROI paper, section III-B).

A U-Net of four encoder and four decoder blocks with skips. The encoder is EfficientNet-Lite0 with
weights from ImageNet: labelled turbines are few, and what tells a blade from a tower, a roof or a
cloud is learnt from a million other pictures. The finest skip carries the picture itself, folded
2x2; four logits a cell are unfolded to one a pixel, so edges and thin tips stay at the picture's
resolution.

    rgb -> stem -> enc 1/2, 1/4 -> enc 1/8 -> enc 1/16 -> enc 1/32
     |               |      |         |          |          |
     +-- fold ----> dec 1/2 <- dec 1/4 <- dec 1/8 <- dec 1/16
                     |
    logit <- unfold <-
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.efficientnet_lite import FEATURES, EfficientNetLite
from models.networks.unet import FOLD, Block, Loss, agreement
from models.training.dense_crf import dense_crf
from models.training.focal import blade_target, focal, scarcity

CRF_WEIGHT = 0.2  # a twentieth of the focal term after some hundred steps


class BUNet(nn.Module):
    """U-Net with one logit a pixel.

    Parameters
    ----------
    widths : channels of the four decoder blocks, finest (1/2) first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        if len(widths) != len(FEATURES) - 1:
            raise ValueError("a BU-Net has four encoder and four decoder blocks")
        self.encoder = EfficientNetLite()
        *skips, inputs = FEATURES
        skips[0] += 3 * FOLD**2  # the picture itself
        self.decoders = nn.ModuleList()
        for width, skip in zip(reversed(widths), reversed(skips), strict=True):
            self.decoders.append(Block(inputs + skip, width))
            inputs = width
        self.head = nn.Conv2d(inputs, FOLD**2, 1)
        assert self.head.bias is not None
        # Where the focal loss of a picture of which nothing is known is least.
        nn.init.constant_(self.head.bias, -1.0)

    def forward(self, rgb: Tensor) -> Tensor:
        """(B, 3, H, W) RGB 0..255, sides multiples of 32, to logits (B, 1, H, W)."""
        *skips, x = self.encoder(rgb)
        skips[0] = torch.cat([skips[0], F.pixel_unshuffle(rgb / 128.0 - 1.0, FOLD)], 1)
        for decoder in self.decoders:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = decoder(torch.cat([x, skips.pop()], 1))
        return F.pixel_shuffle(self.head(x), FOLD)

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """Begin with an encoder that was trained on ImageNet; its classifier is left out."""
        names = self.encoder.state_dict()
        self.encoder.load_state_dict({name: weights[name] for name in names})

    def losses(self) -> Mapping[str, Loss]:
        """``focal_crf``, the paper's, of (B, 4, H, W): RGB and the share of blade, 0..255."""
        return {"focal_crf": self._focal_crf}

    def _focal_crf(self, pairs: Tensor) -> tuple[Tensor, dict[str, float]]:
        rgb, target = pairs[:, :3], blade_target(pairs[:, 3:])
        logit = self(rgb).float()
        first = focal(logit, target, scarcity(target))
        second = CRF_WEIGHT * dense_crf(logit.sigmoid(), rgb)
        parts = {"focal": float(first.detach()), "crf": float(second.detach())}
        return first + second, parts | agreement(logit, target)
