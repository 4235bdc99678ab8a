"""The weighted focal loss of a thin class (ROI paper, section III-B1; Lin et al., ICCV 2017)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

ALPHA = 0.7  # weight of blade against background, 1 - ALPHA: a lost blade costs more
GAMMA = 2.0  # how much less a pixel counts that is already right
LEAST_SHARE = 0.3  # of a pixel that makes it blade: a tip is thinner than a pixel of the network

CELL = 8  # pixels: scarcity is measured on a coarse grid
NEIGHBOURHOOD = 5  # cells on a side
FULL_WEIGHT_SHARE = 0.25  # of blade around a pixel, from which on it weighs 1
LARGEST_WEIGHT = 4.0


def blade_target(share: Tensor) -> Tensor:
    """Shares of blade, 0..255, to 0 or 1, float."""
    return (share >= 255 * LEAST_SHARE).float()


def focal(logit: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean focal loss.

    Parameters
    ----------
    logit, target : (B, 1, H, W); target 0 or 1.
    weight : of each pixel, same shape; 1 without it.
    """
    # One logarithm for both classes: the loss of the true one is -log sigmoid(+-logit).
    entropy = F.binary_cross_entropy_with_logits(logit, target, reduction="none")
    missing = 1 - (-entropy).exp()  # 1 - probability of the true class
    balance = ALPHA * target + (1 - ALPHA) * (1 - target)
    loss = balance * missing**GAMMA * entropy
    return (loss if weight is None else loss * weight).mean()


def scarcity(target: Tensor) -> Tensor:
    """Weights that keep thin and distant blades from being outvoted by broad ones.

    A blade pixel weighs the more the less blade is around it: the square root of
    FULL_WEIGHT_SHARE over the share in its neighbourhood, 1 to LARGEST_WEIGHT. Background weighs 1.
    """
    cells = F.avg_pool2d(target, CELL)
    around = F.avg_pool2d(
        cells, NEIGHBOURHOOD, stride=1, padding=NEIGHBOURHOOD // 2, count_include_pad=False
    )
    around = F.interpolate(around, scale_factor=float(CELL), mode="nearest")
    raised = (FULL_WEIGHT_SHARE / around.clamp_min(1e-4)).sqrt().clamp(1.0, LARGEST_WEIGHT)
    return 1 + target * (raised - 1)
