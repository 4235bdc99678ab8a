import pytest
import torch

from models.training import trainer as module
from models.training.recipe import Recipe, RecipeError
from models.training.sources import open_source
from models.training.trainer import Trainer
from tests.models.training.toy import CPU, HP, Toy, after, lines, recipe, stage, weights

pytestmark = pytest.mark.usefixtures("toy")
LITE = {
    "name": "lite",
    "arguments": {
        "widths": [4, 4, 2],
        "features": 2,
        "restoration_width": 4,
        "restoration_blocks": 1,
    },
}


def without_times(rows):
    return [
        {k: v for k, v in row.items() if "second" not in k and k != "share_of_peak"} for row in rows
    ]


@pytest.mark.parametrize(
    "plan",
    [
        recipe(stage(), stage("second", parts=["colour"])),
        recipe(
            stage(loss="noise", rate=1e-3, steps=5, channels_last=True, bf16=True),
            stage("exact", loss="rounding", rate=1e-4, steps=5, exact=True),
            model=HP,
        ),
        recipe(
            stage(loss="prior", rate=1e-3, steps=3, parts=["top", "prior"], bf16=True),
            stage("exact", loss="prior", rate=1e-4, steps=3, parts=["top", "prior"], exact=True),
            stage("restoration", loss="restoration", rate=1e-3, steps=3, parts=["restoration"]),
            model=LITE,
        ),
    ],
    ids=["toy", "hp", "lite"],
)
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(plan, crops, tmp_path):
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    assert Trainer(plan, crops, whole, CPU).run()
    runs = 0
    while not Trainer(plan, crops, pieces, CPU, after(3)).run():
        runs += 1
    assert runs >= 3
    expected, found = weights(whole), weights(pieces)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_run_on_pairs_resumes_from_one_size_of_views_to_the_next(sets, tmp_path):
    plan = Recipe.model_validate(
        {
            "model": {"name": "bunet", "arguments": {"widths": [2, 2, 2, 2]}},
            "data": {"kind": "pairs", "crop": [64, 128], "batch": 2, "shares": {"turbines": 1.0}},
            "stages": [
                stage(loss="focal_crf", steps=4, crop=(64, 64), batch=1, channels_last=True),
                stage("full", loss="focal_crf", steps=4),
            ],
        }
    )
    source = open_source(plan.data, sets, tmp_path / "cache")
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    assert Trainer(plan, source, whole, CPU).run()
    assert not Trainer(plan, source, pieces, CPU, after(6)).run()
    assert Trainer(plan, source, pieces, CPU).run()
    expected, found = weights(whole), weights(pieces)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    rows = lines(whole)
    assert {row["stage"] for row in rows if "validation" in row} == {"first", "full"}


def test_steps_that_are_run_again_are_written_once(crops, tmp_path):
    plan = recipe(stage(steps=10))
    Trainer(plan, crops, tmp_path / "whole", CPU).run()
    killed = Trainer(plan, crops, tmp_path / "killed", CPU, after(7))
    killed._save = lambda save=killed._save: save() if killed._running["step"] == 4 else None
    assert not killed.run()  # the last checkpoint is that of step 4, the metrics are at 7
    assert Trainer(plan, crops, tmp_path / "killed", CPU).run()
    assert without_times(lines(tmp_path / "killed")) == without_times(lines(tmp_path / "whole"))


def test_a_finished_run_has_nothing_left_to_do(crops, tmp_path):
    plan = recipe(stage())
    Trainer(plan, crops, tmp_path, CPU).run()
    before = weights(tmp_path)
    assert Trainer(plan, crops, tmp_path, CPU).run()
    assert torch.equal(weights(tmp_path)["colour"], before["colour"])


def test_a_share_that_the_recipe_changed_holds_for_what_is_left(crops, tmp_path):
    still, moving = (recipe(stage(steps=4, part_rates={"colour": x})) for x in (1e-9, 1.0))
    Trainer(still, crops, tmp_path, CPU, after(1)).run()
    trainer = Trainer(moving, crops, tmp_path, CPU)
    before = trainer.model.colour.detach().clone()
    trainer.run()
    assert float((trainer.model.colour - before).abs().max().detach()) > 1e-6


def test_a_run_begins_with_published_weights_and_goes_on_with_its_own(crops, tmp_path, monkeypatch):
    published = Toy().state_dict() | {"colour": torch.tensor([5.0, 6.0, 7.0])}
    monkeypatch.setattr(Toy, "load_pretrained", Toy.load_state_dict, raising=False)
    monkeypatch.setattr(module, "pretrained_weights", {"package": published}.__getitem__)
    plan = recipe(stage(), model={"name": "toy", "pretrained": "package"})
    first = Trainer(plan, crops, tmp_path, CPU, after(2))
    assert torch.equal(first.model.colour, published["colour"])
    first.run()
    again = Trainer(plan, crops, tmp_path, CPU)
    assert not torch.equal(again.model.colour, published["colour"])


def test_another_stage_can_not_cut_in(crops, tmp_path):
    plan = recipe(stage(), stage("second"))
    assert not Trainer(plan, crops, tmp_path, CPU, after(3)).run()
    with pytest.raises(RecipeError, match="'first' is under way"):
        Trainer(plan, crops, tmp_path, CPU).run("second")


def test_a_checkpoint_of_another_network_is_refused(crops, tmp_path):
    Trainer(recipe(stage()), crops, tmp_path, CPU).run()
    other = recipe(stage(loss="noise"), model=HP)
    with pytest.raises(RecipeError, match=r"another \[model\]"):
        Trainer(other, crops, tmp_path, CPU)
