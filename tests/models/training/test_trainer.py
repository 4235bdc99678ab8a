import json

import pytest
import torch
from torch import nn

from models.layers.exact import exact_layers
from models.networks import registry
from models.training import trainer as module
from models.training.recipe import Recipe, RecipeError
from models.training.sources import open_source
from models.training.trainer import DivergedError, Trainer

CPU = torch.device("cpu")


def recipe(*stages, model=None):
    return Recipe.model_validate(
        {
            "model": model or {"name": "toy"},
            "data": {"crop": [256, 256], "batch": 2, "validation_share": 0.25},
            "stages": stages,
        }
    )


def stage(name="first", **changes):
    return {"name": name, "loss": "fit", "steps": 6, "rate": 0.05, "warm_up": 2} | changes


class Toy(nn.Module):
    """Learns the mean colour, from noise that makes every step differ."""

    broken_steps = frozenset()

    def __init__(self):
        super().__init__()
        self.colour = nn.Parameter(torch.zeros(3))
        self.other = nn.Linear(1, 1)
        self.calls = 0

    def losses(self):
        return {"fit": self.fit}

    def fit(self, rgb):
        if torch.is_grad_enabled():
            self.calls += 1
        target = rgb.mean((0, 2, 3)) / 255 + 0.1 * torch.randn(3)
        value = (self.colour - target).square().sum() + self.other.weight.square().sum()
        if self.calls in self.broken_steps and torch.is_grad_enabled():
            value = value * float("nan")
        return value, {"seen": 1.0}


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(registry.ARCHITECTURES, "toy", Toy)
    monkeypatch.setattr(Toy, "broken_steps", frozenset())
    monkeypatch.setattr(module, "LOG_EVERY", 2)
    monkeypatch.setattr(module, "SAVE_EVERY", 4)


def after(steps):
    """A stop that is asked after so many steps."""
    count = iter(range(1, 10**6))
    return lambda: next(count) >= steps


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)["weights"]


def without_times(rows):
    return [{k: v for k, v in row.items() if "second" not in k} for row in rows]


HP = {"name": "hp", "arguments": {"N": 4, "M": 6, "width": 4, "features": 4}}
LITE = {
    "name": "lite",
    "arguments": {
        "widths": [4, 4, 2],
        "features": 2,
        "restoration_width": 4,
        "restoration_blocks": 1,
    },
}


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


def test_metrics_and_record_say_what_was_done(crops, tmp_path):
    Trainer(recipe(stage(steps=5)), crops, tmp_path, CPU).run()
    rows = lines(tmp_path)
    training = [row for row in rows if "validation" not in row]
    assert [row["step"] for row in training] == [2, 4, 5]
    for row in training:
        assert {"stage", "seconds", "pictures_per_second", "loss", "seen"} <= set(row)
        assert row["skipped"] == 0
    assert [row["step"] for row in rows if "validation" in row] == [4, 5]
    (record,) = torch.load(tmp_path / "weights.pt", weights_only=True)["record"]
    assert record["steps"] == 5
    assert record["pictures"] == len(crops.training)


def test_validation_leaves_training_as_it_was(crops, tmp_path, monkeypatch):
    plan = recipe(stage())
    Trainer(plan, crops, tmp_path / "with", CPU).run()
    monkeypatch.setattr(crops, "validation", [])
    Trainer(plan, crops, tmp_path / "without", CPU).run()
    assert torch.equal(
        weights(tmp_path / "with")["colour"], weights(tmp_path / "without")["colour"]
    )


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


def test_a_step_without_a_finite_loss_is_skipped_and_counted(crops, tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "broken_steps", frozenset({3}))
    trainer = Trainer(recipe(stage(steps=4)), crops, tmp_path, CPU)
    assert trainer.run()
    assert torch.isfinite(trainer.model.colour).all()
    rows = [row for row in lines(tmp_path) if "validation" not in row]
    assert [row["skipped"] for row in rows] == [0.0, 0.5]


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


def test_another_stage_can_not_cut_in(crops, tmp_path):
    plan = recipe(stage(), stage("second"))
    assert not Trainer(plan, crops, tmp_path, CPU, after(3)).run()
    with pytest.raises(RecipeError, match="'first' is under way"):
        Trainer(plan, crops, tmp_path, CPU).run("second")


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


def test_a_checkpoint_of_another_network_is_refused(crops, tmp_path):
    Trainer(recipe(stage()), crops, tmp_path, CPU).run()
    other = recipe(stage(loss="noise"), model=HP)
    with pytest.raises(RecipeError, match=r"another \[model\]"):
        Trainer(other, crops, tmp_path, CPU)


def test_an_unknown_stage_is_refused(crops, tmp_path):
    with pytest.raises(RecipeError, match="no stage 'third'"):
        Trainer(recipe(stage()), crops, tmp_path, CPU).run("third")
