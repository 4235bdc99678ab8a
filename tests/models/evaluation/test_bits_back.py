"""The comparisons of bits-back, with a model without networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.evaluation import bits_back
from models.evaluation.__main__ import main
from models.evaluation.bits_back import blade_masks
from models.evaluation.latents import CountedModel, evidence_bound, initial_bits
from service.codec.grid import Grid
from service.codec.stacks import block_values, blocks_of
from service.runtime.zoo import Zoo
from tests.service.codec.coding import textured
from tests.service.codec.conftest import ToyZoo
from tests.service.codec.latent_toy import ToyModel


def test_bit_swap_takes_less_at_first_and_costs_the_same() -> None:
    pixels = textured(128, 128)
    blocks = np.stack([block_values(pixels, window) for window in blocks_of(Grid(128, 128), 0)])
    first: list[float] = []
    for latents in (1, 2, 3):
        model = ToyModel(latents)
        swap, swap_net = initial_bits(model, blocks, False, recursive=False)
        plain, plain_net = initial_bits(model, blocks, False, recursive=True)
        first.append(float(swap.mean()))
        assert plain.mean() == pytest.approx(latents * swap.mean(), rel=0.05)
        assert plain_net.mean() == pytest.approx(swap_net.mean(), rel=0.02)
        bound = evidence_bound(model, pixels)
        assert swap_net.sum() == pytest.approx(bound, rel=0.01, abs=64)
    assert first[2] == pytest.approx(first[0], rel=0.02)


def test_the_bound_counts_what_lies_within_the_picture() -> None:
    """A strip of one pixel: latents cost what they cost, pixels next to nothing."""
    strip, whole = (evidence_bound(ToyModel(1), textured(rows, 64)) for rows in (1, 64))
    assert 0 < strip < whole / 5


def test_calls_are_counted() -> None:
    model = CountedModel(ToyModel(2))
    model.posterior(1, np.zeros((2, 64, 64, 3), np.int32))
    model.prior(2, None, 2)
    model.prior(1, np.zeros((2, 16, 16, 4), np.int32), 2)
    assert model.calls == 2


def test_masks_go_from_one_patch_to_all() -> None:
    found = dict(blade_masks(Grid(256 * 4, 256 * 3)))
    assert [int(mask.sum()) for mask in found.values()] == [1, 2, 3, 6, 9, 12]
    previous = np.zeros((3, 4), bool)
    for mask in found.values():
        assert mask[previous].all()
        previous = mask


def test_the_command_writes_its_three_files(
    tmp_path: Path, zoo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Zoo, "open", lambda settings: ToyZoo(zoo_folder))
    monkeypatch.setattr(bits_back, "SHARES", (0.0, 0.5, 1.0))
    (tmp_path / "pictures").mkdir()
    Image.fromarray(textured(420, 600)).save(tmp_path / "pictures" / "one.png")
    words = ["bits-back", "--images", str(tmp_path / "pictures"), "--out", str(tmp_path / "out")]
    assert main([*words, "--side", "500", "--model", "toy", "--against", "toy"]) == 0
    report = json.loads((tmp_path / "out" / "bits_back.json").read_text())
    assert report["pictures"] == ["one.png"]
    rows = {(row["way"], row["share"]): row for row in report["arrangements"]}
    assert len(rows) == 9
    half = {way: rows[way, 0.5] for way in ("sequential", "alone", "lent")}
    assert [row["stacks"] for row in half.values()] == [1, 2, half["lent"]["stacks"]]
    assert half["lent"]["filler_bits"] < half["sequential"]["filler_bits"]
    assert half["sequential"]["filler_bits"] < half["alone"]["filler_bits"]
    assert half["lent"]["file_bytes"] < half["alone"]["file_bytes"]
    assert half["sequential"]["encode_calls"] > half["alone"]["encode_calls"]
    assert report["models"][0]["bound_bits"] == pytest.approx(
        report["models"][0]["file_bits"], rel=0.02
    )
    text = (tmp_path / "out" / "bits_back.md").read_text()
    assert "sequential chaining" in text
    assert "--against toy" in text
    lossy, lossless = report["lossy_model"], report["models"][0]["model"]
    assert (lossy.partition("/")[0], lossless) == ("lite", f"toy/{report['model']['version']}")
    assert f"background `{lossy}`" in text
    assert f"| `{lossless}` |" in text
    assert (tmp_path / "out" / "bits_back.png").stat().st_size > 5000


def test_a_model_without_latents_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bits-back", "--images", str(tmp_path), "--out", str(tmp_path), "--model", "pyramid"]
    assert main(words) == 1
    assert "has no latents" in capsys.readouterr().err
