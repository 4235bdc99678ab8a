import json

import pytest
import torch
from PIL import Image

from models.evaluation import exactness as module
from models.evaluation.__main__ import main
from models.evaluation.exactness import Rates
from models.layers.exact import exact_layers, set_exact
from models.networks.lite import Lite
from models.training import checkpoints
from tests.models import tiny
from tests.models.evaluation.conftest import photograph
from tests.models.tiny import scatter

ARGUMENTS = {
    "widths": [8, 6, 4],
    "features": 6,
    "restoration_width": 4,
    "restoration_blocks": 1,
}


@pytest.fixture
def network():
    made = Lite(**ARGUMENTS).eval()
    for part, seed in ((made.top, 1), (made.prior, 2), (made.top_prior, 3)):
        scatter(part, seed, spread=0.05)
    return made


@pytest.fixture
def rgb():
    return torch.from_numpy(photograph(256, 512)).permute(2, 0, 1)[None].float()


def write(network, path):
    recipe = {"model": {"name": "lite", "arguments": ARGUMENTS}}
    checkpoints.save(path, {"recipe": recipe, "weights": network.state_dict()})


@torch.no_grad()
def test_the_integer_account_is_the_float_account_where_arithmetic_is_float(
    network, rgb, monkeypatch
):
    # Whatever else the two count differently would show here.
    monkeypatch.setattr(module, "set_exact", lambda network, exact: None)
    rates = Rates(network, rgb, 4.3)
    real, whole = rates.in_integers()
    assert real == pytest.approx(rates.in_float(), rel=1e-6)
    assert whole != real


@torch.no_grad()
def test_the_upper_level_is_counted_in_both_arithmetics(network, rgb):
    rates = Rates(network, rgb, 4.3)
    both, both_in_integers = rates.in_float(), rates.in_integers()
    z = network.hyper_analysis(network.analysis(rgb)[:, : network.hyper_channels])
    symbols = torch.floor(
        z * torch.exp(network.gains_z(torch.tensor([4.0])))[:, :, None, None] + 0.5
    )
    tops = {}
    for exact in (False, True):
        set_exact(network, exact)
        tops[exact] = float(network.top_bits(symbols, torch.tensor([4.0])).sum())
    assert tops[False] != tops[True]
    network.top_prior = None  # as a network whose z has static tables
    rates = Rates(network, rgb, 4.3)
    assert both - rates.in_float() == pytest.approx(tops[False], rel=1e-3)
    real, whole = rates.in_integers()
    assert both_in_integers[0] - real == pytest.approx(tops[True], rel=1e-3)
    assert both_in_integers[1] > whole


@torch.no_grad()
def test_what_a_network_predicts_is_not_counted(rgb):
    standard = tiny.standard().eval()
    counted = Rates(standard, rgb, 4.0).in_float()
    measured = standard.measure(rgb, torch.tensor([4.0])).bits
    assert counted == pytest.approx(float(sum(measured.values())), rel=1e-4)


@torch.no_grad()
def test_coarse_integers_cost_bits(network, rgb):
    for layer in exact_layers(network):
        layer.input_bits.fill_(6)
    rates = Rates(network, rgb, 5.0)
    real, _ = rates.in_integers()
    assert 0 < abs(real - rates.in_float()) < 0.1 * rates.in_float()
    for layer in exact_layers(network):
        if not layer.raw:
            layer.input_bits.fill_(-4)
    coarse, _ = Rates(network, rgb, 5.0).in_integers()
    assert abs(coarse - rates.in_float()) > 2 * abs(real - rates.in_float())


def test_the_command_settles_and_reports(network, tmp_path, two_pictures):
    write(network, tmp_path / "weights.pt")
    calibration = tmp_path / "calibration"
    calibration.mkdir()
    Image.fromarray(photograph(256, 256, seed=9)).save(calibration / "one.png")
    arguments = ["exactness", "--checkpoint", str(tmp_path / "weights.pt")]
    arguments += ["--images", str(two_pictures), "--calibration", str(calibration)]
    arguments += ["--out", str(tmp_path / "out"), "--qualities", "2,6"]
    assert main(arguments) == 0
    report = json.loads((tmp_path / "out" / "exactness.json").read_text())
    assert report["pictures"] == 2
    assert [row["quality"] for row in report["qualities"]] == [2, 6]
    low, high = report["qualities"]
    assert 0 < low["float_bpp"] < high["float_bpp"]
    for row in report["qualities"]:
        price = 100 * (row["exact_bpp"] / row["float_bpp"] - 1)
        assert row["price_of_integers"] == pytest.approx(price, abs=0.02)
        assert abs(price) < 5
    assert str(tmp_path) not in report["command"]


def test_weights_that_are_not_settled_are_refused(network, tmp_path, two_pictures, capsys):
    write(network, tmp_path / "weights.pt")
    arguments = ["exactness", "--checkpoint", str(tmp_path / "weights.pt")]
    assert main([*arguments, "--images", str(two_pictures), "--out", str(tmp_path)]) == 1
    assert "--calibration" in capsys.readouterr().err


def test_settled_weights_need_no_calibration(network, tmp_path, two_pictures):
    for layer in exact_layers(network):
        if not layer.raw:
            layer.observed.fill_(4.0)
            layer.settle()
    write(network, tmp_path / "weights.pt")
    arguments = ["exactness", "--checkpoint", str(tmp_path / "weights.pt"), "--qualities", "3"]
    assert main([*arguments, "--images", str(two_pictures), "--out", str(tmp_path)]) == 0
