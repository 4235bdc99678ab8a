import json
import signal

import pytest

from models.networks.hyperprior import Hyperprior
from models.train import main

RECIPE = """
[model]
name = "hp"
arguments = {N = 4, M = 4, width = 4, features = 4}
[data]
batch = 1
[[stages]]
name = "only"
loss = "noise"
steps = 2
rate = 1e-3
"""


@pytest.fixture(autouse=True)
def signals_as_before():
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


@pytest.fixture
def command(tmp_path, pictures):
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    out = tmp_path / "out"
    fixed = [str(path), "--data", str(pictures), "--out", str(out), "--device", "cpu"]
    return lambda *more: main([*fixed, *more]), out


def test_pictures_are_looked_for_in_data(command, tmp_path, pictures, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    short = ["tiny.toml", "--device", "cpu"]
    assert main(short) == 1
    assert "data: no picture" in capsys.readouterr().err
    (tmp_path / "data").symlink_to(pictures)
    assert main(short) == 0
    assert (tmp_path / "runs" / "tiny" / "weights.pt").exists()


def test_a_recipe_is_trained_and_gone_on_with(command, capsys):
    train, out = command
    assert train("--minutes", "0") == 0
    assert "goes on" in capsys.readouterr().err
    assert not (out / "weights.pt").exists()
    assert train() == 0
    assert (out / "weights.pt").exists()
    steps = [json.loads(line)["step"] for line in (out / "metrics.jsonl").open()]
    assert steps[0] == 1
    assert steps[-1] == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("more", [("--stage", "none"), ("--data", "/nowhere")])
def test_what_can_not_be_done_is_said_in_one_line(command, capsys, more):
    train, _ = command
    assert train(*more) == 1
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("train: ")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_and_saves(command, capsys, monkeypatch, kind):
    train, out = command
    loss = Hyperprior.losses

    def interrupted(self):
        noise = loss(self)["noise"]
        return {"noise": lambda rgb: (signal.raise_signal(kind), noise(rgb))[1]}

    monkeypatch.setattr(Hyperprior, "losses", interrupted)
    assert train() == 0
    assert "goes on" in capsys.readouterr().err
    assert [json.loads(line)["step"] for line in (out / "metrics.jsonl").open()] == [1]
    monkeypatch.setattr(Hyperprior, "losses", loss)
    assert train() == 0
    assert (out / "weights.pt").exists()


def test_a_second_signal_interrupts_at_once(command, monkeypatch):
    train, _ = command

    def impatient(self):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Hyperprior, "losses", impatient)
    with pytest.raises(KeyboardInterrupt):
        train()
