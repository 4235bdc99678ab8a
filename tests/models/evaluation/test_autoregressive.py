"""Nested chains on sources whose rates are known in closed form."""

import json

import numpy as np
import pytest
from PIL import Image

from models.evaluation import autoregressive
from models.evaluation.__main__ import main
from models.evaluation.autoregressive import (
    LEVELS,
    ORDERS,
    SOURCES,
    at,
    coarse_to_fine,
    nested_bits,
    one_after_another,
)

AR, ARCH = SOURCES


def covariances(lags):
    """Of the Gaussian source, by lag 0..lags - 1 (Yule-Walker)."""
    c1, c2 = AR.coefficients
    first = c1 / (1 - c2)
    found = [1.0, first]
    while len(found) < lags:
        found.append(c1 * found[-1] + c2 * found[-2])
    return np.array(found) * AR.level / (1 - c1 * first - c2 * found[2])


def closed_form(period, steps):
    """Rate of a chain of Gaussians with free means: mean entropy given what each step knows."""
    covariance = covariances(400)
    rate = 0.0
    for residues, offsets in steps:
        own = covariance[np.abs(np.subtract.outer(offsets, offsets)).astype(int)]
        cross = covariance[np.abs(np.array(offsets, int))]
        explained = cross @ np.linalg.solve(own, cross) if offsets else 0.0
        entropy = 0.5 * np.log2(2 * np.pi * np.e * (covariance[0] - explained))
        rate += len(residues) / period * entropy
    return rate


@pytest.fixture(scope="module")
def sequences():
    return {s.name: (s.draw(2**14, 0), s.draw(2**14, 1)) for s in SOURCES}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_gaussian_chains_spend_what_theory_says(sequences, order, levels):
    period, steps = ORDERS[order](levels)
    spent = nested_bits(*sequences["ar"], period, steps, free_means=True)
    assert len(spent) == levels
    assert sum(spent) == pytest.approx(closed_form(period, steps), abs=0.05)


def test_the_source_itself_is_a_chain_of_one_step_a_symbol(sequences):
    """Given all before, as an autoregressive model: the entropy rate of the innovations."""
    entropy = 0.5 * np.log2(2 * np.pi * np.e * AR.level)
    assert AR.own_bits(sequences["ar"][1]).mean() == pytest.approx(entropy, abs=0.03)
    past = [([0], [-1, -2, -3])]
    assert sum(nested_bits(*sequences["ar"], 1, past, free_means=True)) == pytest.approx(
        entropy, abs=0.03
    )


def test_scales_alone_are_enough_where_neighbours_tell_nothing_else(sequences):
    past = [([0], [-1, -2, -3])]
    optimum = ARCH.own_bits(sequences["arch"][1]).mean()
    alone = sum(nested_bits(*sequences["arch"], 1, past, free_means=False))
    factorized = sum(nested_bits(*sequences["arch"], 1, [([0], [])], free_means=False))
    assert alone == pytest.approx(optimum, abs=0.01)
    assert factorized > optimum + 0.2

    entropy = 0.5 * np.log2(2 * np.pi * np.e * AR.level)
    assert sum(nested_bits(*sequences["ar"], 1, past, free_means=False)) > entropy + 1


@pytest.mark.parametrize("order", ORDERS)
def test_every_symbol_is_decoded_once_from_what_is_known(order):
    for levels in LEVELS[order]:
        period, steps = ORDERS[order](levels)
        assert len(steps) == levels
        known: set[int] = set()
        for residues, offsets in steps:
            for residue in residues:
                assert {(residue + offset) % period for offset in offsets} <= known
            assert not known & set(residues)
            known |= set(residues)
        assert known == set(range(period))


def test_orders_in_small():
    assert one_after_another(2) == (2, [([0], []), ([1], [-1, -3, -5, -7, 1, 3, 5, 7])])
    period, steps = coarse_to_fine(3)
    assert period == 4
    assert [residues for residues, _ in steps] == [[0], [2], [1, 3]]
    assert steps[1][1] == [-2, -6, -10, -14, 2, 6, 10, 14]


def test_contexts_are_whole():
    now, context = at(np.arange(12.0), 4, [1], [-2, 3])
    assert now.tolist() == [5.0]
    assert context.tolist() == [[3.0, 8.0]]


def test_the_command_writes_its_three_files(tmp_path, monkeypatch):
    monkeypatch.setattr(autoregressive, "LENGTH", 2**12)
    short = {"one_after_another": (1, 2, 4), "coarse_to_fine": (1, 2, 3)}
    monkeypatch.setattr(autoregressive, "LEVELS", short)
    assert main(["autoregressive", "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "autoregressive.json").read_text())
    assert report["command"].startswith("python -m models.evaluation autoregressive --out ")
    for source in report["sources"]:
        assert len(source["runs"]) == 12
        for run in source["runs"]:
            assert sum(run["bits_by_level"]) == pytest.approx(run["bits"], abs=1e-3)
    text = (tmp_path / "autoregressive.md").read_text()
    gaussian = report["sources"][0]
    best = next(r for r in gaussian["runs"] if r["levels"] == 3 and r["free_means"])
    assert f"{best['bits']:.3f}" in text
    assert str(tmp_path) not in text
    with Image.open(tmp_path / "autoregressive.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        assert (np.abs(pixels - colour).max(2) < 12).sum() > 100
