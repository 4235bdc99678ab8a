"""A network that learns a colour and codes pictures at a fixed price, and a study of it."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models.networks import registry
from models.networks.measurement import Measurement
from models.studies import study as study_module


class Toy(nn.Module):
    """Spends ``cost`` bits a pixel times the quality, half of it on y.

    Every other pixel it shows is too bright, the others too dark, by ``away`` over the quality.
    """

    trained = 0

    def __init__(self, cost=0.1, away=10.0):
        super().__init__()
        self.cost, self.away = cost, away
        self.level = nn.Parameter(torch.zeros(3))

    def losses(self):
        return {"noise": self.fit, "rounding": self.fit}

    def fit(self, rgb):
        Toy.trained += 1
        return (self.level - rgb.mean((0, 2, 3)) / 255).square().sum(), {}

    def analysis(self, rgb):
        return rgb

    def synthesis(self, rgb, quality):
        rows, columns = torch.meshgrid(*map(torch.arange, rgb.shape[2:]), indexing="ij")
        return rgb + (1 - 2 * ((rows + columns) % 2)) * self.away / quality

    def measure(self, rgb, quality):
        size = rgb.shape[2] * rgb.shape[3]
        half = self.cost * size * quality / 2
        picture = self.synthesis(self.analysis(rgb), quality)
        return Measurement({"y": half, "z": half}, picture)


STUDY = """
title = "Toys"
question = "Which toy?"
claim = "Paper: the cheap one."
plotted = ["psnr", "ms_ssim"]

[data]
crop = [256, 256]
batch = 1
validation_share = 0

[[stages]]
name = "first"
loss = "noise"
steps = 4
rate = 0.1
warm_up = 2

[[stages]]
name = "last"
loss = "rounding"
steps = 2
rate = 0.1
warm_up = 0

[[variants]]
title = "dear"
model = { name = "toy", arguments = { cost = 0.2 } }

[[variants]]
title = "cheap"
model = { name = "toy", arguments = { cost = 0.1 } }
"""


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(registry.ARCHITECTURES, "toy", Toy)
    monkeypatch.setattr(Toy, "trained", 0)


@pytest.fixture
def studies(monkeypatch, tmp_path):
    """A folder of one study, toys.toml, in place of the package's."""
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "toys.toml").write_text(STUDY, encoding="utf-8")
    monkeypatch.setattr(study_module, "FOLDER", folder)
    return folder


def grey(height, width, seed=0):
    """A picture with detail that stays clear of black and white."""
    rng = np.random.default_rng(seed)
    return rng.integers(60, 180, (height, width, 3)).astype(np.uint8)


@pytest.fixture
def pictures(tmp_path):
    """A folder of two pictures, one of them larger than a multiple of 256."""
    folder = tmp_path / "held"
    folder.mkdir()
    Image.fromarray(grey(256, 256)).save(folder / "a.png")
    Image.fromarray(grey(300, 520)).save(folder / "b.png")
    return folder
