import pytest
from pydantic import ValidationError

from models.networks.registry import build, losses_of
from models.studies.runs import Training
from models.studies.study import Study, names, read_study
from models.training.recipe import RecipeError

TOYS = {
    "title": "Toys",
    "question": "Which?",
    "claim": "Paper: this.",
    "data": {"crop": [256, 256], "batch": 1},
    "stages": [
        {"name": "a", "loss": "noise", "steps": 800, "rate": 1e-3},
        {"name": "b", "loss": "rounding", "steps": 200, "rate": 1e-4},
    ],
    "variants": [
        {"title": "one", "model": {"name": "toy"}},
        {"title": "two", "model": {"name": "toy"}, "losses": {"b": "noise"}},
    ],
}


@pytest.mark.parametrize("name", names())
def test_a_study_asks_for_networks_and_losses_that_exist(name):
    study = read_study(name)
    for variant in study.variants:
        recipe = study.recipe(variant)
        known = losses_of(build(recipe.model.name, recipe.model.arguments))
        assert {stage.loss for stage in recipe.stages} <= known.keys()


def test_variants_share_all_but_what_they_say():
    study = Study.model_validate(TOYS)
    one, two = (study.recipe(variant) for variant in study.variants)
    assert [stage.loss for stage in one.stages] == ["noise", "rounding"]
    assert [stage.loss for stage in two.stages] == ["noise", "noise"]
    assert one.data == two.data
    assert [stage.steps for stage in one.stages] == [stage.steps for stage in two.stages]


def test_equal_trainings_have_one_digest():
    study = Study.model_validate(TOYS)
    one, two = study.variants

    def digest(variant, wavelet_start=False):
        return Training(study.recipe(variant), wavelet_start).digest()

    assert digest(one) == digest(one.model_copy(update={"title": "uno", "group": "Italian"}))
    others = [digest(two), digest(one.model_copy(update={"seed": 1})), digest(one, True)]
    assert len({digest(one), *others}) == 4


def test_stages_keep_their_shares():
    study = Study.model_validate(TOYS).scaled(50)
    assert [stage.steps for stage in study.stages] == [40, 10]
    assert [stage.warm_up for stage in study.stages] == [10, 2]
    assert study.steps == 50


ODD = {**TOYS["variants"][1], "title": "odd", "losses": {"c": "noise"}}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"stages": [{"name": "a", "loss": "noise", "minutes": 1, "rate": 1e-3}]}, "have steps"),
        ({"variants": TOYS["variants"][:1] * 2}, "same title"),
        ({"variants": TOYS["variants"][:1]}, "at least 2"),
        ({"variants": [*TOYS["variants"], ODD]}, "no stage c"),
    ],
)
def test_what_can_not_be_compared_is_refused(change, text):
    with pytest.raises(ValidationError, match=text):
        Study.model_validate({**TOYS, **change})


def test_a_study_that_does_not_exist_is_refused(studies):
    assert names() == ["toys"]
    with pytest.raises(RecipeError, match=r"games\.toml"):
        read_study("games")
