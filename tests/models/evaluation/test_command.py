import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.evaluation import cache, peers
from models.evaluation.__main__ import main
from models.evaluation.markdown import BEGIN, END
from models.evaluation.peers import JPEG, WEBP

KEPT = "before {} after\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Two peers of three settings."""
    short = [replace(JPEG, ladder=(10, 50, 95)), replace(WEBP, ladder=(0, 50, 97))]
    monkeypatch.setattr(peers, "available", lambda: (short, {"JPEG XL": "left out by a test"}))


@pytest.fixture
def report(two_pictures, tmp_path):
    arguments = ["--images", str(two_pictures), "--out", str(tmp_path / "out")]
    assert main(["rd", *arguments, "--qualities", "2,5,8"]) == 0
    return json.loads((tmp_path / "out" / "rd.json").read_text())


def test_rd_measures_both_pictures_with_every_codec(report, tmp_path):
    assert list(report["codecs"]) == ["bladestream-lite", "jpeg", "webp"]
    for codec in report["codecs"].values():
        assert list(codec["pictures"]) == ["large.png", "small.png"]
        for name, points in codec["pictures"].items():
            assert points["bytes"] == sorted(points["bytes"])
            assert points["psnr"] == sorted(points["psnr"])
            assert [value is None for value in points["ms_ssim"]] == 3 * [name == "small.png"]
            assert min(points["encode_seconds"] + points["decode_seconds"]) >= 0
        pixels = {"large.png": 176 * 200, "small.png": 90 * 120}
        for number, rate in enumerate(codec["curve"]["bpp"]):
            rates = [8 * codec["pictures"][name]["bytes"][number] / pixels[name] for name in pixels]
            assert rate == pytest.approx(np.mean(rates), abs=1e-4)
    assert report["codecs"]["bladestream-lite"]["settings"] == [2, 5, 8]
    assert list(report["models"]) == ["bladestream-lite"]
    assert [each["measure"] for each in report["comparisons"]] == ["psnr", "ms_ssim"]
    for each in report["comparisons"]:
        assert (each["codec"], list(each["bd_rate"])) == ("bladestream-lite", ["jpeg", "webp"])
    assert report["published"] == {}
    assert report["peers_left_out"] == {"JPEG XL": "left out by a test"}


def test_rd_says_how_it_was_made_without_telling_paths(report, tmp_path):
    assert report["command"] == (
        "python -m models.evaluation rd --images pictures --out out --qualities 2,5,8"
    )
    assert report["machine"]["cores"] >= 1
    assert {"bladestream", "numpy", "pillow", "python"} <= set(report["versions"])
    for name in ("rd.json", "rd.md"):
        assert str(tmp_path) not in (tmp_path / "out" / name).read_text()


def test_rd_draws_and_tabulates(report, tmp_path):
    with Image.open(tmp_path / "out" / "rd.png") as image:
        assert image.width > 900
        pixels = np.asarray(image.convert("RGB"))
    orange = np.all(np.abs(pixels.astype(int) - (0xE6, 0x9F, 0x00)) < 12, axis=2)
    assert orange.sum() > 100  # JPEG's curves and its line in the legend
    text = (tmp_path / "out" / "rd.md").read_text()
    point = report["codecs"]["bladestream-lite"]["curve"]
    assert f"| 5 | {point['bpp'][1]:.3f} | {point['psnr'][1]:.2f} |" in text
    assert "JPEG XL is left out: left out by a test." in text


def test_rd_codes_peers_once(report, two_pictures, tmp_path, monkeypatch):
    def again(peer, pixels):
        raise AssertionError("a peer was coded again")

    monkeypatch.setattr(cache, "run", again)
    arguments = ["--images", str(two_pictures), "--out", str(tmp_path / "out")]
    assert main(["rd", *arguments, "--qualities", "4,6"]) == 0
    second = json.loads((tmp_path / "out" / "rd.json").read_text())
    assert second["codecs"]["webp"] == report["codecs"]["webp"]


