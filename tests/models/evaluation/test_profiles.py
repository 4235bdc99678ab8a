"""The profiles beside each other, through the command, the paper's lossy model being a tiny one."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from models.evaluation.__main__ import main
from models.evaluation.closeups import SIDE, finest_detail, without_outline
from models.evaluation.markdown import BEGIN, END
from models.evaluation.masks import is_mask
from models.evaluation.profiles_report import as_markdown, short
from service.settings import get_settings

from .conftest import photograph


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two pictures with masks beside them; one of them is blade all over."""
    folder = tmp_path_factory.mktemp("pictures")
    Image.fromarray(photograph(300, 600)).save(folder / "half.png")
    blade = np.zeros((300, 600), np.uint8)
    blade[:, 300:420] = 255
    Image.fromarray(blade).save(folder / "half.mask.png")
    Image.fromarray(photograph(90, 120, seed=4)).save(folder / "whole.png")
    Image.fromarray(np.full((90, 120), 255, np.uint8)).save(folder / "whole.mask.png")
    return folder


@pytest.fixture(scope="module")
def results(pictures, paper_zoo_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BLADESTREAM_ZOO_PATH", str(paper_zoo_folder))
        patched.setenv("BLADESTREAM_THREADS", "1")
        get_settings.cache_clear()
        words = ["profiles", "--images", pictures, "--masks", pictures, "--out", out]
        assert main(list(map(str, words))) == 0
    get_settings.cache_clear()
    return out


@pytest.fixture(scope="module")
def report(results):
    return json.loads((results / "profiles.json").read_text())


def test_both_profiles_code_the_same_pictures_and_every_byte_is_counted(report):
    assert list(report["images"]["pictures"]) == ["half.png", "whole.png"]
    assert set(report["profiles"]) == {"default", "roi-eml"}
    for profile in report["profiles"].values():
        half, whole = profile["pictures"]
        for row in (half, whole):
            assert sum(row["layers"].values()) == row["bytes"]
            assert row["encode_seconds"]["total"] > row["encode_seconds"]["verify"] > 0
            assert row["decode_seconds"]["lossless"] > 0
        assert half["blade_pixels"] == 256 * 300
        assert half["background_pixels"] == 600 * 300 - 256 * 300
        assert half["blade_bpp"] == pytest.approx(
            8 * half["layers"]["blade"] / (256 * 300), abs=1e-4
        )
        assert (whole["background_bpp"], whole["background_psnr"]) == (None, None)
        assert sum(profile["layers"].values()) == profile["bytes"]
        assert profile["bpp"] == pytest.approx(
            8 * profile["bytes"] / (600 * 300 + 90 * 120), abs=1e-4
        )


def test_only_the_paper_s_chain_lends(report):
    default, paper = (report["profiles"][name]["pictures"][0] for name in ("default", "roi-eml"))
    assert default["lent_bytes"] == default["filler_bytes"] == 0
    assert paper["lent_bytes"] > 0
    assert paper["models"] == ["hp-easn-deep/1", "bitswap/1"]
    assert paper["layers"]["background"] >= paper["lent_bytes"]


def test_the_documents_say_what_was_measured(results, report):
    text = (results / "profiles.md").read_text()
    assert text == as_markdown(report)
    row = "blade, bits a blade pixel"
    figures = (f"{each['blade_bpp']:.3f}" for each in report["profiles"].values())
    assert f"| {row} | {' | '.join(figures)} |" in text
    assert "| half.png | 43% |" in text
    assert str(results.parent) not in report["command"]
    assert "![Pieces of blade](docs/profiles.png)" in short(report, "docs")
    with Image.open(results / "profiles.png") as sheet:
        assert sheet.mode == "L"
        assert sheet.width > 4 * SIDE
    lossy = report["closeups"][0]["panels"][1:3]
    assert 0 < lossy[0]["blade_bpp"] < lossy[1]["blade_bpp"]


def test_the_readme_shows_the_profiles(results, report, tmp_path):
    folder, readme = tmp_path / "results", tmp_path / "README.md"
    folder.mkdir()
    shutil.copy(results / "profiles.json", folder / "profiles.json")
    readme.write_text(f"{BEGIN}\n{END}\n")
    assert main(["tables", "--results", str(folder), "--readme", str(readme)]) == 0
    assert readme.read_text() == f"{BEGIN}\n{short(report, folder.as_posix())}\n{END}\n"


def test_the_finest_detail_is_on_the_blade_and_not_its_outline():
    grey = np.zeros((300, 400))
    grey[:, 200:] = 200  # the outline: a stronger edge than any detail
    grey[120:160:4, 300:340] += 20
    grey[:100, :100] += np.arange(100) % 2 * 90  # detail of the background
    blade = np.zeros(grey.shape, bool)
    blade[:, 200:] = True
    top, left = finest_detail(grey, without_outline(blade))
    assert 300 <= left + SIDE // 2 <= 340
    assert 120 <= top + SIDE // 2 <= 160
    assert finest_detail(grey[:20, :30], blade[:20, :30]) == (0, 0)


def test_masks_are_told_by_their_names():
    assert is_mask("blade-tip.mask.png")
    assert not is_mask("blade-tip.jpg")
    assert not is_mask("mask.png")
