"""Gains, quantisers and the values that symbols stand for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from service.errors import ModelUnavailable
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo
from service.settings import Settings
from tests.service.runtime.conftest import Copy

ZOO = Settings(_env_file=None).zoo_path


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


@pytest.fixture
def rounding(copy: Copy) -> LossyModel:
    """A model of before there was a trellis."""
    return copy.open().by_name(None)


def drawn(model: LossyModel) -> tuple[np.ndarray, np.ndarray]:
    """Values and tables of a group, (P, h, w, n)."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 5, (4, 16, 16, 12)).astype(np.float32)
    return values, rng.integers(0, len(model.tables), values.shape).astype(np.uint8)


def test_rounding_takes_a_neighbour_and_leans_towards_zero(rounding: LossyModel) -> None:
    values, tables = drawn(rounding)
    symbols = rounding.quantiser.quantise(values, tables)
    assert symbols.dtype == np.int32
    nearest = np.rint(values)
    assert (np.abs(symbols) <= np.abs(nearest)).all()
    assert (np.abs(symbols) >= np.maximum(np.abs(nearest) - 1, 0)).all()
    assert (np.abs(symbols) < np.abs(nearest)).any()
    assert np.array_equal(rounding.quantiser.quantise(-values, tables), -symbols)


def test_without_a_rate_rounding_is_to_the_nearest(copy: Copy) -> None:
    copy.change_card(lambda card: card["lossy"].update(rate_weight=0.0))
    model = copy.open().by_name(None)
    values = np.random.default_rng(0).normal(0, 3, 4096).astype(np.float32)
    tables = np.zeros(4096, np.uint8)
    assert np.array_equal(model.quantiser.quantise(values, tables), np.rint(values))


def test_a_bins_point_lies_within_reach_of_its_bin(rounding: LossyModel) -> None:
    symbols = np.tile(np.arange(-50, 51, dtype=np.int32), (len(rounding.tables), 1))
    tables = np.repeat(np.arange(len(rounding.tables), dtype=np.uint8)[:, None], 101, axis=1)
    points = rounding.quantiser.reconstruct(symbols, tables)
    assert points.dtype == np.float32
    assert (points[:, 50] == 0).all()
    assert np.array_equal(points, -points[:, ::-1])
    assert np.abs(points - symbols).max() <= 1
    assert (np.diff(points, axis=1) > 0).all()


def test_a_trellis_leads_near_to_every_value(model: LossyModel) -> None:
    values, tables = drawn(model)
    tables //= 2  # not those of values by far the largest
    symbols = model.quantiser.quantise(values, tables)
    assert symbols.dtype == np.int32
    shown = model.quantiser.reconstruct(symbols, tables)
    assert shown.dtype == np.float32
    assert np.abs(shown - values).max() < 2.5
    assert np.sqrt(np.square(shown - values).mean()) < 0.5


def test_a_trellis_shows_what_the_document_says(model: LossyModel) -> None:
    rng = np.random.default_rng(1)
    symbols = rng.integers(-6, 7, (2, 3, 5, 4)).astype(np.int32)
    tables = rng.integers(0, len(model.tables), symbols.shape).astype(np.uint8)
    with np.load(model.card.pinned(ZOO / "lite" / model.card.version, "tables.npz")) as arrays:
        centroids = arrays["reconstruction"]
    found = model.quantiser.reconstruct(symbols, tables)
    for patch in range(2):
        flat, chosen = symbols[patch].ravel().tolist(), tables[patch].ravel().tolist()
        m: list[int] = []
        for i, s in enumerate(flat):
            before = [m[i - 2] if i >= 2 else 0, m[i - 5] if i >= 5 else 0]
            m.append(before[0] ^ before[1] ^ (flat[i - 3] & 1 if i >= 3 else 0))
            shift = centroids[chosen[i], min(max(s, -3), 3) + 3]
            expected = (s - 0.25 + shift) * (-1 if m[i] else 1)
            assert found[patch].ravel()[i] == pytest.approx(expected, abs=1e-5)


def spoilt(arrays: dict) -> None:
    arrays["reconstruction"][5, 1] = np.nan


def wider(arrays: dict) -> None:
    arrays["reconstruction"] = np.zeros((64, 5), np.float32)


def words(arrays: dict) -> None:
    arrays["half_widths"] = np.array(["six"] * 64)


@pytest.mark.parametrize("change", [spoilt, wider, words])
def test_tables_that_are_none_are_refused(copy: Copy, change: Callable[[dict], None]) -> None:
    copy.change_arrays("tables.npz", change)
    copy.pin("tables.npz")
    with pytest.raises(ModelUnavailable, match=r"tables\.npz"):
        copy.open().by_name(None)


def test_a_trellis_without_its_tables_is_refused(copy: Copy) -> None:
    copy.change_card(lambda card: card["lossy"].update(quantiser="trellis"))
    with pytest.raises(ModelUnavailable, match="top_half_widths"):
        copy.open().by_name(None)


def test_an_unknown_quantiser_is_refused(copy: Copy) -> None:
    copy.change_card(lambda card: card["lossy"].update(quantiser="lattice"))
    with pytest.raises(ModelUnavailable, match="lattice"):
        copy.open().by_name(None)


def test_a_scalar_quantiser_goes_unsaid(copy: Copy) -> None:
    """Digests of the models of before depend on it."""
    card = copy.open().by_name(None).card
    assert card.lossy.quantiser == "scalar"
    assert "quantiser" not in card.model_dump()["lossy"]
    digest = card.digest
    copy.change_card(lambda card: card["lossy"].update(quantiser="scalar"))
    assert copy.open().by_name(None).card.digest == digest