def test_tables_fill_the_readme(report, tmp_path):
    readme, out = tmp_path / "README.md", tmp_path / "out"
    readme.write_text(KEPT.format(f"{BEGIN}\nstale words\n{END}"))
    arguments = ["tables", "--results", str(out), "--readme", str(readme)]
    assert main(arguments) == 0
    text = readme.read_text()
    assert text.startswith("before ")
    assert text.endswith(" after\n")
    assert "stale" not in text
    assert report["command"] in text
    for codec in report["codecs"].values():
        assert f"{codec['seconds_a_megapixel']['encode']:.2f}" in text
    assert "exactness" not in text

    row = {"quality": 4.0, "float_bpp": 0.5, "exact_bpp": 0.6, "tables_bpp": 0.7}
    exact = {
        "command": "python -m models.evaluation exactness",
        "network": "lite",
        "versions": {},
        "qualities": [{**row, "price_of_integers": 20.0, "price_of_tables": 40.0}],
        "price_of_integers": 0.25,
        "price_of_tables": -0.5,
        "tables": 64,
        "pictures": 2,
        "folder": "pictures",
    }
    (out / "exactness.json").write_text(json.dumps(exact))
    assert main(arguments) == 0
    text = readme.read_text()
    assert "(`lite`)" in text
    assert "by +0.25 %; with each index cut to one of its 64 tables" in text
    assert "by −0.50 % (2 pictures of `pictures`" in text
    page = (out / "exactness.md").read_text()
    assert "| 4 | 0.5000 | 0.6000 | +20.00 % | 0.7000 | +40.00 % |" in page


def test_more_models_are_each_judged_in_what_they_are_for(two_pictures, tmp_path):
    out = tmp_path / "out"
    arguments = ["rd", "--images", str(two_pictures), "--out", str(out), "--qualities", "2,5,8"]
    more = ["--also", "hp-easn-deep", "--ms-ssim-model", "lite-ms-ssim"]
    assert main([*arguments, *more]) == 0
    report = json.loads((out / "rd.json").read_text())
    ours = ["bladestream-lite", "bladestream-hp-easn-deep", "bladestream-lite-ms-ssim"]
    assert list(report["models"]) == ours
    assert list(report["codecs"]) == [*ours, "jpeg", "webp"]
    judged = [(each["codec"], each["measure"]) for each in report["comparisons"]]
    assert judged == list(zip(ours, ("psnr", "psnr", "ms_ssim"), strict=True))
    for each in report["comparisons"]:
        assert set(each["bd_rate"]) == {*ours, "jpeg", "webp"} - {each["codec"]}
    assert report["command"].endswith(f"{' '.join(more)} --qualities 2,5,8")
    text = (out / "rd.md").read_text()
    head = "| codec | BD-rate of `lite`, PSNR | of pictures | BD-rate of `hp-easn-deep`, PSNR |"
    assert head in text
    shown = "| JPEG |"
    for each in report["comparisons"]:
        rate = each["bd_rate"]["jpeg"]
        for mean in ("of_curves", "of_pictures"):
            shown += f" {rate[mean]:+.1f} % |".replace("-", "−")
    assert shown in text
    with Image.open(out / "rd.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    for colour in ((0x00, 0x72, 0xB2), (0x66, 0x66, 0x66)):
        assert np.all(np.abs(pixels - colour) < 12, axis=2).sum() > 100


def test_a_model_that_is_named_twice_is_said(two_pictures, tmp_path, capsys):
    arguments = ["rd", "--images", str(two_pictures), "--out", str(tmp_path), "--also", "lite"]
    assert main(arguments) == 1
    assert "named twice" in capsys.readouterr().err


@pytest.mark.parametrize("qualities", ["0.5", "9", "one", "", "nan"])
def test_qualities_are_one_to_eight(qualities, two_pictures, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["rd", "--images", ".", "--out", str(tmp_path), "--qualities", qualities])
    assert ended.value.code == 2


def test_an_empty_folder_and_an_unknown_model_are_said(tmp_path, two_pictures, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    out = ["--out", str(tmp_path / "out")]
    assert main(["rd", "--images", str(empty), *out]) == 1
    assert "no picture" in capsys.readouterr().err
    assert main(["rd", "--images", str(two_pictures), *out, "--model", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err
    assert main(["tables", "--results", str(empty), "--readme", str(empty / "README.md")]) == 1
