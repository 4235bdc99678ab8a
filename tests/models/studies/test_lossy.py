import math

import numpy as np
import pytest
import torch
from torch import nn

from models.studies.lossy import Clock, measure
from tests.models.studies.conftest import Toy, grey


def test_rates_and_distortion_by_quality():
    found = measure(Toy(cost=0.2), {"a": grey(256, 256), "b": grey(256, 512, seed=1)})
    assert found["quality"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert found["bpp"] == pytest.approx([0.2 * q for q in range(1, 9)], abs=1e-4)
    assert found["levels"]["y"] == pytest.approx([0.1 * q for q in range(1, 9)], abs=1e-4)
    # Decoded samples are whole numbers: 10 / q is rounded, and 10 / 4 either way.
    whole = {1: 10, 2: 5, 3: 3, 5: 2, 6: 2, 7: 1, 8: 1}
    for quality, away in whole.items():
        expected = 20 * math.log10(255 / away)
        assert found["psnr"][quality - 1] == pytest.approx(expected, abs=1e-2)
        assert found["pictures"]["b"]["psnr"][quality - 1] == pytest.approx(expected, abs=1e-2)
    clear = [found["ms_ssim"][quality - 1] for quality in whole]
    assert clear == sorted(clear) and clear[0] < clear[-1] < 1
    # lambda of quality 1 times 10^2, and its rate.
    assert found["loss"][0] == pytest.approx(0.0018 * 100 + 0.2, abs=1e-3)


def test_a_shown_picture_is_clipped():
    white = np.full((256, 256, 3), 250, np.uint8)
    white[::2] = 100
    found = measure(Toy(away=200.0), {"a": white})
    # 250 becomes 255 or 50, 100 becomes 255 or 0.
    expected = 10 * math.log10(255**2 / ((5**2 + 200**2 + 155**2 + 100**2) / 4))
    assert found["psnr"][0] == pytest.approx(expected, abs=1e-2)


class Work(nn.Module):
    """Keeps the processor busy for so many rounds."""

    def __init__(self, rounds):
        super().__init__()
        self.rounds = rounds

    def forward(self, x):
        for _ in range(self.rounds):
            x = torch.sin(x)
        return x


def test_the_clock_tells_transforms_of_all_levels_from_the_rest():
    model = nn.Module()
    model.g_a, model.g_s, model.above = Work(400), Work(100), nn.Module()
    model.above.h_a, model.prior = Work(400), Work(0)
    x, clock = torch.rand(100, 1000), Clock()
    with clock.on(model):
        for each in (model.g_a, model.above.h_a, model.prior, model.g_s):
            each(x)
    seconds = clock.without(("g_a", "h_a")), clock.without(("g_s",)), clock.whole
    assert 0 < seconds[0] < seconds[1] < seconds[2]
    model.g_a(x)
    assert clock.without(("g_a", "h_a")) == seconds[0]
