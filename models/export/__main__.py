"""Make a zoo entry: ``python -m models.export --weights runs/lite/weights.pt ...``.

The card is a TOML file with ``description``, ``licence`` and ``data`` (what it was trained on, with
credits), a list of ``weaknesses`` and, once measured, a table ``quality``. The name and version are
those of the output folder, the record of the training is in the weights.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from models.export.bitswap_calibration import make_bitswap_exact
from models.export.bitswap_entry import write_bitswap_entry
from models.export.calibration import make_exact
from models.export.coefficient_entry import make_coefficients_exact, write_coefficient_entry
from models.export.lossless_entry import write_jpeg_entry, write_lossless_entry
from models.export.platt import fit_to_pictures
from models.export.pyramid_calibration import (
    in_jpeg_training,
    in_training,
    make_pyramid_exact,
)
from models.export.segmentation_entry import write_segmentation_entry
from models.export.zoo_entry import write_zoo_entry
from models.networks.bitswap import Bitswap
from models.networks.bunet import BUNet
from models.networks.jpeg_dct import JpegDct
from models.networks.lossy_network import LossyNetwork
from models.networks.nested import Nested
from models.networks.patches import PATCH
from models.networks.pyramid import Pyramid
from models.networks.registry import build
from models.networks.unet import UNet
from models.training import checkpoints
from models.training.coefficients import Coefficients
from models.training.examples import Examples
from models.training.pictures import Crops, PictureCache, open_cache
from models.training.recipe import Architecture, Recipe, RecipeError, find_recipe, read_recipe
from models.training.sources import open_source
from service.runtime.card import Card

KNOWN_SIZE = (64, 96)  # of the picture that a segmentation model is checked on
PATCHES = 96  # from which tables are counted, at nine qualities each: 80 million symbols
LOSSLESS_PATCHES = 320  # likewise: sixty million symbols
COEFFICIENT_BATCH, COEFFICIENT_BATCHES = 8, 40  # likewise: thirty million symbols
SETTLING_PATCHES = 64  # of those, for the steps of the integers


class Prose(BaseModel):
    """What a person says about a model."""

    model_config = ConfigDict(extra="forbid")

    description: str
    licence: str
    data: str
    weaknesses: tuple[str, ...]
    quality: dict[str, Any] = {}


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
        card: Card
        if recipe.data.kind == "pairs":
            source = open_source(recipe.data, options.data, options.weights.parent / "cache")
            assert isinstance(source, Examples)
            card = export_segmentation(recipe, state, source, options.out, prose)
        elif recipe.data.kind == "jpeg":
            source = open_source(recipe.data, options.data, options.weights.parent / "cache")
            assert isinstance(source, Coefficients)
            card = export_coefficients(recipe, state, source, options.out, prose)
        else:
            cache = open_cache(options.data, options.weights.parent / "cache")
            card = export(recipe, state, cache, options.out, prose, options.plain)
    except (ValueError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"{options.out}: {size} bytes, digest {card.digest.hex()}", file=sys.stderr)
    return 0


def export(
    recipe: Recipe,
    state: dict[str, Any],
    cache: PictureCache,
    folder: Path,
    prose: Prose,
    plain: Path | None = None,
) -> Card:
    """Write ``folder`` (NAME/VERSION) from what a training run left in ``weights.pt``.

    With ``plain``, an entry of a pyramid, the network is that for patches in a JPEG's colours,
    and those for all other patches are taken over from there.

    Raises
    ------
    RecipeError
        The recipe is that of a network that no entry can be made of.
    BoundError
        An exact layer could leave the integers that float32 holds.
    """
    network = build(recipe.model.name, recipe.model.arguments)
    network.load_state_dict(state["weights"])
    network.eval()
    card = _card(recipe, state, folder, prose)
    # Files have two levels of latents, with tables that only ``hp``'s kind of top level has.
    if isinstance(network, LossyNetwork) and not isinstance(network, Nested):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            pictures = [network.in_training(each) for each in training_pictures(recipe, cache)]
        make_exact(network, pictures)
        return write_zoo_entry(network, pictures, folder, card)
    if isinstance(network, Pyramid):
        patches = training_patches(recipe, cache)
        values = in_training(patches) if plain is None else in_jpeg_training(patches)
        make_pyramid_exact(network, values[:SETTLING_PATCHES])
        if plain is None:
            return write_lossless_entry(network, values, folder, card)
        return write_jpeg_entry(network, values, plain, folder, card)
    if isinstance(network, Bitswap):
        values = in_training(training_patches(recipe, cache))
        make_bitswap_exact(network, values[:SETTLING_PATCHES])
        return write_bitswap_entry(network, values, folder, card)
    raise RecipeError(f"no zoo entry can be made of {recipe.model.name}")


def export_segmentation(
    recipe: Recipe, state: dict[str, Any], examples: Examples, folder: Path, prose: Prose
) -> Card:
    """Write ``folder`` (NAME/VERSION) of a U-Net; RecipeError when the recipe is not of one."""
    network = build(recipe.model.name, recipe.model.arguments)
    if not isinstance(network, BUNet | UNet):
        raise RecipeError(f"{recipe.model.name} does not find blades")
    network.load_state_dict(state["weights"])
    (example,) = examples.draw(1, np.random.default_rng(recipe.seed), KNOWN_SIZE)
    network.eval()
    platt = fit_to_pictures(network, examples.validation_batches(1))
    card = _card(recipe, state, folder, prose)
    card["training"]["calibration"] = platt._asdict() | {"pictures": len(examples.validation)}
    picture = np.ascontiguousarray(example[..., :3])
    return write_segmentation_entry(network, platt, picture, folder, card)


def export_coefficients(
    recipe: Recipe, state: dict[str, Any], source: Coefficients, folder: Path, prose: Prose
) -> Card:
    """Write ``folder`` (NAME/VERSION) of a model of JPEGs' coefficients; RecipeError for others."""
    network = build(recipe.model.name, recipe.model.arguments)
    if not isinstance(network, JpegDct):
        raise RecipeError(f"{recipe.model.name} does not code coefficients")
    network.load_state_dict(state["weights"])
    network.eval()
    rng = np.random.default_rng(recipe.seed)
    drawn = (source.draw(COEFFICIENT_BATCH, rng) for _ in range(COEFFICIENT_BATCHES))
    cells = [torch.from_numpy(batch).permute(0, 3, 1, 2).float() for batch in drawn]
    make_coefficients_exact(network, cells[: SETTLING_PATCHES // COEFFICIENT_BATCH])
    return write_coefficient_entry(network, cells, folder, _card(recipe, state, folder, prose))


def _card(recipe: Recipe, state: dict[str, Any], folder: Path, prose: Prose) -> dict[str, Any]:
    """What cards of all kinds say."""
    stages = {s.name: s.model_dump(mode="json", exclude_none=True) for s in recipe.stages}
    ran = [{**stages.get(record["stage"], {}), **record} for record in state["record"]]
    card = prose.model_dump(exclude={"data"})
    card |= {"name": folder.parent.name, "version": folder.name}
    other = {"validation_share"} if recipe.data.kind == "pairs" else {"kind", "shares"}
    data = recipe.data.model_dump(exclude=other)
    card["training"] = {"data": prose.data, "crops": data, "stages": ran}
    if recipe.model.pretrained is not None:
        card["training"]["pretrained"] = recipe.model.pretrained
    return card


def training_pictures(recipe: Recipe, cache: PictureCache) -> list[Tensor]:
    """The same few crops each time, (1, 3, H, W), none of them kept for validation."""
    height, width = recipe.data.crop
    count = -(-PATCHES * PATCH**2 // (height * width))
    drawn = _drawn(recipe, cache, recipe.data.crop, count)
    return [torch.from_numpy(crop).permute(2, 0, 1)[None].float() for crop in drawn]


def training_patches(recipe: Recipe, cache: PictureCache) -> list[NDArray[np.uint8]]:
    """Likewise whole patches, (256, 256, 3), whatever size the crops of the training had."""
    return list(_drawn(recipe, cache, (PATCH, PATCH), LOSSLESS_PATCHES))


def _drawn(
    recipe: Recipe, cache: PictureCache, size: tuple[int, int], count: int
) -> Iterator[NDArray[np.uint8]]:
    crops = Crops(cache, size, recipe.data.validation_share, recipe.data.grid)
    rng = np.random.default_rng(recipe.seed)
    return (crops.draw(1, rng)[0] for _ in range(count))


def _load(weights: Path, recipe: Recipe) -> dict[str, Any]:
    try:
        state = checkpoints.load(weights)
        made = state["recipe"]["model"], state["weights"], state["record"]
    except (pickle.UnpicklingError, RuntimeError, KeyError) as error:
        raise ValueError(f"{weights} is not what a finished training run leaves") from error
    # Validated, so that weights from before a key was known are still those of their recipe.
    if Architecture.model_validate(made[0]) != recipe.model:
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
    parser.add_argument(
        "--plain",
        type=Path,
        help="entry of a pyramid that codes what is not from a JPEG; the weights are for the rest",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
