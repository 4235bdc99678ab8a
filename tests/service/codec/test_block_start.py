from dataclasses import replace

import numpy as np
import pytest

from service.codec import lossless
from service.codec.block_start import STARTS, cheapest_start, turned, turned_back
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions
from tests.conftest import Photograph


@pytest.mark.parametrize("there", [(0, 0), (3, 5), (0, 8), (15, 8), (12, 1)])
def test_the_start_is_found_row_by_column(there):
    asked = []

    def cost(start):
        asked.append(start)
        misses = [(a - b) % 8 != 0 for a, b in zip(start, there, strict=True)]
        halves = [a != b for a, b in zip(start, there, strict=True)]
        return 100 + 20 * sum(misses) + sum(halves)

    assert cheapest_start(cost) == there
    assert len(asked) <= 20
    assert all(0 <= row < STARTS and 0 <= column < STARTS for row, column in asked)


def test_nothing_is_turned_for_nothing():
    assert cheapest_start(lambda start: 1.0) == (0, 0)


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 20, 3), (256, 256, 3)])
def test_turning_is_undone(shape):
    values = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    for start in ((0, 0), (3, 11), (15, 15)):
        moved = turned(values, start)
        assert np.array_equal(turned_back(moved, start), values)
        row, column = start[0] % shape[0], start[1] % shape[1]
        assert np.array_equal(moved[0, 0], values[row, column])


def test_a_jpeg_is_not_searched_for_its_own_blocks(
    encoder: Encoder, decoder: Decoder, tip: Photograph, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []

    def search(cost):
        searched.append(cost)
        return (0, 0)

    monkeypatch.setattr(lossless, "cheapest_start", search)
    picture = replace(tip.picture, pixels=np.ascontiguousarray(tip.picture.pixels[:128, :128]))
    options = CompressOptions(mode="roi-only")
    data = [
        encoder.compress(replace(picture, source_format=form), "full", options).data
        for form in ("jpeg", "png")
    ]
    assert len(searched) == 1
    assert data[0] == data[1]
    assert np.array_equal(decoder.decompress(data[0]).pixels, picture.pixels)
