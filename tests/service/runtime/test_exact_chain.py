"""Groups fold and unfold, offsets are integers, and a patch's tables depend on that patch alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.runtime.card import GroupCard
from service.runtime.exact_chain import ExactChain, ExactLevel, GroupLayout, layouts_of
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo


@pytest.fixture(scope="module")
def model(zoo: Zoo) -> LossyModel:
    return zoo.by_name(None)


@pytest.fixture(scope="module")
def features(model: LossyModel) -> np.ndarray:
    """Features of five patches, (5, 16, 16, F)."""
    rng = np.random.default_rng(0)
    symbols = np.rint(rng.laplace(0, 1.5, (1, 4, 20, model.anatomy.top_channels)))
    (found,) = model.features.run(symbols=symbols.astype(np.float32))
    return np.ascontiguousarray(found.reshape(16, 5, 16, -1).transpose(1, 0, 2, 3))


def tables_of(
    model: LossyModel, features: np.ndarray, quality: np.ndarray, symbols: np.ndarray
) -> list[np.ndarray]:
    """Tables of all groups for symbols (P, 16, 16, C)."""
    chain = ExactChain(model.lower, features, quality)
    found = []
    for group, layout in enumerate(model.lower.layouts):
        found.append(chain.tables(group))
        chain.absorb(layout.unfold(symbols))
    return found


@pytest.fixture(scope="module")
def symbols(model: LossyModel) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.rint(rng.laplace(0, 1, (5, 16, 16, model.anatomy.channels))).astype(np.int32)


QUALITY = np.array([64, 130, 512, 0, 511])


def test_folding_follows_the_format() -> None:
    """Channel k f^2 + i f + j at a position is channel k at row i, column j of its cell."""
    layout = GroupLayout(start=5, native=2, fold=4)
    y = np.random.default_rng(0).integers(0, 1000, (3, 16, 16, 40))
    native = layout.unfold(y)
    assert native.shape == (3, 64, 64, 2)
    for k, i, j, row, column in [(0, 0, 0, 0, 0), (1, 2, 3, 7, 9), (0, 3, 1, 15, 15)]:
        expected = y[:, row, column, 5 + 16 * k + 4 * i + j]
        assert np.array_equal(native[:, 4 * row + i, 4 * column + j, k], expected)
    back = np.zeros_like(y)
    layout.fold_into(back, native)
    assert np.array_equal(back[..., 5:37], y[..., 5:37])
    assert not back[..., :5].any()
    assert not back[..., 37:].any()


def test_layouts_lie_one_after_another(model: LossyModel) -> None:
    groups = [GroupCard(name="a", channels=3, fold=1), GroupCard(name="b", channels=32, fold=4)]
    assert layouts_of(groups) == (GroupLayout(0, 3, 1), GroupLayout(3, 2, 4))
    layouts = model.lower.layouts
    assert layouts[0].start == 0
    assert [x.channels.stop for x in layouts[:-1]] == [x.start for x in layouts[1:]]
    assert layouts[-1].channels.stop == model.anatomy.channels


def level_with(offsets: np.ndarray) -> ExactLevel:
    channels = offsets.shape[1]
    return ExactLevel([GroupCard(name="a", channels=channels, fold=1)], [], offsets, 64)


@given(
    st.lists(st.integers(-(2**20), 2**20), min_size=2, max_size=9),
    st.integers(0, 512),
)
def test_offsets_between_anchors_are_integers(anchors: list[int], quality64: int) -> None:
    level = level_with(np.array(anchors, np.int32)[:, None])
    found = level.index_offset(quality64, 0)
    assert found.dtype == np.int32
    low = min(quality64 // 64, len(anchors) - 2)
    part = quality64 - 64 * low
    expected = (anchors[low] * (64 - part) + anchors[low + 1] * part + 32) // 64
    assert found.tolist() == [expected]


def test_offsets_at_anchors_are_the_anchors() -> None:
    offsets = np.random.default_rng(0).integers(-2000, 2000, (9, 7)).astype(np.int32)
    level = level_with(offsets)
    for anchor in range(9):
        assert np.array_equal(level.index_offset(64 * anchor, 0), offsets[anchor])


def test_offsets_must_fit_the_groups() -> None:
    with pytest.raises(ValueError, match="4 channels"):
        ExactLevel([GroupCard(name="a", channels=4, fold=1)], [], np.zeros((9, 3), np.int32), 64)


def test_indices_are_floored_and_clipped_to_tables() -> None:
    level = level_with(np.zeros((9, 1), np.int32))
    index = np.array([-(2.0**24), -17, -1, 0, 15, 16, 1007, 1008, 1023, 1024, 2.0**24], np.float32)
    found = level.to_tables(index[:, None], np.zeros(1, np.int32))
    assert found.dtype == np.uint8
    assert found[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 62, 63, 63, 63, 63]
    moved = level.to_tables(index[:, None], np.array([16], np.int32))
    assert moved[:, 0].tolist() == [0, 0, 0, 1, 1, 2, 63, 63, 63, 63, 63]


def test_a_better_quality_means_wider_tables(
    model: LossyModel, features: np.ndarray, symbols: np.ndarray
) -> None:
    found = [
        np.concatenate(
            [t.ravel() for t in tables_of(model, features, np.full(5, q), symbols)]
        ).mean()
        for q in (64, 192, 320, 448)
    ]
    assert found == sorted(found)


def test_a_patchs_tables_depend_on_that_patch_alone(
    model: LossyModel, features: np.ndarray, symbols: np.ndarray
) -> None:
    together = tables_of(model, features, QUALITY, symbols)
    for patch in range(5):
        one = slice(patch, patch + 1)
        alone = tables_of(model, features[one], QUALITY[one], symbols[one])
        for all_tables, tables in zip(together, alone, strict=True):
            assert np.array_equal(all_tables[one], tables)


def test_patches_may_leave_the_batch(
    model: LossyModel, features: np.ndarray, symbols: np.ndarray
) -> None:
    together = tables_of(model, features, QUALITY, symbols)
    chain = ExactChain(model.lower, features, QUALITY)
    live = np.arange(5)
    for group, layout in enumerate(model.lower.layouts):
        chosen = np.array([patch + group < 8 for patch in live])  # the last one leaves first
        chain.keep(chosen)
        live = live[chosen]
        assert np.array_equal(chain.tables(group), together[group][live])
        chain.absorb(layout.unfold(symbols)[live])
    assert live.tolist() == [0, 1]


def test_a_group_sees_the_groups_before_it_and_none_behind(
    model: LossyModel, features: np.ndarray, symbols: np.ndarray
) -> None:
    before = tables_of(model, features, QUALITY, symbols)
    for changed, layout in enumerate(model.lower.layouts):
        other = symbols.copy()
        other[..., layout.channels] += 40
        after = tables_of(model, features, QUALITY, other)
        same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
        assert all(same[: changed + 1])
        assert changed == len(same) - 1 or not all(same[changed + 1 :])
