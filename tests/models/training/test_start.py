import pytest
import torch

from models.networks.hyperprior import Hyperprior
from models.networks.lite import Lite
from models.networks.masked_lite import MaskedLite
from models.training import checkpoints
from models.training.recipe import Recipe, RecipeError
from models.training.start import start_from

SMALL = {"widths": (6, 6, 4), "features": 4, "restoration_width": 6, "restoration_blocks": 1}


def recipe(stage: str = "tuned", model: str = "lite-ms-ssim", **arguments: object) -> Recipe:
    return Recipe.model_validate(
        {
            "model": {"name": model, "arguments": {**SMALL, **arguments}},
            "data": {"batch": 1},
            "stages": [{"name": stage, "loss": "prior", "steps": 1, "rate": 1e-3}],
        }
    )


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "weights.pt"
    state = {"weights": Lite(**SMALL).state_dict(), "record": [{"stage": "prior", "steps": 7}]}
    checkpoints.save(path, state)
    return path


def test_weights_and_record_are_carried_over_and_steps_are_the_networks_own(weights, tmp_path):
    start_from(weights, recipe(), tmp_path / "run")
    state = checkpoints.load(tmp_path / "run" / "checkpoint.pt")
    there = checkpoints.load(weights)["weights"]
    name = "restoration.enter.weight"
    assert torch.equal(state["weights"][name], there[name])
    gains = MaskedLite(**SMALL).gains_y.logarithm
    assert torch.equal(state["weights"]["gains_y.logarithm"], gains)
    assert not torch.equal(gains, there["gains_y.logarithm"])
    assert state["finished"] == [{"stage": "prior", "steps": 7}]


def test_standard_begins_with_lites_prior_and_goes_on_with_its_own(weights, tmp_path):
    start_from(weights, recipe(model="standard"), tmp_path / "run")
    state = checkpoints.load(tmp_path / "run" / "checkpoint.pt")
    there, here = checkpoints.load(weights)["weights"], state["weights"]
    for name, rows in (("heads.1.weight", slice(0, 3)), ("blocks.1.wide.weight", slice(None))):
        name = f"prior.scales.0.{name}"
        assert torch.equal(here[name], there[name][rows])
    again = tmp_path / "again.pt"
    checkpoints.save(again, {"weights": here, "record": []})
    start_from(again, recipe(model="standard"), tmp_path / "next")
    carried = checkpoints.load(tmp_path / "next" / "checkpoint.pt")["weights"]
    assert all(torch.equal(carried[name], value) for name, value in here.items())


def test_a_run_under_way_goes_on(weights, tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"mine")
    start_from(weights, recipe(), tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == b"mine"


def test_what_does_not_fit_is_told(weights, tmp_path):
    with pytest.raises(RecipeError, match="does not fit lite-ms-ssim"):
        start_from(weights, recipe(features=5), tmp_path / "run")
    with pytest.raises(RecipeError, match="went through prior already"):
        start_from(weights, recipe(stage="prior"), tmp_path / "run")
    with pytest.raises(RecipeError, match="does not fit standard"):
        start_from(weights, recipe(model="standard", features=5), tmp_path / "run")
    hyperprior = tmp_path / "hp.pt"
    checkpoints.save(hyperprior, {"weights": Hyperprior(6, 10).state_dict(), "record": []})
    with pytest.raises(RecipeError, match="does not fit standard"):
        start_from(hyperprior, recipe(model="standard"), tmp_path / "run")
    (tmp_path / "other.pt").write_bytes(b"no checkpoint")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("other.pt", "list.pt"):
        with pytest.raises(RecipeError, match="not what a finished training run leaves"):
            start_from(tmp_path / name, recipe(), tmp_path / "run")
