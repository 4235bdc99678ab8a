"""A network that finds the blade: what it must be to be used, on a graph made by hand."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.errors import ModelUnavailable, UnknownModel
from service.runtime.card import read_card
from service.runtime.segmentation_answers import segmentation_answers_of
from service.runtime.segmentation_model import SegmentationModel
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from service.segmentation.opening import open_segmenter
from service.settings import Settings


def graph(gain: float = 0.04, output: str = "probability") -> onnx.ModelProto:
    """Sigmoid of the mean of a pixel's colours over 127.5."""
    weights = np.full((1, 3, 1, 1), gain / 3, np.float32)
    bias = np.array([-gain * 127.5], np.float32)
    return helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Conv", ["picture", "w", "b"], ["logit"]),
                helper.make_node("Sigmoid", ["logit"], [output]),
            ],
            "bright",
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["B", 3, 512, 768])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["B", 1, 512, 768])],
            [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def write_entry(folder: Path, model: onnx.ModelProto) -> None:
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    card = {
        "name": "bunet",
        "version": "1",
        "kind": "segmentation",
        "description": "bright is blade",
        "licence": "none",
        "files": {"model.onnx": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()},
        "training": {},
        "quality": {},
        "weaknesses": [],
        "segmentation": {},
    }
    (folder / "model.json").write_text(json.dumps(card))


def write_answers(folder: Path) -> None:
    model = SegmentationModel(folder, read_card(folder), Device("cpu", 1))  # type: ignore[arg-type]
    picture = np.random.default_rng(0).integers(0, 256, (128, 192, 3), dtype=np.uint8)
    answers = segmentation_answers_of(model, picture)
    np.savez(folder / "known_answers.npz", picture=picture, probability=answers)


@pytest.fixture
def folder(tmp_path: Path, zoo_folder: Path) -> Path:
    """An entry in a zoo that has the shipped lossy model, too."""
    shutil.copytree(zoo_folder / "lite" / "1", tmp_path / "zoo" / "lite" / "1")
    made = tmp_path / "zoo" / "bunet" / "1"
    write_entry(made, graph())
    write_answers(made)
    return made


def open_zoo(folder: Path) -> Zoo:
    """A zoo that was asked for its network, as the worker does at its start."""
    zoo = Zoo.open(Settings(provider="cpu", threads=1, zoo_path=folder.parents[1]))
    zoo.segmentation_if_usable()
    return zoo


def test_it_tells_how_probable_blade_is(folder: Path) -> None:
    model = open_zoo(folder).segmentation()
    pictures = np.random.default_rng(1).uniform(0, 255, (2, 3, 512, 768)).astype(np.float32)
    found = model.probability(pictures)
    assert (found.shape, found.dtype) == ((2, 512, 768), np.float32)
    expected = 1 / (1 + np.exp(-0.04 * (pictures.mean(1) - 127.5)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_zoo_lists_it_and_tells_that_it_works(folder: Path) -> None:
    zoo = open_zoo(folder)
    (entry,) = [model for model in zoo.models() if model["kind"] == "segmentation"]
    assert (entry["name"], entry["default"], entry["loaded"]) == ("bunet", True, True)
    health = zoo.health()
    assert (health["segmentation"], health["segmentation_failure"]) == (True, None)
    assert "bunet/1" in health["models_loaded"]
    assert zoo.segmentation("bunet") is zoo.segmentation()
    with pytest.raises(UnknownModel):
        zoo.segmentation("other")
    assert open_segmenter(zoo, Settings()) is not None


def test_a_zoo_without_one_still_opens(folder: Path) -> None:
    shutil.rmtree(folder.parent)
    zoo = open_zoo(folder)
    assert zoo.by_name(None).card.name == "lite"
    assert zoo.health()["segmentation"] is False
    assert "no segmentation model 'bunet'" in str(zoo.health()["segmentation_failure"])
    assert open_segmenter(zoo, Settings()) is None


@pytest.mark.parametrize("damage", ["missing", "garbage", "wrong", "shape", "nan"])
def test_without_its_known_answers_it_is_not_used(folder: Path, damage: str) -> None:
    path = folder / "known_answers.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    if damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"PK\3\4 nothing")
    else:
        if damage == "wrong":
            arrays["probability"] = arrays["probability"] + 0.01
        elif damage == "nan":
            arrays["probability"][0, 0] = np.nan
        else:
            arrays["picture"] = arrays["picture"][:100]
        np.savez(path, **arrays)
    zoo = open_zoo(folder)
    assert zoo.health()["segmentation"] is False
    assert zoo.segmentation_if_usable() is None
    assert "known" in str(zoo.segmentation_failure)
    with pytest.raises(ModelUnavailable):
        zoo.segmentation()


def test_another_device_s_last_digits_are_no_fault(folder: Path) -> None:
    path = folder / "known_answers.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    noise = np.random.default_rng(0).normal(0, 0.002, arrays["probability"].shape)
    arrays["probability"] = arrays["probability"] + noise
    np.savez(path, **arrays)
    assert open_zoo(folder).health()["segmentation"] is True


def test_a_network_that_changes_later_is_noticed(folder: Path) -> None:
    zoo = open_zoo(folder)
    zoo.check_known_answers()
    model = zoo.segmentation()
    honest = model.probability
    model.probability = lambda pictures: honest(pictures) * 0.9  # type: ignore[method-assign]
    with pytest.raises(ModelUnavailable, match="known answers wrong"):
        zoo.check_known_answers()


def test_a_graph_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_entry(tmp_path / "bunet" / "1", graph(output="mask"))
    card = read_card(tmp_path / "bunet" / "1")
    with pytest.raises(ModelUnavailable, match="no network that finds the blade"):
        SegmentationModel(tmp_path / "bunet" / "1", card, Device("cpu", 1))  # type: ignore[arg-type]


def test_nonsense_is_not_passed_on(tmp_path: Path) -> None:
    write_entry(tmp_path / "bunet" / "1", graph(gain=float("nan")))
    card = read_card(tmp_path / "bunet" / "1")
    model = SegmentationModel(tmp_path / "bunet" / "1", card, Device("cpu", 1))  # type: ignore[arg-type]
    with pytest.raises(ModelUnavailable, match="nonsense"):
        model.probability(np.zeros((1, 3, 512, 768), np.float32))
