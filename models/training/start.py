"""Begin a training where another network's ended."""

from __future__ import annotations

import pickle
from pathlib import Path

from models.networks.phase_start import prior_from_lite
from models.networks.registry import build
from models.networks.standard import Standard
from models.training import checkpoints
from models.training.recipe import Recipe, RecipeError

# Steps of quantisation, and what follows from them, are what a recipe chooses; they are not carried
# over.
_OWN = ("gains_y.", "gains_z.", "quantiser.")


def start_from(weights: Path, recipe: Recipe, folder: Path) -> None:
    """Write ``folder``'s first checkpoint from ``weights.pt`` of another run.

    Parts that this network has besides begin as they always do; ``standard`` cuts ``lite``'s prior
    to its own groups. The record of that run comes first in this one's. A checkpoint that is there
    stays.

    Raises
    ------
    RecipeError
        The file is no ``weights.pt``, its network has parts that this one has not, or a stage has
        the name of one that it went through.
    """
    path = folder / "checkpoint.pt"
    if path.exists():
        return
    try:
        state = checkpoints.load(weights)
        there, record = state["weights"], state["record"]
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError) as error:
        raise RecipeError(f"{weights} is not what a finished training run leaves") from error
    again = {stage.name for stage in recipe.stages} & {past["stage"] for past in record}
    if again:
        raise RecipeError(f"{weights} went through {', '.join(sorted(again))} already")
    network = build(recipe.model.name, recipe.model.arguments)
    fresh = network.state_dict()
    own = {name: value for name, value in fresh.items() if name.startswith(_OWN)}
    try:
        if isinstance(network, Standard) and not any(name.startswith("detail.") for name in there):
            others = {name: w for name, w in there.items() if not name.startswith("prior.")}
            there = {**others, **prior_from_lite(there, fresh)}
        network.load_state_dict({**fresh, **there, **own})
    except (KeyError, IndexError, RuntimeError) as error:
        raise RecipeError(f"{weights} does not fit {recipe.model.name}: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    first = {
        "recipe": recipe.model_dump(mode="json"),
        "weights": network.state_dict(),
        "finished": record,
        "running": None,
        "random": checkpoints.random_state(),
        "metrics": 0,
    }
    checkpoints.save(path, first)
