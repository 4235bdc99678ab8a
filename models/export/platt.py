"""Probabilities that mean what they say: a logistic fit to a network's logits.

The focal loss stops caring for pixels that are nearly right, so its sigmoid stays near one half;
who averages such a probability with another opinion is misled. Scale and offset are those of
Platt ("Probabilistic outputs for support vector machines", 1999), by Newton's method.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.training.focal import blade_target

STEPS = 50
STRIDE = 4  # every fourth row and column of a picture: its pixels say nearly the same
LEAST_STEP = 1e-9


class Platt(NamedTuple):
    """probability = sigmoid(slope * logit + offset)."""

    slope: float
    offset: float


UNCHANGED = Platt(1.0, 0.0)


def fit_platt(logit: NDArray[np.float64], target: NDArray[np.bool_]) -> Platt:
    """The most likely slope and offset; (n,) each. ValueError unless both classes are there."""
    if target.all() or not target.any():
        raise ValueError("probabilities can't be fitted to pictures of one kind of pixel")
    design = np.stack([logit, np.ones_like(logit)], 1)

    def entropy(weights: NDArray[np.float64]) -> float:
        argument = design @ weights
        return float(np.logaddexp(0, np.where(target, -argument, argument)).sum())

    weights = np.array([1.0, 0.0])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -40, 40)))
        gradient = design.T @ (chance - target)
        spread = (chance * (1 - chance))[:, None] * design
        # A touch of ridge: classes that don't overlap would send the slope to infinity.
        step = np.linalg.solve(design.T @ spread + 1e-3 * np.eye(2), gradient)
        # A network that is sure and wrong has next to no curvature: a whole step leads astray.
        while entropy(weights - step) > entropy(weights) and np.abs(step).max() >= LEAST_STEP:
            step /= 2
        weights -= step
        if np.abs(step).max() < LEAST_STEP:
            break
    return Platt(float(weights[0]), float(weights[1]))


@torch.no_grad()
def fit_to_pictures(network: nn.Module, batches: Iterable[NDArray[np.uint8]]) -> Platt:
    """Fit on pictures (B, H, W, 4), RGB and the share of blade, that were not learnt from.

    UNCHANGED where there is none, or where they show no blade.
    """
    logits, targets = [], []
    for batch in batches:
        pairs = torch.from_numpy(batch).permute(0, 3, 1, 2).float()
        logit = network(pairs[:, :3])
        target = blade_target(pairs[:, 3:])
        logits.append(logit[..., ::STRIDE, ::STRIDE].double().numpy().ravel())
        targets.append(target[..., ::STRIDE, ::STRIDE].numpy().ravel() > 0)
    if not any(target.any() for target in targets):
        return UNCHANGED
    return fit_platt(np.concatenate(logits), np.concatenate(targets))
