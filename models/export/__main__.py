"""Make a zoo entry: ``python -m models.export --weights runs/lite/weights.pt ...``.

The card is a TOML file with ``description``, ``licence`` and ``data`` (what it was trained on, with
credits), a list of ``weaknesses`` and, once measured, a table ``quality``. The name and version are
those of the output folder, the record of the training is in the weights. A segmentation model's
card may set ``threshold``, the probability from which a pixel is blade.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from models.export.calibration import make_exact
from models.export.segmentation_entry import write_segmentation_entry
from models.export.zoo_entry import write_zoo_entry
from models.networks.bunet import BUNet
from models.networks.lossy_network import LossyNetwork
from models.networks.patches import PATCH
from models.networks.registry import build
from models.training import checkpoints
from models.training.examples import Examples
from models.training.pictures import Crops
from models.training.recipe import Recipe, RecipeError, find_recipe, read_recipe
from models.training.sources import open_source
from service.runtime.card import Card

KNOWN_SIZE = (64, 96)  # of the picture that a segmentation model is checked on
PATCHES = 48  # from which tables are counted, at nine qualities each: ten million symbols


class Prose(BaseModel):
    """What a person says about a model."""

    model_config = ConfigDict(extra="forbid")

    description: str
    licence: str
    data: str
    weaknesses: tuple[str, ...]
    quality: dict[str, Any] = {}
    threshold: float = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 weights, recipe or card that don't fit, or a bound that breaks."""
    options = _parser().parse_args(arguments)
    try:
        recipe = read_recipe(find_recipe(options.recipe))
        prose = Prose.model_validate(tomllib.loads(options.card.read_text(encoding="utf-8")))
        state = _load(options.weights, recipe)
        if (options.out / "model.json").exists():
            raise ValueError(f"{options.out} is taken; files made with it need it as it is")
        # The cache of the training run, if it lies beside the weights.
        source = open_source(recipe.data, options.data, options.weights.parent / "cache")
        card: Card
        if isinstance(source, Examples):
            card = export_segmentation(recipe, state, source, options.out, prose)
        else:
            pictures = training_pictures(recipe, source)
            card = export(recipe, state, pictures, options.out, prose)
    except (ValueError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"{options.out}: {size} bytes, digest {card.digest.hex()}", file=sys.stderr)
    return 0


def export(
    recipe: Recipe, state: dict[str, Any], pictures: list[Tensor], folder: Path, prose: Prose
) -> Card:
    """Write ``folder`` (NAME/VERSION) from what a training run left in ``weights.pt``.

    Raises
    ------
    RecipeError
        The recipe is not that of a lossy network.
    BoundError
        An exact layer could leave the integers that float32 holds.
    """
    network = build(recipe.model.name, recipe.model.arguments)
    if not isinstance(network, LossyNetwork):
        raise RecipeError(f"{recipe.model.name} is not a lossy network")
    network.load_state_dict(state["weights"])
    network.eval()
    make_exact(network, pictures)
    return write_zoo_entry(network, pictures, folder, _card(recipe, state, folder, prose))


def export_segmentation(
    recipe: Recipe, state: dict[str, Any], examples: Examples, folder: Path, prose: Prose
) -> Card:
    """Write ``folder`` (NAME/VERSION) of a BU-Net; RecipeError when the recipe is not of one."""
    network = build(recipe.model.name, recipe.model.arguments)
    if not isinstance(network, BUNet):
        raise RecipeError(f"{recipe.model.name} does not find blades")
    network.load_state_dict(state["weights"])
    (example,) = examples.draw(1, np.random.default_rng(recipe.seed), KNOWN_SIZE)
    card = _card(recipe, state, folder, prose)
    picture = np.ascontiguousarray(example[..., :3])
    return write_segmentation_entry(network, picture, prose.threshold, folder, card)


def _card(recipe: Recipe, state: dict[str, Any], folder: Path, prose: Prose) -> dict[str, object]:
    """What cards of all kinds say."""
    stages = {s.name: s.model_dump(mode="json", exclude_none=True) for s in recipe.stages}
    ran = [{**stages.get(record["stage"], {}), **record} for record in state["record"]]
    card = prose.model_dump(exclude={"data", "threshold"})
    card |= {"name": folder.parent.name, "version": folder.name}
    other = {"validation_share"} if recipe.data.kind == "pairs" else {"kind", "shares"}
    data = recipe.data.model_dump(exclude=other)
    card["training"] = {"data": prose.data, "crops": data, "stages": ran}
    return card


def training_pictures(recipe: Recipe, crops: Crops) -> list[Tensor]:
    """The same few crops each time, (1, 3, H, W), none of them kept for validation."""
    rng = np.random.default_rng(recipe.seed)
    height, width = recipe.data.crop
    count = -(-PATCHES * PATCH**2 // (height * width))
    drawn = (crops.draw(1, rng) for _ in range(count))
    return [torch.from_numpy(crop).permute(0, 3, 1, 2).float() for crop in drawn]


def _load(weights: Path, recipe: Recipe) -> dict[str, Any]:
    try:
        state = checkpoints.load(weights)
        made = state["recipe"]["model"], state["weights"], state["record"]
    except (pickle.UnpicklingError, RuntimeError, KeyError) as error:
        raise ValueError(f"{weights} is not what a finished training run leaves") from error
    if made[0] != recipe.model_dump(mode="json")["model"]:
        raise RecipeError(f"{weights} was made by a recipe with another [model]")
    return state


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of a training run")
    parser.add_argument("--recipe", type=Path, required=True, help="the recipe it followed")
    parser.add_argument("--data", type=Path, required=True, help="folder of training pictures")
    parser.add_argument("--out", type=Path, required=True, help="models/zoo/NAME/VERSION")
    parser.add_argument("--card", type=Path, required=True, help="TOML file, see above")
    return parser


if __name__ == "__main__":
    sys.exit(main())
