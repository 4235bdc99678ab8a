"""The dense-CRF term on random points (ROI paper, section III-B2; Tang et al., ECCV 2018).

Pixels that are near and of one colour should carry one label. Over pairs of points with
probabilities s and affinities K the relaxed Potts energy is s^T K (1 - s); its gradient,
K 1 - 2 K s, pulls both ways. K(1 - s) must not be taken as a constant (a filter without a backward
pass): what is left of the gradient is positive everywhere, and thin blades vanish.
"""

from __future__ import annotations

import torch
from torch import Tensor

POINTS = 1536  # a step, shared out evenly among its pictures
REACH = 100.0 / 768.0  # bandwidth in space, in units of the picture's longer side
COLOUR = 15.0  # bandwidth in grey levels


def dense_crf(probability: Tensor, rgb: Tensor) -> Tensor:
    """Mean energy of a pair of points, over fresh random points of each picture.

    Parameters
    ----------
    probability : (B, 1, H, W), of blade.
    rgb : (B, 3, H, W), 0..255.
    """
    b, _, h, w = rgb.shape
    count = max(2, POINTS // b)
    chosen = torch.randint(h * w, (b, 1, count), device=rgb.device)
    colours = rgb.flatten(2).gather(2, chosen.expand(-1, 3, -1))
    places = torch.cat([chosen // w, chosen % w], 1).to(rgb.dtype)
    features = torch.cat([places / (REACH * max(h, w)), colours / COLOUR], 1)
    values = probability.flatten(2).gather(2, chosen)
    return energy(values.squeeze(1), affinity(features.transpose(1, 2)))


def affinity(features: Tensor) -> Tensor:
    """Gaussian of the distances between points: (B, n, 5), in bandwidths, to K (B, n, n)."""
    return torch.exp(-0.5 * torch.cdist(features, features).square())


def energy(values: Tensor, affinities: Tensor) -> Tensor:
    """s^T K (1 - s), the mean over pairs and pictures; (B, n) and (B, n, n)."""
    smoothed = torch.einsum("bij,bj->bi", affinities, 1 - values)
    return (values * smoothed).mean() / values.shape[1]
