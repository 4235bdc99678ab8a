import math

import numpy as np
import pytest
import torch

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


def test_the_clock_counts_the_outermost_method_once():
    class Nest(Toy):
        def upper_latents(self, rgb):
            return self.hyper_analysis(rgb)

        def hyper_analysis(self, rgb):
            return busy(rgb)

        def measure(self, rgb, quality):
            self.upper_latents(rgb)
            return super().measure(rgb, quality)

    def busy(rgb):
        for _ in range(200):
            rgb = rgb + torch.sin(rgb)
        return rgb

    clock, model = Clock(), Nest()
    with torch.no_grad(), clock.on(model):
        model.measure(torch.zeros(1, 3, 256, 256), torch.tensor([1.0]))
    # Counted twice, what is left would be negative.
    assert 0 <= clock.without(("upper_latents", "hyper_analysis")) <= clock.whole
    assert clock.without(("hyper_analysis",)) == clock.whole
    assert "upper_latents" not in vars(model)
