"""Weights that somebody else trained and published, to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from models.training.recipe import RecipeError


def pretrained_weights(package: str) -> Mapping[str, Tensor]:
    """The state dict of an installed package that holds a single .pth file.

    RecipeError when the package is not installed or holds another number of them.
    """
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # a parent is missing or no package; no name at all
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise RecipeError(f"weights to begin with are missing: pip install {package}")
    folder = Path(spec.submodule_search_locations[0])
    files = sorted(folder.rglob("*.pth"))
    if len(files) != 1:
        raise RecipeError(f"{folder}: {len(files)} .pth files, expected one")
    weights: Mapping[str, Tensor] = torch.load(files[0], map_location="cpu", weights_only=True)
    return weights
