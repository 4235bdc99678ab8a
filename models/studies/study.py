"""A study: variants of one network, all trained alike; one TOML file each."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.training.recipe import Architecture, Data, Recipe, RecipeError, Stage

FOLDER = Path(__file__).parent


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Variant(_Table):
    """One network of a study.

    ``group`` is the panel of the plot that it is drawn in, with the others of that group.
    ``losses`` replaces the loss of stages, by their names.
    """

    title: str
    group: str = ""
    model: Architecture
    losses: dict[str, str] = {}
    seed: int = 0


class Study(_Table):
    """What is asked, what the paper says, and what is trained to see.

    All variants go through the same stages, by steps, on the same crops in the same order: with
    equal steps what a neighbour on the machine does changes nothing. ``plotted`` are the measures
    that are drawn over the rate. With ``wavelet_start`` all begin as the same linear codec, not at
    random: few steps are then about what variants differ in, not about learning to see at all.
    """

    title: str
    question: str
    claim: str
    kind: Literal["lossy", "lossless"] = "lossy"
    plotted: tuple[Literal["psnr", "ms_ssim"], ...] = ("psnr",)
    wavelet_start: bool = False
    data: Data
    stages: tuple[Stage, ...] = Field(min_length=1)
    variants: tuple[Variant, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _comparable(self) -> Study:
        titles = [(variant.group, variant.title) for variant in self.variants]
        if len(set(titles)) != len(titles):
            raise ValueError("two variants of a group have the same title")
        names = {stage.name for stage in self.stages}
        for stage in self.stages:
            if stage.steps is None:
                raise ValueError("stages of a study have steps: minutes would not be equal")
        for variant in self.variants:
            if unknown := variant.losses.keys() - names:
                raise ValueError(f"{variant.title}: no stage {', '.join(sorted(unknown))}")
        return self

    def scaled(self, steps: int | None) -> Study:
        """The same study of ``steps`` steps, the stages keeping their shares of them."""
        if steps is None:
            return self
        whole = self.steps
        ends, done = [], 0
        for stage in self.stages:
            done += stage.steps or 0
            ends.append(round(steps * done / whole))
        lengths = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
        stages = [
            {**stage.model_dump(), "steps": length, "warm_up": min(stage.warm_up, length // 4)}
            for stage, length in zip(self.stages, lengths, strict=True)
        ]
        return Study.model_validate({**self.model_dump(), "stages": stages})

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps or 0 for stage in self.stages)

    def recipe(self, variant: Variant) -> Recipe:
        """What a variant's training follows."""
        stages = [
            stage.model_copy(update={"loss": variant.losses.get(stage.name, stage.loss)})
            for stage in self.stages
        ]
        return Recipe(model=variant.model, data=self.data, stages=tuple(stages), seed=variant.seed)


def names() -> list[str]:
    """The studies there are."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_study(name: str) -> Study:
    """A study by its name; RecipeError when its file says something unknown."""
    path = FOLDER / f"{name}.toml"
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Study.model_validate(found)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path.name}: {error}") from error
