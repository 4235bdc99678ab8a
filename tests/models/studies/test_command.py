import json

import pytest
from PIL import Image

from models.studies.__main__ import main
from models.studies.page import CAUTION
from tests.models.studies.conftest import STUDY, Toy


@pytest.fixture
def command(studies, pictures, tmp_path):
    """The command that runs the study, and where its results go."""
    out, runs = tmp_path / "results", tmp_path / "runs"
    words = ["toys", "--data", str(pictures), "--images", str(pictures), "--out", str(out)]
    return [*words, "--runs", str(runs), "--device", "cpu"], out


def test_a_study_from_pictures_to_its_page(command):
    words, out = command
    assert main(words) == 0
    assert Toy.trained == 2 * 6
    report = json.loads((out / "toys.json").read_text())
    assert [variant["title"] for variant in report["variants"]] == ["dear", "cheap"]
    assert report["steps"] == 6
    assert report["command"].startswith("python -m models.studies toys --data ")
    for variant in report["variants"]:
        assert [stage["steps"] for stage in variant["training"]] == [4, 2]
        assert variant["parameters"] == 3
        assert list(variant["measured"]["held"]["pictures"]) == ["a.png", "b.png"]
    page = (out / "toys.md").read_text()
    # Half the bits for the same picture.
    assert "| cheap | −50.0 % | −50.0 % |" in page
    assert "Paper: the cheap one." in page and CAUTION in page
    index = (out / "README.md").read_text()
    assert "[Toys](toys.md)" in index
    assert "| against dear | BD-rate in PSNR on `held` |" in index
    assert "| cheap | −50.0 % | −50.0 % |" in index
    with Image.open(out / "toys.png") as image:
        assert image.size[0] > image.size[1]


def test_what_is_done_is_not_done_again(command, monkeypatch):
    words, out = command
    assert main(words) == 0
    first = (out / "toys.json").read_bytes()
    Toy.trained = 0
    monkeypatch.setattr(Toy, "measure", None)
    assert main(words) == 0
    assert Toy.trained == 0
    assert (out / "toys.json").read_bytes() == first


def test_a_study_that_was_added_to_trains_what_is_new(command, studies):
    words, out = command
    assert main(words) == 0
    Toy.trained = 0
    more = '[[variants]]\ntitle = "odd"\nmodel = { name = "toy", arguments = { cost = 0.3 } }\n'
    (studies / "toys.toml").write_text(STUDY + more, encoding="utf-8")
    assert main(words) == 0
    assert Toy.trained == 6
    report = json.loads((out / "toys.json").read_text())
    assert [variant["title"] for variant in report["variants"]] == ["dear", "cheap", "odd"]


def test_steps_in_place_of_the_studys(command):
    words, out = command
    assert main([*words, "--steps", "3"]) == 0
    assert Toy.trained == 2 * 3
    assert json.loads((out / "toys.json").read_text())["command"].endswith("--steps 3")


def test_pages_from_results_alone(command):
    words, out = command
    assert main(words) == 0
    names = ("toys.md", "toys.png", "README.md")
    before = {name: (out / name).read_bytes() for name in names}
    for name in names:
        (out / name).unlink()
    assert main(["tables", "--results", str(out)]) == 0
    assert {name: (out / name).read_bytes() for name in names} == before


def test_every_page_tells_what_seeds_differ_by(command):
    """On its own page where a study has two seeds, else by naming the one that has."""
    words, out = command
    assert main(words) == 0
    alone = (out / "toys.md").read_text()
    assert "No network here was trained from a second seed" in alone
    report = json.loads((out / "toys.json").read_text())
    dear, cheap = report["variants"]
    # The same again with a tenth fewer bits.
    other = {
        **dear,
        "title": "dear again",
        "seed": 1,
        "measured": {"held": dict(dear["measured"]["held"])},
    }
    other["measured"]["held"]["bpp"] = [0.9 * bpp for bpp in dear["measured"]["held"]["bpp"]]
    twins = {**report, "name": "twins", "title": "Twins", "variants": [dear, cheap, other]}
    (out / "twins.json").write_text(json.dumps(twins))
    assert main(["tables", "--results", str(out)]) == 0
    told = "[Twins](twins.md), 6 steps: dear by a BD-rate of 10.0 % in PSNR and 10.0 % in MS-SSIM"
    for name in ("twins.md", "toys.md", "README.md"):
        assert told in (out / name).read_text(), name
    assert "second seed" in (out / "toys.md").read_text()
    assert "second seed" not in (out / "twins.md").read_text()


def test_a_study_without_results_is_said_to_have_none(command):
    _, out = command
    assert main(["tables", "--results", str(out)]) == 0
    index = (out / "README.md").read_text()
    assert "## Toys\n\nWhich toy?\n\n> Paper: the cheap one.\n\nHere: not run yet." in index


def test_folders_must_differ(command, pictures, capsys):
    words, _ = command
    at = words.index("--out")
    assert main([*words[:at], str(pictures), *words[at:]]) == 1
    assert "same name" in capsys.readouterr().err


def test_a_picture_that_is_too_small_is_named(command, pictures, capsys):
    words, _ = command
    Image.new("RGB", (200, 300)).save(pictures / "small.png")
    assert main(words) == 1
    assert "small.png" in capsys.readouterr().err
