"""A recipe: what is trained, on which crops, through which stages; one TOML file a model."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

CROP_STEP = {"pictures": 128, "pairs": 64, "jpeg": 256}
RECIPES = Path(__file__).parents[1] / "recipes"


class RecipeError(ValueError):
    """A recipe that can't be followed; the text says where and why."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Architecture(_Table):
    """Which network, what its constructor is given, and the package whose weights it begins with.

    The package is an installed one that holds a single .pth file, a state dict.
    """

    name: str
    arguments: dict[str, Any] = {}
    pretrained: str | None = None


class Data(_Table):
    """Crops (height, width in pixels), how many make a batch, and what is kept for validation.

    Pictures alone are cropped as they are; ``validation_share`` is a share of them, chosen by
    their names. Their crops begin at multiples of ``grid`` pixels: 16 keeps a JPEG's blocks where
    a crop's first pixel has them. Pairs of picture and mask come in sets, ``shares`` says how often
    each is drawn, and what is for validation lies in a folder of its own.
    """

    kind: Literal["pictures", "pairs", "jpeg"] = "pictures"
    crop: tuple[int, int] = (256, 256)
    batch: int = Field(gt=0)
    validation_share: float = Field(default=0.04, ge=0, lt=1)
    grid: int = Field(default=1, gt=0)
    shares: dict[str, Annotated[float, Field(ge=0)]] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Data:
        check_crop(self.crop, self.kind)
        if (self.kind == "pairs") != bool(self.shares):
            raise ValueError("pairs, and nothing else, have shares of their sets")
        return self


def check_crop(crop: tuple[int, int], kind: str) -> None:
    """ValueError for a crop that the networks' grids don't divide."""
    if any(side <= 0 or side % CROP_STEP[kind] for side in crop):
        raise ValueError(f"crop sides must be multiples of {CROP_STEP[kind]}")


class Stage(_Table):
    """One loss, the parts of the network that learn from it, and for how long.

    ``parts`` are names of submodules or parameters, all of them when empty. The length is either
    ``steps`` or ``minutes``. ``rate`` is the peak of the learning rate, reached after ``warm_up``
    steps; ``part_rates`` are those of some parts, as shares of it. ``exact`` trains with integer
    arithmetic in the exact layers, whose inputs are calibrated when the stage begins. ``bf16``
    computes in bfloat16 where autocast allows it. ``crop`` and ``batch`` replace those of
    the data; views of pairs come in any size.
    """

    name: str
    loss: str
    parts: tuple[str, ...] = ()
    steps: int | None = Field(default=None, gt=0)
    minutes: float | None = Field(default=None, gt=0)
    rate: float = Field(gt=0)
    part_rates: dict[str, Annotated[float, Field(gt=0)]] = {}
    warm_up: int = Field(default=100, ge=0)
    exact: bool = False
    bf16: bool = False
    channels_last: bool = False
    crop: tuple[int, int] | None = None
    batch: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Stage:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("a stage has either steps or minutes")
        if self.exact and self.bf16:
            raise ValueError("sums of an exact stage don't fit bfloat16")
        return self


class Recipe(_Table):
    """The whole recipe; stages run in the order of the file."""

    model: Architecture
    data: Data
    stages: tuple[Stage, ...] = Field(min_length=1)
    seed: int = 0

    @model_validator(mode="after")
    def _names_differ(self) -> Recipe:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError("two stages have the same name")
        for stage in self.stages:
            if stage.crop is not None:
                if self.data.kind != "pairs":
                    raise ValueError("crops of pictures have one size in all stages")
                check_crop(stage.crop, self.data.kind)
        return self


def find_recipe(path: Path) -> Path:
    """The file as given, or the recipe of that name that comes with the package."""
    return path if path.exists() else RECIPES / path.name


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file; RecipeError when it can't be read or says something unknown."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: {error}") from error
