import pytest
import torch

from models.export import __main__ as module
from models.export.__main__ import main
from models.layers.exact import exact_layers
from models.train import main as train
from service.runtime.card import read_card

RECIPE = """
[model]
name = "lite"
[model.arguments]
widths = [4, 4, 2]
features = 2
restoration_width = 4
restoration_blocks = 1
[data]
batch = 1
validation_share = 0.25
[[stages]]
name = "prior"
loss = "prior"
parts = ["top", "prior"]
steps = 2
rate = 1e-3
"""
EXACT = """
[[stages]]
name = "exact"
loss = "prior"
parts = ["top", "prior"]
exact = true
steps = 1
rate = 1e-4
"""
CARD = """
description = "Two steps of training."
licence = "Apache-2.0"
data = "Coloured squares."
weaknesses = ["Everything."]
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(4):
        torch.manual_seed(number)
        squares = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
        header = b"P6\n256 256\n255\n"
        pixels = squares.repeat_interleave(16, 1).repeat_interleave(16, 2).permute(1, 2, 0)
        (folder / f"{number}.ppm").write_bytes(header + pixels.contiguous().numpy().tobytes())
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pictures):
    """A folder for each recipe, trained: one whose prior never settled, one that was exact."""
    folder = tmp_path_factory.mktemp("runs")
    for name, text in {"float": RECIPE, "exact": RECIPE + EXACT}.items():
        (folder / f"{name}.toml").write_text(text)
        where = ["--data", str(pictures), "--out", str(folder / name)]
        assert train([str(folder / f"{name}.toml"), *where]) == 0
    (folder / "card.toml").write_text(CARD)
    return folder


@pytest.fixture(scope="module")
def command(trained, pictures):
    def run(name, **changes):
        options = {
            "weights": trained / name / "weights.pt",
            "recipe": trained / f"{name}.toml",
            "data": pictures,
            "out": trained / "zoo" / name / "3",
            "card": trained / "card.toml",
        } | changes
        return main([text for key, value in options.items() for text in (f"--{key}", str(value))])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PATCHES", 2)
        yield run


@pytest.fixture(scope="module", params=["float", "exact"])
def entry(request, trained, command):
    assert command(request.param) == 0
    return trained / "zoo" / request.param / "3"


def test_an_entry_says_where_it_comes_from(entry):
    card = read_card(entry)
    assert (card.name, card.version) == (entry.parent.name, "3")
    assert card.weaknesses == ("Everything.",)
    stages = card.training["stages"]
    assert [stage["stage"] for stage in stages] == ["prior", "exact"][: len(stages)]
    assert stages[0]["steps"] == 2
    assert stages[0]["rate"] == 1e-3
    assert stages[0]["pictures"] >= 1


def test_the_same_weights_make_the_same_entry_but_never_over_another(
    command, entry, tmp_path, capsys
):
    name = entry.parent.name
    assert command(name) == 1
    assert "taken" in capsys.readouterr().err
    assert command(name, out=tmp_path / name / "3") == 0
    again = read_card(tmp_path / name / "3")
    assert again == read_card(entry)
    assert again.digest.hex() in capsys.readouterr().err


def test_layers_that_settled_in_training_are_left_as_they_were(
    command, trained, tmp_path, monkeypatch
):
    kept = []

    def keep(network, *rest):
        kept.append(network)
        raise ValueError("far enough")

    monkeypatch.setattr(module, "write_zoo_entry", keep)
    assert command("exact", out=tmp_path / "tiny" / "1") == 1
    weights = torch.load(trained / "exact" / "weights.pt", weights_only=True)["weights"]
    for name, value in kept[0].state_dict().items():
        # z's prior had no part in these stages and settles now.
        if not name.startswith("top_prior"):
            assert torch.equal(value, weights[name]), name
    assert kept[0].top_prior.scale(0).step(1).head.observed > 0
    assert all(layer.exact for layer in exact_layers(kept[0]))


def test_weights_from_before_recipes_knew_a_key_still_fit(
    command, trained, tmp_path, monkeypatch, capsys
):
    older = torch.load(trained / "exact" / "weights.pt", weights_only=True)
    del older["recipe"]["model"]["pretrained"]
    torch.save(older, tmp_path / "weights.pt")

    def stop(*given):
        raise ValueError("far enough")

    monkeypatch.setattr(module, "write_zoo_entry", stop)
    assert command("exact", weights=tmp_path / "weights.pt", out=tmp_path / "tiny" / "1") == 1
    assert "far enough" in capsys.readouterr().err


def test_what_does_not_fit_is_said_in_one_line(command, trained, tmp_path, capsys):
    other = tmp_path / "other.toml"
    other.write_text(RECIPE.replace("features = 2", "features = 3"))
    poor = tmp_path / "poor.toml"
    poor.write_text('description = "?"')
    out = tmp_path / "tiny" / "1"
    for changes in (
        {"recipe": other},
        {"weights": trained / "card.toml"},
        {"weights": trained / "exact" / "checkpoint.pt"},
        {"card": poor},
        {"card": tmp_path / "none.toml"},
    ):
        capsys.readouterr()
        assert command("exact", out=out, **changes) == 1
        assert capsys.readouterr().err.startswith("export: ")
    assert not out.exists()


PYRAMID = """
[model]
name = "pyramid"
[model.arguments]
widths = [4]
depths = [1]
{periods}
[data]
crop = [128, 128]
batch = 1
validation_share = 0.25
grid = 16
[[stages]]
name = "{loss}"
loss = "{loss}"
steps = 2
rate = 1e-3
"""


def test_pyramids_are_exported_and_one_for_jpegs_beside_another(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOSSLESS_PATCHES", 2)
    (tmp_path / "card.toml").write_text(CARD)

    def made(version, periods, loss, *more):
        recipe = tmp_path / f"{loss}.toml"
        recipe.write_text(PYRAMID.format(periods=periods, loss=loss))
        run, out = tmp_path / loss, tmp_path / "pyramid" / version
        where = ["--data", str(pictures), "--out"]
        assert train([str(recipe), *where, str(run)]) == 0
        words = ["--weights", str(run / "weights.pt"), "--recipe", str(recipe)]
        words += ["--card", str(tmp_path / "card.toml")]
        assert main([*words, *where, str(out), *more]) == 0
        return out

    plain = made("1", "", "rate")
    both = made("2", "periods = [8]", "jpeg", "--plain", str(plain))
    first, second = read_card(plain), read_card(both)
    assert first.lossless.model_dump() == {"networks": 1}
    assert second.lossless.model_dump() == {"networks": 1, "jpeg_networks": 1}
    assert first.files.items() < second.files.items()
    assert {name.removeprefix("jpeg_") for name in second.files} == set(first.files)
    assert second.training["stages"][0]["loss"] == "jpeg"
