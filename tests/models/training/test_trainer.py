import pytest
import torch

from models.layers.exact import exact_layers
from models.training import trainer as module
from models.training.recipe import RecipeError
from models.training.trainer import DivergedError, Trainer
from tests.models.training.toy import CPU, HP, Toy, lines, recipe, stage

pytestmark = pytest.mark.usefixtures("toy")


def test_a_stage_hands_on_the_average_of_its_weights(crops, tmp_path, monkeypatch):
    seen = []
    update = module.WeightAverage.update

    def watched(self):
        update(self)
        seen.append([value.clone() for value in self.values])

    monkeypatch.setattr(module.WeightAverage, "update", watched)
    trainer = Trainer(recipe(stage()), crops, tmp_path, CPU)
    trainer.run()
    assert torch.equal(trainer.model.colour.detach(), seen[-1][0])


def test_frozen_parts_do_not_move(crops, tmp_path):
    trainer = Trainer(recipe(stage(parts=["colour"])), crops, tmp_path, CPU)
    before = trainer.model.other.weight.detach().clone()
    trainer.run()
    assert torch.equal(trainer.model.other.weight.detach(), before)
    assert (trainer.model.colour != 0).all()


def test_a_part_learns_at_its_share_of_the_rate(crops, tmp_path):
    def moved(folder, **changes):
        trainer = Trainer(recipe(stage(steps=1, warm_up=1, **changes)), crops, folder, CPU)
        before = trainer.model.colour.detach().clone()
        trainer.run()
        return float((trainer.model.colour - before).abs().max().detach())

    # Adam's first step is the rate, whatever the gradient.
    whole = moved(tmp_path / "whole")
    assert moved(tmp_path / "tenth", part_rates={"colour": 0.1}) == pytest.approx(
        whole / 10, rel=1e-3
    )


def test_a_run_that_keeps_failing_stops(crops, tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "broken_steps", frozenset(range(5, 1000)))
    trainer = Trainer(recipe(stage(steps=100)), crops, tmp_path, CPU)
    with pytest.raises(DivergedError, match="20 steps"):
        trainer.run()
    assert trainer.model.calls == 4 + 20
    assert torch.isfinite(trainer.model.colour).all()


def test_one_stage_alone(crops, tmp_path):
    plan = recipe(stage(), stage("second"))
    assert not Trainer(plan, crops, tmp_path, CPU).run("second")
    assert {row["stage"] for row in lines(tmp_path)} == {"second"}
    assert not (tmp_path / "weights.pt").exists()
    assert Trainer(plan, crops, tmp_path, CPU).run()
    assert [row["stage"] for row in lines(tmp_path)].count("second") == 5


def test_an_exact_stage_settles_and_switches_the_exact_layers(crops, tmp_path):
    plan = recipe(
        stage(loss="noise", steps=1, rate=1e-4),
        stage("exact", loss="noise", steps=1, rate=1e-4, exact=True),
        model=HP,
    )
    trainer = Trainer(plan, crops, tmp_path, CPU)
    trainer.run("first")
    assert not any(layer.exact for layer in exact_layers(trainer.model))
    trainer = Trainer(plan, crops, tmp_path, CPU)
    trainer.run()
    layers = exact_layers(trainer.model)
    assert all(layer.exact for layer in layers)
    assert all(layer.observed > 0 for layer in layers if not layer.raw)


@pytest.mark.parametrize(
    ("plan", "match"),
    [
        (recipe(stage(loss="fti")), "no loss 'fti'; there are fit"),
        (recipe(stage(), stage("second", parts=["color"])), "no part 'color'"),
    ],
)
def test_a_recipe_that_does_not_fit_its_network_fails_at_once(plan, match, crops, tmp_path):
    with pytest.raises(RecipeError, match=match):
        Trainer(plan, crops, tmp_path, CPU)


def test_an_unknown_stage_is_refused(crops, tmp_path):
    with pytest.raises(RecipeError, match="no stage 'third'"):
        Trainer(recipe(stage()), crops, tmp_path, CPU).run("third")
