"""The lossless comparison, through the command, with the shipped models."""

import copy
import json

import numpy as np
import pytest
from PIL import Image

from models.evaluation import lossless as module
from models.evaluation.__main__ import main
from models.evaluation.lossless_report import as_markdown, short
from service.cli.exact_peers import exact_peers

from .conftest import photograph


@pytest.fixture(autouse=True)
def _few_peers(monkeypatch):
    monkeypatch.setattr(module, "exact_peers", lambda: exact_peers()[:2])


@pytest.fixture(autouse=True)
def _one_model(monkeypatch):
    shipped = module.newest

    def pyramid_alone(zoo):
        return {"bladestream pyramid": shipped(zoo)["bladestream pyramid"]}

    monkeypatch.setattr(module, "newest", pyramid_alone)


def run(*words, out):
    assert main(["lossless", *map(str, words), "--out", str(out)]) == 0
    return json.loads((out / "lossless.json").read_text())


def test_every_codec_is_given_the_same_pixels_and_counted(two_pictures, tmp_path):
    report = run("--images", two_pictures, out=tmp_path / "out")
    pictures = report["images"]["pictures"]
    assert {name: told["pixels"] for name, told in pictures.items()} == {
        "large.png": 176 * 200,
        "small.png": 90 * 120,
    }
    assert set(report["codecs"]) == {"bladestream pyramid", "png", "webp lossless"}
    for codec in report["codecs"].values():
        sizes = np.array(codec["bytes"])
        assert codec["bpp"] == pytest.approx(8 * sizes / [176 * 200, 90 * 120], abs=1e-4)
        assert codec["total_bpp"] == pytest.approx(8 * sizes.sum() / 46_000, abs=1e-4)
        assert codec["mean_bpp"] == pytest.approx(np.mean(codec["bpp"]), abs=1e-4)
    ours = report["codecs"]["bladestream pyramid"]
    for size, model in zip(ours["bytes"], ours["model_bytes"], strict=True):
        # Headers, digests and tables of contents on top of what the model asks for.
        assert 0 < size - model < 400
    assert ours["kilo_multiply_adds"] > 10
    text = (tmp_path / "out" / "lossless.md").read_text()
    assert text == as_markdown(report)
    assert f"| webp lossless | {report['codecs']['webp lossless']['total_bpp']:.3f} |" in text
    assert str(tmp_path) not in report["command"]
    assert Image.open(tmp_path / "out" / "lossless.png").width > 400


def test_the_readme_shows_a_column_a_folder(two_pictures, tmp_path):
    report = run("--images", two_pictures, out=tmp_path / "out")
    other = copy.deepcopy(report)
    other["images"]["folder"] = "elsewhere"
    other["codecs"]["png"]["total_bpp"] = 12.345
    text = short([report, other], "docs/lossless")
    figure = f"{report['codecs']['png']['total_bpp']:.2f}"
    assert f"| png | {figure} | 12.35 |" in text or f"| png | {figure} | 12.34 |" in text
    assert "2 of `elsewhere` (all of each)" in text
    assert "[elsewhere](docs/lossless/elsewhere/lossless.md)" in text
    assert "than the lossy files" not in text
    pictures = other["images"]["pictures"].values()
    for told in pictures:
        told["posted_bytes"] = told["width"] * told["height"] // 16
    assert "have a rate of: `elsewhere` 0.50 bits a pixel." in short([report, other], "docs")


def test_with_masks_only_their_patches_count(tmp_path):
    folder, masks = tmp_path / "pictures", tmp_path / "masks"
    folder.mkdir()
    masks.mkdir()
    Image.fromarray(photograph(300, 600)).save(folder / "one.png")
    blade = np.zeros((300, 600), np.uint8)
    blade[100:120, 300:310] = 255
    Image.fromarray(blade).save(masks / "one.bmp")
    report = run("--images", folder, "--masks", masks, out=tmp_path / "out")
    assert report["images"]["masks"]
    assert report["images"]["pictures"]["one.png"]["pixels"] == 256 * 256
    assert "their blade patches" in as_markdown(report)


def test_a_picture_without_a_mask_or_without_blade_is_said(two_pictures, tmp_path, capsys):
    masks = tmp_path / "masks"
    masks.mkdir()
    words = ["lossless", "--images", str(two_pictures), "--masks", str(masks)]
    words += ["--out", str(tmp_path / "out")]
    assert main(words) == 1
    assert "0 masks for large.png" in capsys.readouterr().err
    Image.fromarray(np.zeros((176, 200), np.uint8)).save(masks / "large.png")
    assert main(words) == 1
    assert "no blade" in capsys.readouterr().err


def test_a_jpeg_is_coded_by_its_coefficients_where_all_pictures_are_jpegs(
    two_pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        module, "newest", lambda zoo: {"bladestream jpeg-dct": zoo.lossless("jpeg-dct")}
    )
    jpegs = tmp_path / "jpegs"
    jpegs.mkdir()
    for path in sorted(two_pictures.glob("*.png")):
        Image.open(path).convert("RGB").save(jpegs / f"{path.stem}.jpg", quality=85)
    report = run("--images", jpegs, out=tmp_path / "out")
    assert set(report["codecs"]) - {module.TRANSCODED} == {
        "bladestream jpeg-dct",
        "png",
        "webp lossless",
    }
    ours = report["codecs"]["bladestream jpeg-dct"]
    assert ours["total_bpp"] < report["codecs"]["webp lossless"]["total_bpp"]
    for size, model in zip(ours["bytes"], ours["model_bytes"], strict=True):
        assert 0 < size - model < 500  # quantiser steps too
    # One that is none, and the model is left out: the others have figures of all pictures.
    Image.open(jpegs / "small.jpg").save(jpegs / "small.png")
    report = run("--images", jpegs, out=tmp_path / "again")
    assert set(report["codecs"]) == {"png", "webp lossless"}
    assert len(report["codecs"]["png"]["bpp"]) == 3
