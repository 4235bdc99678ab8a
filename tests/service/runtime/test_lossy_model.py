"""Gains, rounding and the points that stand for bins."""

from __future__ import annotations

import numpy as np
import pytest

from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo
from tests.service.runtime.conftest import Copy


@pytest.fixture(scope="module")
def model(zoo: Zoo) -> LossyModel:
    return zoo.by_name(None)


def test_gains_rise_and_are_geometric_between_anchors(model: LossyModel) -> None:
    for group, layout in enumerate(model.lower.layouts):
        gains = np.array([model.gain(q, group) for q in range(0, 513, 16)])
        assert gains.shape == (33, layout.native)
        assert (gains > 0).all()
        middle = np.sqrt(gains[0:-4:4] * gains[4::4])
        assert np.allclose(gains[2::4], middle, rtol=1e-5)
        assert (gains[-1] > gains[4]).all()


def test_there_are_nine_anchors(model: LossyModel) -> None:
    """q = 0, the base layer, to 8."""
    assert model.anchors == 9
    gains = np.array([model.top_gain(anchor) for anchor in range(9)])
    assert gains.shape == (9, model.anatomy.top_channels)
    assert (gains > 0).all()


def test_rounding_takes_a_neighbour_and_leans_towards_zero(model: LossyModel) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 5, (4, 16, 16, 12)).astype(np.float32)
    tables = rng.integers(0, len(model.tables), values.shape).astype(np.uint8)
    symbols = model.quantiser.quantise(values, tables)
    assert symbols.dtype == np.int32
    nearest = np.rint(values)
    assert (np.abs(symbols) <= np.abs(nearest)).all()
    assert (np.abs(symbols) >= np.maximum(np.abs(nearest) - 1, 0)).all()
    assert (np.abs(symbols) < np.abs(nearest)).any()
    assert np.array_equal(model.quantiser.quantise(-values, tables), -symbols)


def test_without_a_rate_rounding_is_to_the_nearest(copy: Copy) -> None:
    copy.change_card(lambda card: card["lossy"].update(rate_weight=0.0))
    model = copy.open().by_name(None)
    values = np.random.default_rng(0).normal(0, 3, 4096).astype(np.float32)
    tables = np.zeros(4096, np.uint8)
    assert np.array_equal(model.quantiser.quantise(values, tables), np.rint(values))


def test_a_bins_point_lies_within_reach_of_its_bin(model: LossyModel) -> None:
    symbols = np.tile(np.arange(-50, 51, dtype=np.int32), (len(model.tables), 1))
    tables = np.repeat(np.arange(len(model.tables), dtype=np.uint8)[:, None], 101, axis=1)
    points = model.quantiser.reconstruct(symbols, tables)
    assert points.dtype == np.float32
    assert (points[:, 50] == 0).all()
    assert np.array_equal(points, -points[:, ::-1])
    assert np.abs(points - symbols).max() <= 1
    assert (np.diff(points, axis=1) > 0).all()
