"""Variants in training: one folder a recipe, gone on with or left alone when it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.networks.registry import build
from models.networks.wavelet_start import start_as_wavelet
from models.training import checkpoints
from models.training.recipe import Recipe
from models.training.sources import Source
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


@dataclass(frozen=True)
class Training:
    """A recipe, and whether it begins as a wavelet codec (``models.networks.wavelet_start``)."""

    recipe: Recipe
    wavelet_start: bool

    def digest(self) -> str:
        """Equal for equal trainings, so that one serves all studies that ask for it."""
        what = {"recipe": self.recipe.model_dump(mode="json"), "wavelet": self.wavelet_start}
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]

    def folder(self, runs: Path) -> Path:
        """Its own among ``runs``."""
        return runs / f"{self.recipe.model.name}-{self.digest()}"


def trained(
    training: Training,
    source: Source,
    runs: Path,
    device: torch.device,
    stop: Callable[[], bool],
) -> Trained:
    """The network of a training, which is gone through in a folder of ``runs`` or has been.

    Raises
    ------
    StoppedError
        ``stop`` said so; the same call goes on.
    DivergedError
        See Trainer.
    """
    recipe, folder = training.recipe, training.folder(runs)
    done = folder / "weights.pt"
    if not done.exists():
        fresh = not (folder / "checkpoint.pt").exists()
        trainer = Trainer(recipe, source, folder, device, stop)
        if training.wavelet_start and fresh:
            g_a, g_s = trainer.model.g_a, trainer.model.g_s
            assert isinstance(g_a, nn.Sequential) and isinstance(g_s, nn.Sequential)
            start_as_wavelet(g_a, g_s)
        if not trainer.run():
            raise StoppedError(f"{folder}: saved; the same command goes on")
    found = checkpoints.load(done)
    model = build(recipe.model.name, recipe.model.arguments)
    model.load_state_dict(found["weights"])
    return Trained(model.eval(), found["record"])
