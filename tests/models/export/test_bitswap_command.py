"""From pictures to the zoo by the two commands, as a person would do it."""

import pytest
import torch

from models.export import __main__ as module
from models.export.__main__ import main
from models.train import main as train
from service.runtime.latent_model import LatentModel
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo

RECIPE = """
[model]
name = "bitswap"
[model.arguments]
width = 8
depth = 1
fine_width = 6
fine_depth = 1
inference_width = 8
link_width = 8
[data]
crop = [128, 128]
batch = 1
validation_share = 0
[[stages]]
name = "rate"
loss = "rate"
steps = 2
rate = 1e-3
bf16 = true
"""
CARD = """
description = "Two steps of training."
licence = "Apache-2.0"
data = "Coloured squares."
weaknesses = ["Everything."]
"""


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    squares = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
    pixels = squares.repeat_interleave(16, 1).repeat_interleave(16, 2).permute(1, 2, 0)
    data = b"P6\n256 256\n255\n" + pixels.contiguous().numpy().tobytes()
    (folder / "one.ppm").write_bytes(data)
    return folder


def test_a_recipe_becomes_a_model_of_the_zoo(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOSSLESS_PATCHES", 2)
    recipe, card = tmp_path / "tiny.toml", tmp_path / "card.toml"
    recipe.write_text(RECIPE)
    card.write_text(CARD)
    run, entry = tmp_path / "run", tmp_path / "zoo" / "bitswap" / "1"
    data = ["--data", str(pictures)]
    assert train([str(recipe), *data, "--out", str(run), "--device", "cpu"]) == 0
    options = ["--weights", str(run / "weights.pt"), "--recipe", str(recipe), "--card", str(card)]
    assert main([*options, *data, "--out", str(entry)]) == 0
    model = Zoo(tmp_path / "zoo", Device("cpu", 1), "lite").lossless("bitswap")
    assert isinstance(model, LatentModel)
    assert model.card.training["stages"][0]["steps"] == 2
