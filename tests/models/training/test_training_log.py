import logging

import pytest
import torch

from models.networks import registry
from models.training import throughput
from models.training.trainer import Trainer
from tests.models.training.toy import CPU, Toy, after, lines, recipe, stage, weights

pytestmark = pytest.mark.usefixtures("toy")


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


def test_the_log_and_the_record_tell_what_was_got_out_of_the_device(
    crops, tmp_path, monkeypatch, caplog
):
    class Multiplying(Toy):
        def fit(self, rgb):
            value, parts = super().fit(rgb)
            return value + self.other(torch.ones(5, 1)).square().sum(), parts

    monkeypatch.setitem(registry.ARCHITECTURES, "toy", Multiplying)
    monkeypatch.setattr(throughput, "peak", lambda device, dtype: 1e5)
    caplog.set_level(logging.INFO)
    Trainer(recipe(stage(steps=5)), crops, tmp_path, CPU).run()
    (record,) = torch.load(tmp_path / "weights.pt", weights_only=True)["record"]
    training = [row for row in lines(tmp_path) if "validation" not in row]
    assert len(training) == 3
    for told in (*training, record):
        # Five multiply-adds forwards and five for the weight's gradient, two pictures a step.
        per_picture = told["flops_per_second"] / told["pictures_per_second"]
        assert per_picture == pytest.approx(20 / 2, rel=1e-3)
        assert told["share_of_peak"] == pytest.approx(told["flops_per_second"] / 1e5, rel=1e-3)
    (line,) = [line for line in caplog.messages if line.startswith("first: ")]
    assert line.endswith("% of the device's peak")
    caplog.clear()
    assert not Trainer(recipe(stage()), crops, tmp_path / "stopped", CPU, after(1)).run()
    assert [line for line in caplog.messages if line.startswith("first: ")]


def test_validation_leaves_training_as_it_was(crops, tmp_path, monkeypatch):
    plan = recipe(stage())
    Trainer(plan, crops, tmp_path / "with", CPU).run()
    monkeypatch.setattr(crops, "validation", [])
    Trainer(plan, crops, tmp_path / "without", CPU).run()
    assert torch.equal(
        weights(tmp_path / "with")["colour"], weights(tmp_path / "without")["colour"]
    )


def test_a_step_without_a_finite_loss_is_skipped_and_counted(crops, tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "broken_steps", frozenset({3}))
    trainer = Trainer(recipe(stage(steps=4)), crops, tmp_path, CPU)
    assert trainer.run()
    assert torch.isfinite(trainer.model.colour).all()
    rows = [row for row in lines(tmp_path) if "validation" not in row]
    assert [row["skipped"] for row in rows] == [0.0, 0.5]
