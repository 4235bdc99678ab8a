import copy
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from models.evaluation import segmentation
from models.evaluation.__main__ import main
from models.evaluation.segmentation_markdown import segmentation_page
from service.segmentation.network import FOUND


class Bright:
    """What is bright is blade: a network without weights."""

    card = SimpleNamespace(
        name="bright",
        version="1",
        digest=bytes(32),
    )

    def probability(self, pictures):
        return (pictures.mean(axis=1) / 255) ** np.float32(np.log(FOUND) / np.log(0.5))


class Blind(Bright):
    """Finds nothing."""

    card = SimpleNamespace(**{**vars(Bright.card), "name": "blind"})

    def probability(self, pictures):
        return np.zeros_like(pictures[:, 0])


def picture(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A white blade before a dark ground, its mask, and in picture 5 nothing to be seen."""
    random = np.random.default_rng(number)
    pixels = random.normal(60, 8, (400, 600, 3)).clip(0, 255).astype(np.uint8)
    mask = np.zeros((400, 600), bool)
    mask[:, 200 + 5 * number : 320 + 5 * number] = True
    if number != 5:
        pixels[mask] = random.normal(210, 8, (np.count_nonzero(mask), 3)).clip(0, 255)
    return pixels, mask


@pytest.fixture(scope="module", autouse=True)
def zoo():
    """A zoo with nothing but the network without weights."""
    zoo = SimpleNamespace(segmentation=lambda name: Bright(), device=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segmentation.Zoo, "open", lambda settings: zoo)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six pictures of one surface, and one that stands alone and has no blade."""
    tmp_path = tmp_path_factory.mktemp("labelled")
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    rows = []
    for number in range(6):
        pixels, mask = picture(number)
        name = f"blade{number}"
        Image.fromarray(pixels).save(tmp_path / "images" / f"{name}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
        tags = ["invisible"] if number == 5 else ["bright"]
        rows.append({"name": name, "surface": "one", "tags": tags})
    Image.fromarray(np.full((80, 90, 3), 40, np.uint8)).save(tmp_path / "images" / "empty.png")
    Image.fromarray(np.zeros((80, 90), np.uint8)).save(tmp_path / "masks" / "empty.png")
    rows.append({"name": "empty", "surface": "two", "tags": []})
    (tmp_path / "index.json").write_text(json.dumps(rows))
    return tmp_path


def arguments(folder, out) -> list[str]:
    named = {"images": folder / "images", "masks": folder / "masks", "out": out}
    return [
        "segmentation",
        *(word for name, path in named.items() for word in (f"--{name}", str(path))),
    ]


@pytest.fixture(scope="module")
def report(folder):
    out = folder / "out"
    assert main([*arguments(folder, out), "--index", str(folder / "index.json")]) == 0
    return json.loads((out / "segmentation.json").read_text())


def test_each_step_is_measured_on_every_picture(report):
    rows = ["network", "holes", "forest_vote", "final", "forest_alone"]
    for picture_ in report["pictures"].values():
        assert list(picture_["rows"]) == rows
        assert all(len(row) == len(report["columns"]) for row in picture_["rows"].values())
    everything = report["groups"]["all"]
    assert everything["pictures"] == 7
    assert report["groups"]["blade"]["pictures"] == 6
    # Five blades of six are found, and the one that cannot be seen is not.
    assert everything["final"]["recall"] == pytest.approx(5 / 6, abs=0.01)
    assert everything["final"]["patch_recall"] == pytest.approx(5 / 6, abs=0.1)
    assert everything["final"]["least_recall"] == pytest.approx(0, abs=0.05)
    assert report["pictures"]["blade0"]["forest_used"]
    assert not report["pictures"]["empty"]["forest_used"]


def test_where_no_blade_is_found_compression_keeps_all(report):
    group = report["groups"]["all"]
    assert "No blade was found." in report["pictures"]["empty"]["warnings"]
    assert group["compressed"]["patch_recall"] >= group["final"]["patch_recall"]
    assert group["compressed"]["kept_patches"] > group["final"]["kept_patches"]


def test_the_area_of_a_curve_is_the_mean_of_the_table(report):
    for row, areas in report["acceptance"].items():
        for measure, area in areas.items():
            assert area == pytest.approx(report["groups"]["all"][row][measure], abs=1e-5)


def test_the_worst_picture_comes_first_and_tags_stand_alone(report):
    assert next(iter(report["pictures"])) == "blade5"
    assert report["tags"]["bright"]["final"]["recall"] > 0.99
    assert report["tags"]["invisible"]["final"]["recall"] < 0.05


def test_the_page_is_laid_out_like_table_one(report, folder):
    report = copy.deepcopy(report)
    page = (folder / "out" / "segmentation.md").read_text()
    assert "| Performance metric | network | fill holes | random forest | fill holes 2 |" in page
    used = sum(picture_["forest_used"] for picture_ in report["pictures"].values())
    assert f"The random forest had a vote in {used} of 7 pictures; in the others" in page
    assert "| forest without the network's vote |" in page
    for picture_ in report["pictures"].values():
        picture_["forest_used"] = False
    silent = segmentation_page(report)
    assert "The random forest had a vote in 0 of 7 pictures; from there on" in silent
    assert "| fill holes 2 |\n" in silent
    assert page.index("patch recall") < page.index("Accuracy [%]")
    assert f"7 pictures of `{folder.name}`" in page
    assert page.index("| invisible |") < page.index("| bright |")
    assert "97.61" in page  # the paper's own, to compare with
    assert str(folder) not in page
    with Image.open(folder / "out" / "segmentation.png") as image:
        assert image.width > 800


def test_overlays_show_what_was_missed(report, folder):
    with Image.open(folder / "out" / "overlays" / "blade5.jpg") as image:
        red, green, blue = np.asarray(image, np.int32)[200, 280]
    assert red > green + 40
    assert red > blue + 40
    with Image.open(folder / "out" / "overlays" / "blade0.jpg") as image:
        red, green, _ = np.asarray(image, np.int32)[200, 260]
    assert green > red + 40


def test_a_baseline_stands_beside_it(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(segmentation, "read_card", lambda path: Blind.card)
    monkeypatch.setattr(segmentation, "SegmentationModel", lambda path, card, device: Blind())
    monkeypatch.setattr(segmentation, "SegmentationModelCard", SimpleNamespace)
    index = tmp_path / "index.json"
    index.write_text(json.dumps([{"name": "blade0", "surface": "one"}]))
    words = ["--index", str(index), "--baseline", str(tmp_path)]
    assert main([*arguments(folder, tmp_path), *words]) == 0
    report = json.loads((tmp_path / "segmentation.json").read_text())
    assert report["baseline"]["name"] == "blind"
    assert report["groups"]["all"]["baseline"]["recall"] == 0
    assert report["groups"]["all"]["final"]["recall"] > 0.99
    assert "U-Net, cross-entropy" in (tmp_path / "segmentation.md").read_text()


def test_a_missing_mask_is_told(folder, tmp_path, capsys):
    (tmp_path / "masks").mkdir()
    words = ["segmentation", "--images", str(folder / "images"), "--masks", str(tmp_path / "masks")]
    assert main([*words, "--out", str(tmp_path)]) == 1
    assert "blade0.png: no mask" in capsys.readouterr().err
