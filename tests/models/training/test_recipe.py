import copy
from pathlib import Path

import pytest

from models.networks.registry import ARCHITECTURES, build, losses_of
from models.training.recipe import RECIPES, Recipe, RecipeError, find_recipe, read_recipe
from models.training.schedule import learning, rate_at, share_done

SHIPPED = sorted(RECIPES.glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_recipe_can_be_followed(path):
    recipe = read_recipe(path)
    model = build(recipe.model.name, recipe.model.arguments)
    for stage in recipe.stages:
        assert stage.loss in losses_of(model)
        assert learning(model, stage)


def test_every_architecture_has_a_recipe():
    assert {read_recipe(path).model.name for path in SHIPPED} == set(ARCHITECTURES)


def test_a_recipe_is_a_file_or_a_name_in_the_package(tmp_path):
    mine = tmp_path / "lite.toml"
    assert find_recipe(mine) == RECIPES / "lite.toml"
    mine.touch()
    assert find_recipe(mine) == mine


GOOD = {
    "model": {"name": "hp"},
    "data": {"crop": [256, 512], "batch": 2},
    "stages": [{"name": "one", "loss": "noise", "steps": 5, "rate": 1e-3}],
}


def changed(path, value):
    recipe = copy.deepcopy(GOOD)
    *parents, last = path
    place = recipe
    for key in parents:
        place = place[key]
    place[last] = value
    return recipe


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("data", "crop"), [256, 200]),
        (("data", "crop"), [0, 256]),
        (("data", "batch"), 0),
        (("data", "validation_share"), 1.0),
        (("stages",), []),
        (("stages", 0, "minutes"), 3),
        (("stages", 0, "steps"), None),
        (("stages", 0, "rate"), 0),
        (("stages", 0, "part_rates"), {"g_a": 0}),
        (("stages", 0, "raet"), 1e-3),
        (("stages",), GOOD["stages"] * 2),
        (("stages", 0), GOOD["stages"][0] | {"exact": True, "bf16": True}),
        (("stages", 0, "crop"), [256, 256]),
        (("stages", 0, "batch"), 0),
        (("data", "shares"), {"scenes": 1.0}),
        (("data", "kind"), "pairs"),
        (("data", "kind"), "triples"),
    ],
)
def test_nonsense_is_refused(path, value):
    Recipe.model_validate(GOOD)
    with pytest.raises(ValueError):
        Recipe.model_validate(changed(path, value))


def test_views_of_pairs_have_a_size_a_stage():
    pairs = {"kind": "pairs", "crop": [128, 192], "batch": 2, "shares": {"scenes": 1.0}}
    recipe = changed(("data",), pairs)
    recipe["stages"][0] |= {"crop": [64, 192], "batch": 8}
    assert Recipe.model_validate(recipe).stages[0].crop == (64, 192)
    for crop in ([64, 100], [0, 64]):
        recipe["stages"][0]["crop"] = crop
        with pytest.raises(ValueError, match="multiples of 64"):
            Recipe.model_validate(recipe)
    with pytest.raises(ValueError, match="equal"):
        Recipe.model_validate(changed(("data",), pairs | {"shares": {"scenes": -1.0}}))


@pytest.mark.parametrize("text", ["not toml", "[model]\nname = 3\n"])
def test_a_broken_file_is_named(tmp_path, text):
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=r"broken\.toml"):
        read_recipe(path)


def test_an_unknown_architecture_names_the_known():
    with pytest.raises(ValueError, match=r"there are .*hp, .*lite, "):
        build("no-such-network", {})


def test_the_rate_warms_up_and_falls_to_its_end():
    stage = Recipe.model_validate(changed(("stages", 0, "warm_up"), 10)).stages[0]
    assert rate_at(stage, 0, 0.0) == pytest.approx(1e-4)
    assert rate_at(stage, 10, 0.0) == pytest.approx(1e-3)
    assert rate_at(stage, 99, 0.5) == pytest.approx(0.515e-3)
    assert rate_at(stage, 99, 1.2) == pytest.approx(0.03e-3)


def test_a_stage_lasts_steps_or_minutes():
    recipe = Recipe.model_validate(GOOD)
    assert share_done(recipe.stages[0], 4, 1e9) < 1 <= share_done(recipe.stages[0], 5, 0)
    timed = recipe.stages[0].model_copy(update={"steps": None, "minutes": 2.0})
    assert share_done(timed, 10**9, 119.0) < 1 <= share_done(timed, 0, 120.0)


def test_only_the_named_parts_learn():
    recipe = Recipe.model_validate(changed(("stages", 0, "parts"), ["g_a", "gains_z"]))
    model = build("hp", {"N": 4, "M": 4, "width": 4, "features": 4})
    chosen = {id(p) for p in learning(model, recipe.stages[0])}
    for name, parameter in model.named_parameters():
        mine = name.split(".")[0] in ("g_a", "gains_z")
        assert (id(parameter) in chosen) == parameter.requires_grad == mine


def test_an_unknown_part_is_refused():
    recipe = Recipe.model_validate(changed(("stages", 0, "parts"), ["g_"]))
    with pytest.raises(RecipeError, match="no part 'g_'"):
        learning(build("hp", {"N": 4, "M": 4, "width": 4, "features": 4}), recipe.stages[0])


@pytest.mark.parametrize("name", ["standard", "lite-ms-ssim"])
def test_a_recipe_can_start_where_lite_ended(name):
    """A start from weights that went through a stage of the same name is refused."""
    lite, other = (read_recipe(find_recipe(Path(f"{each}.toml"))) for each in ("lite", name))
    assert not {s.name for s in lite.stages} & {s.name for s in other.stages}
