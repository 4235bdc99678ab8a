"""The zoo: found by name and digest, nothing used that is not what it says it is."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from service.errors import ModelUnavailable, UnknownModel
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from service.settings import Settings
from tests.service.runtime.conftest import Copy


def test_the_default_and_the_name_are_one(zoo: Zoo) -> None:
    model = zoo.by_name(None)
    assert zoo.by_name("lite") is model
    assert zoo.by_digest(model.card.digest) is model
    assert zoo.knows(model.card.digest)


def test_what_is_not_here_is_unknown(zoo: Zoo) -> None:
    with pytest.raises(UnknownModel, match=r"there are: .*lite"):
        zoo.by_name("heavy")
    with pytest.raises(UnknownModel, match="'gone'") as refused:
        zoo.by_digest(bytes(16), "gone")
    assert refused.value.extra == {"digest": "00" * 16}
    assert not zoo.knows(bytes(16))


def test_new_files_take_the_newest_version_and_old_ones_stay(copy: Copy) -> None:
    old = copy.open().by_name(None).card.digest
    for version in ("2", "10"):
        shutil.copytree(copy.folder, copy.zoo / "lite" / version)
        path = copy.zoo / "lite" / version / "model.json"
        card = json.loads(path.read_text())
        card["version"] = version
        card["lossy"]["rate_weight"] = int(version) / 100
        path.write_text(json.dumps(card))
    zoo = copy.open()
    assert zoo.by_name("lite").card.version == "10"
    assert zoo.by_digest(old).card.version == "1"
    assert [model["version"] for model in zoo.models()] == ["10", "2", "1"]


def test_cards_are_json(zoo: Zoo) -> None:
    zoo.by_name(None)
    listed = [m for m in json.loads(json.dumps(zoo.models())) if m["name"] == "lite"]
    found = listed[0]
    assert (found["default"], found["loaded"]) == (True, True)
    assert not any(old["default"] for old in listed[1:])
    assert found["digest"] == zoo.by_name("lite").card.digest.hex()
    assert {"licence", "training", "quality", "weaknesses", "description"} <= set(found)


def test_health_before_and_after_loading(zoo_folder: Path, newest: str) -> None:
    zoo = Zoo(zoo_folder, Device("cpu", 1), "lite")
    expected = {
        "provider": "cpu",
        "provider_fallback": None,
        "models_loaded": [],
        "segmentation": False,
        "segmentation_failure": None,
    }
    assert zoo.health() == expected
    zoo.by_name(None)
    assert zoo.health() == {**expected, "models_loaded": [newest]}


def test_opening_loads_and_checks_the_default(zoo_folder: Path, newest: str) -> None:
    zoo = Zoo.open(Settings(provider="cpu", threads=1, zoo_path=zoo_folder))
    assert zoo.health()["models_loaded"] == [newest]
    with pytest.raises(UnknownModel):
        Zoo.open(Settings(provider="cpu", zoo_path=zoo_folder, default_model="none"))


def test_an_empty_folder_is_no_zoo(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no model"):
        Zoo(tmp_path, Device(), "lite")


def test_a_changed_file_is_refused_at_the_start(copy: Copy) -> None:
    with (copy.folder / "step_0.integer.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelUnavailable, match="not the file its card names"):
        copy.open()


def test_a_file_without_a_digest_is_never_loaded(copy: Copy) -> None:
    copy.change_card(lambda card: card["files"].pop("step_3.integer.onnx"))
    with pytest.raises(ModelUnavailable, match=r"no digest for step_3\.integer\.onnx"):
        copy.open().by_name(None)


# -- known answers ---------------------------------------------------------------------------------


def spoil_weights(path: Path) -> None:
    """Give the weights of a graph's last matrix the other sign."""
    graph = onnx.load(path)
    product = [node for node in graph.graph.node if node.op_type == "MatMulInteger"][-1]
    (last,) = [tensor for tensor in graph.graph.initializer if tensor.name == product.input[1]]
    last.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(last), last.name))
    onnx.save(graph, path)


@pytest.mark.parametrize("name", ["features", "step_0", "step_2", "step_6"])
def test_other_weights_are_noticed(copy: Copy, name: str) -> None:
    """Even where the card was made to fit, as an exporter's or a kernel's fault would be."""
    spoil_weights(copy.folder / f"{name}.integer.onnx")
    copy.pin(f"{name}.integer.onnx")
    with pytest.raises(ModelUnavailable, match="known answers wrong"):
        copy.open().by_name(None)


def test_offsets_of_the_quality_are_noticed(copy: Copy) -> None:
    def change(arrays: dict) -> None:
        arrays["index_offsets"] = arrays["index_offsets"] + 16

    copy.change_arrays("tables.npz", change)
    copy.pin("tables.npz")
    with pytest.raises(ModelUnavailable, match="known answers wrong"):
        copy.open().by_name(None)


def test_tables_that_are_none_are_refused(copy: Copy) -> None:
    def change(arrays: dict) -> None:
        arrays["frequencies"][0] += 1

    copy.change_arrays("tables.npz", change)
    copy.pin("tables.npz")
    with pytest.raises(ModelUnavailable, match="does not sum"):
        copy.open().by_name(None)


@pytest.mark.parametrize("damage", ["missing", "garbage", "short", "other"])
def test_no_answers_no_model(copy: Copy, damage: str) -> None:
    path = copy.folder / "known_answers.npz"
    if damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"PK\3\4 nothing")
    elif damage == "short":
        path.write_bytes(path.read_bytes()[:1_000])
    else:
        copy.change_arrays(path.name, lambda arrays: arrays.pop("tables"))
    with pytest.raises(ModelUnavailable, match="known_answers"):
        copy.open().by_name(None)


def test_answers_of_another_size_are_wrong(copy: Copy) -> None:
    def change(arrays: dict) -> None:
        arrays["tables"] = arrays["tables"][:-1]

    copy.change_arrays("known_answers.npz", change)
    with pytest.raises(ModelUnavailable, match="known answers wrong"):
        copy.open().by_name(None)


def test_a_device_that_goes_wrong_later_is_noticed(copy: Copy) -> None:
    zoo = copy.open()
    features = zoo.by_name(None).features
    zoo.check_known_answers()
    honest = features.run
    features.run = lambda **arrays: [part + 2**12 for part in honest(**arrays)]  # type: ignore[method-assign]
    with pytest.raises(ModelUnavailable, match="known answers wrong"):
        zoo.check_known_answers()


def test_threads_load_a_model_once(zoo_folder: Path) -> None:
    zoo = Zoo(zoo_folder, Device("cpu", 1), "lite")
    found = []
    workers = [threading.Thread(target=lambda: found.append(zoo.by_name(None))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len({id(model) for model in found}) == 1
    assert len(found) == 4
