"""What a stage trains, how far it is, and how fast it learns."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from models.training.recipe import RecipeError, Stage

LEAST_RATE = 0.03  # of the peak, where the cosine ends


def learning(model: nn.Module, stage: Stage) -> list[nn.Parameter]:
    """The parameters that a stage trains; all others are frozen. RecipeError for unknown parts."""
    names = [name for name, _ in model.named_parameters()]
    for part in (*stage.parts, *stage.part_rates):
        if not any(name == part or name.startswith(part + ".") for name in names):
            raise RecipeError(f"stage {stage.name}: the network has no part {part!r} that learns")
    chosen = []
    for name, parameter in model.named_parameters():
        mine = not stage.parts or any(name == p or name.startswith(p + ".") for p in stage.parts)
        parameter.requires_grad_(mine)
        if mine:
            chosen.append(parameter)
    return chosen


def rate_groups(model: nn.Module, stage: Stage) -> list[dict[str, Any]]:
    """The parameters that a stage trains, for an optimiser; ``share`` of the rate a group."""
    groups: dict[str, dict[str, Any]] = {
        part: {"params": [], "share": share} for part, share in stage.part_rates.items()
    }
    rest: dict[str, Any] = {"params": [], "share": 1.0}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            part = next((p for p in groups if name == p or name.startswith(p + ".")), None)
            (rest if part is None else groups[part])["params"].append(parameter)
    return [group for group in (*groups.values(), rest) if group["params"]]


def share_done(stage: Stage, step: int, seconds: float) -> float:
    """How much of a stage is over, 0 to 1 and beyond."""
    if stage.steps is not None:
        return step / stage.steps
    assert stage.minutes is not None
    return seconds / (60 * stage.minutes)


def rate_at(stage: Stage, step: int, progress: float) -> float:
    """Learning rate: a linear warm-up, then a cosine to LEAST_RATE of the peak."""
    warm = min(1.0, (step + 1) / max(1, stage.warm_up))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return stage.rate * warm * (LEAST_RATE + (1 - LEAST_RATE) * cosine)
