"""Variants in training: one folder a recipe, gone on with or left alone when it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.networks.registry import build
from models.studies.study import digest
from models.training import checkpoints
from models.training.examples import Examples
from models.training.pictures import Crops
from models.training.recipe import Recipe
from models.training.trainer import Trainer


class StoppedError(Exception):
    """A signal asked for it; what was trained is saved."""


@dataclass(frozen=True)
class Trained:
    """A network after its last stage, on the CPU, and what the trainer recorded of each stage."""

    model: nn.Module
    record: list[dict[str, Any]]

    @property
    def parameters(self) -> int:
        """Numbers that it learnt."""
        return sum(each.numel() for each in self.model.parameters())


def folder_of(recipe: Recipe, runs: Path) -> Path:
    """Where a recipe is trained; studies that ask for the same training share it."""
    return runs / f"{recipe.model.name}-{digest(recipe)}"


def trained(
    recipe: Recipe,
    source: Crops | Examples,
    runs: Path,
    device: torch.device,
    stop: Callable[[], bool],
) -> Trained:
    """The network of a recipe, trained in a folder of ``runs`` unless it has been before.

    Raises
    ------
    StoppedError
        ``stop`` said so; the same call goes on.
    DivergedError
        See Trainer.
    """
    folder = folder_of(recipe, runs)
    done = folder / "weights.pt"
    if not done.exists() and not Trainer(recipe, source, folder, device, stop).run():
        raise StoppedError(f"{folder}: saved; the same command goes on")
    found = checkpoints.load(done)
    model = build(recipe.model.name, recipe.model.arguments)
    model.load_state_dict(found["weights"])
    return Trained(model.eval(), found["record"])
