import numpy as np
import pytest
import torch
from PIL import Image

from models.export.__main__ import KNOWN_SIZE, main
from models.networks.bunet import BUNet
from models.train import main as train
from service.runtime.card import read_card
from service.runtime.segmentation_answers import (
    check_segmentation_answers,
    read_segmentation_answers,
)
from service.runtime.segmentation_model import SegmentationModel
from service.runtime.sessions import Device

RECIPE = """
[model]
name = "bunet"
[model.arguments]
widths = [2, 2, 2, 2]
[data]
kind = "pairs"
crop = [128, 128]
batch = 2
[data.shares]
turbines = 1.0
[[stages]]
name = "small"
loss = "focal_crf"
steps = 2
rate = 1e-2
[[stages]]
name = "full"
loss = "focal_crf"
steps = 2
rate = 1e-2
crop = [128, 256]
batch = 1
"""
CARD = """
description = "Four steps of training."
licence = "Apache-2.0"
data = "Bars."
weaknesses = ["Everything."]
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    for home in ("turbines/0", "turbines/1", "validation/turbines/2"):
        place, name = (folder / "data" / home).parent, home[-1]
        pixels = rng.integers(0, 100, (160, 260, 3), np.uint8)
        mask = np.zeros((160, 260), np.uint8)
        mask[:, 100:130] = 255
        pixels[mask > 0] += 120
        for kind, array in (("images", pixels), ("masks", mask)):
            (place / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(place / kind / f"{name}.png")
    (folder / "bunet.toml").write_text(RECIPE)
    (folder / "card.toml").write_text(CARD)
    where = ["--data", str(folder / "data"), "--out", str(folder / "run")]
    assert train([str(folder / "bunet.toml"), *where]) == 0
    return folder


def export(folder, out):
    options = {
        "weights": folder / "run/weights.pt",
        "recipe": folder / "bunet.toml",
        "data": folder / "data",
        "out": out,
        "card": folder / "card.toml",
    }
    return main([text for key, value in options.items() for text in (f"--{key}", str(value))])


@pytest.fixture(scope="module")
def entry(trained):
    assert export(trained, trained / "zoo/bunet/1") == 0
    return trained / "zoo/bunet/1"


def test_the_card_says_what_was_trained_on_what(entry):
    card = read_card(entry)
    assert (card.name, card.version, card.kind) == ("bunet", "1", "segmentation")
    assert (card.segmentation.height, card.segmentation.width) == (512, 768)
    assert card.training["data"] == "Bars."
    assert card.training["crops"]["shares"] == {"turbines": 1.0}
    small, full = card.training["stages"]
    assert (small["stage"], full["stage"]) == ("small", "full")
    assert full["crop"] == [128, 256]
    assert full["batch"] == 1


def test_the_graph_answers_as_the_trained_network_does(entry, trained):
    network = BUNet([2, 2, 2, 2])
    network.load_state_dict(torch.load(trained / "run/weights.pt", weights_only=True)["weights"])
    network.eval()
    model = SegmentationModel(entry, read_card(entry), Device("cpu", 1))
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, 3, 512, 768)).astype(np.float32)
    with torch.no_grad():
        logit = network(torch.from_numpy(pictures))[:, 0]
    fit = model.card.training["calibration"]
    expected = (logit * fit["slope"] + fit["offset"]).sigmoid().numpy()
    assert fit["pictures"] == 1
    assert fit["slope"] != 1
    assert np.abs(model.probability(pictures) - expected).max() < 1e-4
    assert expected.std() > 0


def test_known_answers_hold_and_tell_another_network(entry):
    model = SegmentationModel(entry, read_card(entry), Device("cpu", 1))
    picture, probability = read_segmentation_answers(entry)
    assert picture.shape == (*KNOWN_SIZE, 3)
    check_segmentation_answers(model, picture, probability)
    assert np.abs(probability - 0.5).max() < 0.5


def test_the_same_weights_make_the_same_entry(entry, trained, tmp_path):
    assert export(trained, tmp_path / "bunet/1") == 0
    for name in ("model.json", "model.onnx", "known_answers.npz"):
        assert (tmp_path / "bunet/1" / name).read_bytes() == (entry / name).read_bytes()


def test_an_entry_is_never_written_over(entry, trained, capsys):
    assert export(trained, entry) == 1
    assert "taken" in capsys.readouterr().err
