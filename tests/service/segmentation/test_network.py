"""Flips: the network sees each, and its opinions are averaged where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from service.errors import BadParameter
from service.segmentation.network import blade_probability
from tests.service.segmentation.bright import BrightModel


class LeftOfIt(BrightModel):
    """Believes in the left half, whatever it sees: what no flip may hide."""

    def probability(self, pictures: np.ndarray) -> np.ndarray:
        believed = super().probability(pictures) * 0
        believed[..., :384] = 1
        return believed


@pytest.fixture
def working() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (512, 768, 3), dtype=np.uint8)


@pytest.mark.parametrize("flips", [1, 2, 4])
def test_a_network_without_a_side_answers_the_same_for_any_flips(working, flips: int) -> None:
    model = BrightModel()
    found = blade_probability(model, working, flips)
    alone = BrightModel().probability(working.transpose(2, 0, 1)[None].astype(np.float32))[0]
    np.testing.assert_allclose(found, alone, atol=1e-6)
    assert found.dtype == np.float32
    assert len(model.seen) == flips
    assert len({picture.tobytes() for picture in model.seen}) == flips


def test_opinions_are_turned_back_and_averaged(working) -> None:
    assert blade_probability(LeftOfIt(), working, 1)[:, :384].min() == 1
    for flips in (2, 4):
        np.testing.assert_array_equal(blade_probability(LeftOfIt(), working, flips), 0.5)


@pytest.mark.parametrize("flips", [0, 3, -1])
def test_other_numbers_are_refused(working, flips: int) -> None:
    with pytest.raises(BadParameter):
        blade_probability(BrightModel(), working, flips)


def test_the_checkpoint_is_called_between_runs(working) -> None:
    calls = []
    blade_probability(BrightModel(), working, 2, lambda *call: calls.append(call))
    assert calls == [("network", 0, 2), ("network", 1, 2), ("network", 2, 2)]
