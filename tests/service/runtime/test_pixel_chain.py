"""The walk over the shipped model: encoder and decoder see the same, and stay in range."""

import numpy as np
import pytest

from service.runtime.pixel_chain import LEVELS, PixelChain, Step, predict, slice_of, steps
from service.runtime.zoo import Zoo
from service.settings import Settings


@pytest.fixture(scope="module")
def model():
    return Zoo.open(Settings(provider="cpu", threads=1)).lossless()


def picture(patches, seed=0):
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:256, :256]
    luma = 128 + 90 * np.sin(row / 17 + np.arange(patches)[:, None, None]) * np.cos(column / 23)
    values = np.stack([luma, luma / 3 - 40, 30 - luma / 4], -1)
    values = values + rng.normal(0, 3, values.shape)
    return np.clip(np.rint(values), [0, -255, -255], 255).astype(np.int32)


def encoded(model, values, grey=False):
    """What an encoder's walk asks and answers: tables and symbols by step."""
    asked = {}

    def code(step, centres, tables):
        symbols = values[slice_of(step)] - centres
        asked[step] = centres.copy(), tables.copy(), symbols
        return symbols

    walked = PixelChain(model, len(values), grey).walk(code)
    assert (walked == values).all()
    return asked


def test_the_steps_cover_every_value_once():
    count = np.zeros((1, 256, 256, 3), int)
    for step in steps(grey=False):
        count[slice_of(step)] += 1
    assert (count == 1).all()
    assert next(iter(steps(grey=False))) == Step(LEVELS - 1, "a", 0)
    grey = np.zeros((1, 256, 256, 3), int)
    for step in steps(grey=True):
        grey[slice_of(step)] += 1
    assert (grey[..., 0] == 1).all() and not grey[..., 1:].any()


def test_symbols_lead_back_to_the_values(model):
    values = picture(2)
    asked = encoded(model, values)
    assert list(asked) == list(steps(grey=False))

    def decode(step, centres, tables):
        expected_centres, expected_tables, symbols = asked[step]
        assert (centres == expected_centres).all() and (tables == expected_tables).all()
        return symbols

    assert (PixelChain(model, 2, grey=False).walk(decode) == values).all()


def test_a_patch_does_not_depend_on_its_neighbours_in_the_batch(model):
    values = picture(3)
    together, alone = encoded(model, values), encoded(model, values[2:])
    for step, (centres, tables, _) in alone.items():
        assert (together[step][0][2:] == centres).all()
        assert (together[step][1][2:] == tables).all()


def test_a_chain_walks_again(model):
    values = picture(1)
    chain = PixelChain(model, 1, grey=False)
    first = chain.walk(lambda step, centres, tables: values[slice_of(step)] - centres).copy()
    again = chain.walk(lambda step, centres, tables: values[slice_of(step)] - centres)
    assert (first == again).all()


def test_grey_patches_have_one_component(model):
    values = picture(1)
    values[..., 1:] = 0
    asked = encoded(model, values, grey=True)
    assert {step.component for step in asked} == {0}


def test_tables_follow_what_the_picture_is_like(model):
    flat = np.full((1, 256, 256, 3), 77, np.int32)
    noise = np.random.default_rng(3).integers(0, 256, (1, 256, 256, 3)).astype(np.int32)

    def bits(values):
        asked = encoded(model, values).values()
        spent = [model.tables.bits(s.reshape(-1), t.reshape(-1)) for _, t, s in asked]
        return sum(spent) / 65536

    assert bits(flat) < 1
    assert bits(picture(1)) < 13
    # Noise cannot be coded in less than its 24 bits.
    assert 24 < bits(noise) < 32


@pytest.mark.parametrize("wild", [2**24 - 1, -(2**24) + 1])
def test_wild_symbols_stay_in_range_and_never_overflow(model, wild):
    def code(step, centres, tables):
        assert np.abs(centres).max() < 2**20
        return np.full(centres.shape, wild, np.int32)

    walked = PixelChain(model, 1, grey=False).walk(code)
    assert (walked.min((0, 1, 2)) >= [0, -255, -255]).all() and walked.max() <= 255


def test_predictions_repeat_the_edges():
    a = np.arange(16, dtype=np.int32).reshape(1, 4, 4, 1) * 10
    d = predict("d", {"a": a})
    assert d[0, 0, 0, 0] == (0 + 10 + 40 + 50 + 2) // 4
    assert d[0, 3, 3, 0] == 150
    b = predict("b", {"a": a, "d": d})
    assert b[0, 0, 0, 0] == (0 + 10 + 2 * d[0, 0, 0, 0] + 2) // 4
    c = predict("c", {"a": a, "d": d})
    assert c[0, 3, 0, 0] == (2 * 120 + 2 * d[0, 3, 0, 0] + 2) // 4
