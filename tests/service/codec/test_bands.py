"""Bands of the upper level come back, or say that they are damaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec.bands import (
    along_columns,
    band_rows,
    decode_band,
    encode_band,
    encode_bands,
    from_columns,
)
from service.codec.grid import Grid
from service.codec.lossy import analyse, derive_upper, quantise_upper
from service.codec.options import no_checkpoint
from service.errors import BadStream
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo
from tests.service.codec.coding import textured


@pytest.fixture(scope="module")
def model(zoo: Zoo) -> LossyModel:
    return zoo.by_name(None)


def groups_of(model: LossyModel) -> int:
    return len(model.upper.layouts) if model.upper is not None else 1


def test_bands_come_back(model: LossyModel) -> None:
    grid = Grid(256, 5 * 256)
    y = analyse(model, textured(grid.height, grid.width), grid, no_checkpoint)
    upper = quantise_upper(model, y, 5)
    channels = model.anatomy.top_channels
    assert upper.symbols.shape == (20, 4, channels)
    streams = encode_bands(model, upper.symbols, 5, 2)
    assert [stream.groups for stream in streams] == [groups_of(model)] * 3
    bands = [
        decode_band(model, stream.data, stream.groups, 5, (rows, 4, channels))
        for stream, rows in zip(streams, (8, 8, 4), strict=True)
    ]
    assert np.array_equal(np.concatenate(bands), upper.symbols)
    again = derive_upper(model, np.concatenate(bands), 5)
    assert np.array_equal(again.features, upper.features)
    assert np.array_equal(again.means, upper.means)
    assert upper.means.shape == (80, 16, model.anatomy.mean_channels)
    assert np.array_equal(upper.features, np.rint(upper.features))


@pytest.mark.parametrize("anchor", [0, 1, 8])
@pytest.mark.parametrize("size", [(4, 4), (4, 60), (36, 4)])
def test_any_symbols_come_back(model: LossyModel, anchor: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(anchor)
    shape = (*size, model.anatomy.top_channels)
    for spread in (0.3, 5, 3_000):
        symbols = np.rint(rng.laplace(0, spread, shape)).astype(np.int32)
        stream = encode_band(model, symbols, anchor)
        assert np.array_equal(
            decode_band(model, stream.data, stream.groups, anchor, shape), symbols
        )


def test_a_band_of_zeros_is_an_empty_stream(model: LossyModel) -> None:
    symbols = np.zeros((8, 4, model.anatomy.top_channels), np.int32)
    symbols[5] = 3
    streams = encode_bands(model, symbols, 2, 1)
    assert (streams[0].data, streams[0].groups) == (b"", 0)
    shape = symbols[:4].shape
    assert np.array_equal(decode_band(model, b"", 0, 2, shape), symbols[:4])
    found = decode_band(model, streams[1].data, streams[1].groups, 2, shape)
    assert np.array_equal(found, symbols[4:])


def test_damaged_bands_are_refused(model: LossyModel) -> None:
    rng = np.random.default_rng(0)
    shape = (4, 4, model.anatomy.top_channels)
    symbols = np.rint(rng.laplace(0, 2, shape)).astype(np.int32)
    stream = encode_band(model, symbols, 3)
    for place in range(0, len(stream.data), 7):
        damaged = bytearray(stream.data)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(BadStream):
            decode_band(model, bytes(damaged), stream.groups, 3, shape)
    for wrong in (stream.data[:-4], b"", b"\xff" * 4_000):
        with pytest.raises(BadStream):
            decode_band(model, wrong, stream.groups, 3, shape)
    with pytest.raises(BadStream, match="A band has"):
        decode_band(model, stream.data, stream.groups + 1, 3, shape)


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 4), st.integers(0, 9)
)
@settings(max_examples=60, deadline=None)
def test_differences_add_up_again(
    rows: int, columns: int, channels: int, coded: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    symbols = rng.integers(-(2**20), 2**20, (rows, columns, channels)).astype(np.int32)
    differences = along_columns(symbols, min(coded, channels))
    assert differences.dtype == np.int32
    assert np.array_equal(from_columns(differences, min(coded, channels)), symbols)
    assert np.array_equal(differences[..., coded:], symbols[..., coded:])


def test_a_slope_becomes_a_constant() -> None:
    symbols = (10 * np.arange(5)[:, None] + 3 * np.arange(4) + 7).astype(np.int32)[..., None]
    differences = along_columns(symbols, 1)[..., 0]
    assert differences[0].tolist() == [7, 3, 3, 3]
    assert (differences[1:] == 10).all()


@pytest.mark.parametrize(
    ("width", "height", "rows"), [(1, 1, 1), (6720, 4480, 9), (256 * 300, 512, 1), (256, 9000, 36)]
)
def test_a_band_holds_a_few_hundred_patches(width: int, height: int, rows: int) -> None:
    assert band_rows(Grid(width, height)) == rows
