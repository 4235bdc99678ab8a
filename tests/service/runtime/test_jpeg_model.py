"""Models of a JPEG's coefficients: what is loaded, what is refused, and their integers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from service.errors import ModelUnavailable, UnknownModel
from service.runtime.jpeg_chain import JpegChain, symbols_of, values_of
from service.runtime.jpeg_model import (
    SAMPLINGS,
    CoefficientGroup,
    JpegModel,
    existing,
    steps_of,
)
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.service.codec.jpeg_toy import GROUPS, arrays, write_toy_card

STEPS = tuple((1 + np.arange(64) * (k + 1) % 200).astype(np.uint8) for k in range(3))


@pytest.fixture(scope="module")
def model(jpeg_zoo: Zoo) -> JpegModel:
    found = jpeg_zoo.lossless_of_jpegs()
    assert found is not None
    return found


@pytest.fixture
def entry(jpeg_zoo_folder: Path, tmp_path: Path) -> Path:
    """A copy of the toy, to be spoilt."""
    folder = tmp_path / "zoo" / "jpeg-dct" / "1"
    shutil.copytree(jpeg_zoo_folder / "jpeg-dct" / "1", folder)
    return folder


def opened(entry: Path) -> JpegModel:
    write_toy_card(entry)
    found = Zoo(entry.parents[1], Device("cpu", 1), "lite").lossless_of_jpegs()
    assert found is not None
    return found


def test_it_is_found_by_name_and_digest(jpeg_zoo: Zoo, model: JpegModel) -> None:
    assert jpeg_zoo.lossless("jpeg-dct") is model
    assert jpeg_zoo.lossless_by_digest(model.card.digest) is model
    assert "jpeg-dct/1" in jpeg_zoo.health()["models_loaded"]  # type: ignore[operator]
    jpeg_zoo.check_known_answers()


def test_a_zoo_may_have_none(zoo_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lite").symlink_to(zoo_folder / "lite")
    zoo = Zoo(tmp_path, Device("cpu", 1), "lite")
    assert zoo.lossless_of_jpegs() is None
    with pytest.raises(UnknownModel):
        zoo.lossless("jpeg-dct")


def test_a_pyramid_of_that_name_is_not_taken_for_one(zoo_folder: Path, tmp_path: Path) -> None:
    for version in (zoo_folder / "pyramid").iterdir():
        folder = tmp_path / "pyramid" / version.name
        shutil.copytree(version, folder)
        card = (folder / "model.json").read_text()
        (folder / "model.json").write_text(card.replace('"pyramid"', '"jpeg-dct"'))
    assert Zoo(tmp_path, Device("cpu", 1), "lite").lossless_of_jpegs() is None


def test_the_float_lowering_gives_the_same_answers(jpeg_zoo_folder: Path, model: JpegModel) -> None:
    class Float(Device):
        lowering = "float"

    zoo = Zoo(jpeg_zoo_folder, Float("cpu", 1), "lite")
    assert zoo.lossless_of_jpegs() is not None


# -- what is refused -------------------------------------------------------------------------------


def spoil(entry: Path, change: Callable[[dict], object]) -> None:
    made = arrays()
    change(made)
    np.savez(entry / "tables.npz", **made)


def swap_groups(made: dict) -> None:
    """Chroma of 4:4:4 in the group that 4:2:0 has too."""
    made["channels"][-1], made["channels"][-300] = made["channels"][-300], made["channels"][-1]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.pop("start_offsets"),
        lambda made: made.update(channels=made["channels"][:-1]),
        lambda made: made["channels"].__setitem__(5, made["channels"][6]),
        lambda made: made["group_sizes"].__setitem__(0, 2),
        lambda made: made.update(differences=np.ones(len(GROUPS), np.uint8)),
        lambda made: made.update(start_offsets=made["start_offsets"].astype(float)),
        lambda made: made["start_offsets"].__setitem__(3, 2**24),
        lambda made: made.update(ring_tables=made["ring_tables"][0]),
        lambda made: made.update(ring_tables=made["ring_tables"][:, :15]),
        lambda made: made.update(ring_tables=made["ring_tables"].T),
        lambda made: made.update(ring_tables=made["ring_tables"] + np.int32(240)),
        lambda made: made.update(step_features=made["step_features"] - np.int32(9)),
        lambda made: made["feature_steps"].__setitem__((0, 0), 3),
        lambda made: made["feature_steps"].__setitem__((0, 1), 64),
        lambda made: made["feature_steps"].__setitem__((0, 1), -1),
        lambda made: made["frequencies"].__setitem__(0, made["frequencies"][0] + 1),
        lambda made: made["mean_inputs_1"].__setitem__(0, 64),  # of the group itself
        lambda made: made.update(mean_weights_1=made["mean_weights_1"][:2]),
        lambda made: made["mean_weights_1"].fill(2**28),  # sums beyond float64's integers
        lambda made: made.update(
            mean_inputs_0=np.zeros(1, np.int32), mean_weights_0=np.zeros((3, 3, 1, 1), np.int32)
        ),
        swap_groups,
    ],
)
def test_tables_that_are_none(entry: Path, change: Callable[[dict], object]) -> None:
    spoil(entry, change)
    with pytest.raises(ModelUnavailable, match=r"tables\.npz cannot be read"):
        opened(entry)


def test_other_weights_and_offsets_are_noticed(entry: Path) -> None:
    spoil(entry, lambda made: made["mean_weights_2"].__iadd__(700))
    with pytest.raises(ModelUnavailable, match=r"known answers wrong .*group 2"):
        opened(entry)
    spoil(entry, lambda made: made["start_offsets"].__setitem__(0, 99))
    with pytest.raises(ModelUnavailable, match=r"known answers wrong .*group 0"):
        opened(entry)


def test_another_graph_is_noticed(entry: Path) -> None:
    path = entry / "step_5.integer.onnx"
    graph = onnx.load(path)
    (shifts,) = [part for part in graph.graph.initializer if part.name == "shifts"]
    shifts.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(shifts) + 16, "shifts"))
    onnx.save(graph, path)
    with pytest.raises(ModelUnavailable, match=r"known answers wrong .*group 5"):
        opened(entry)


def test_a_graph_without_a_digest_is_never_loaded(entry: Path) -> None:
    (entry / "step_4.integer.onnx").unlink()
    with pytest.raises(ModelUnavailable, match=r"no digest for step_4"):
        opened(entry)


# -- integers --------------------------------------------------------------------------------------


def test_channels_that_a_sampling_has(model: JpegModel) -> None:
    counts = [int(existing(sampling, 3).sum()) for sampling in SAMPLINGS]
    assert counts == [768, 512, 384]
    assert existing((1, 1), 1).sum() == 256
    there = existing((2, 1), 3)
    assert there[[256, 256 + 128, 512 + 128 + 63]].all()
    assert not there[[256 + 64, 512 + 192]].any()
    assert [model.count(sampling, 3) for sampling in SAMPLINGS] == [8, 7, 6]
    assert model.count((1, 1), 1) == 3


def test_features_tell_steps_and_sampling(model: JpegModel) -> None:
    for place, sampling in enumerate(SAMPLINGS):
        told = model.features(STEPS, sampling)
        assert told[:8].tolist() == [
            int(32 * np.log2(int(STEPS[k][f])))
            for k, f in [(0, 0), (0, 9), (0, 63), (1, 0), (1, 9), (2, 0), (2, 9), (2, 63)]
        ]
        assert told[8:].tolist() == [255 * (k == place) for k in range(3)]
    grey = model.features(STEPS[:1], (1, 1))
    assert not grey[3:].any()


def test_tables_follow_the_document(model: JpegModel) -> None:
    """Index, offsets, means and fractions of every group, value by value in Python's integers."""
    rng = np.random.default_rng(3)
    truth = rng.integers(-90, 90, (1, 16, 16, 768)).astype(np.int32)
    truth[0, :3, :3] = rng.integers(-32768, 32768, (3, 3, 768))
    made, channels = arrays(), np.concatenate(list(map(np.array, GROUPS.values())))
    chain, before = JpegChain(model, STEPS, (1, 1), [3]), 0
    largest = min(int(model.features(STEPS, (1, 1)).max()), 9)
    spread: np.ndarray = np.full((16, 16), largest + 3)  # and the activity

    def code(number: int, centres: np.ndarray, tables: np.ndarray) -> np.ndarray:
        nonlocal before, spread
        group = chain.groups[number]
        for row, column, at in [
            (0, 0, 0),
            (15, 15, -1),
            (1, 2, 0),
            (7, 0, len(group.channels) // 2),
        ]:
            channel = int(group.channels[at])
            step = int(STEPS[channel // 256][channel % 64])
            mean = 0
            if f"mean_inputs_{number}" in made:
                total = 0
                for i, j in np.ndindex(3, 3):
                    r, c = min(max(row + i - 1, 0), 15), min(max(column + j - 1, 0), 15)
                    for k, source in enumerate(made[f"mean_inputs_{number}"].tolist()):
                        x = int(truth[0, r, c, source]) * int(STEPS[source // 256][source % 64])
                        total += x * int(made[f"mean_weights_{number}"][i, j, k, at])
                mean = min(max((total + 512 * step) // (1024 * step), -131072), 131071)
            place = at % len(group.channels)
            index = int(spread[row, column]) + 3 * place % 40
            index += int(made["start_offsets"][before + place])
            scale = min(max(index >> 4, 0), 63)
            assert centres[0, row, column, at] == (mean + 2) >> 2
            assert tables[0, row, column, at] == 4 * scale + ((mean + 2) & 3)
        before += len(group.channels)
        symbols = symbols_of(group, centres, truth[..., group.channels])
        spread = np.minimum(np.abs(symbols[0]).max(-1), 9)
        return symbols

    assert np.array_equal(chain.walk(code), truth)
    assert before == len(channels)


def group_of(differences: bool) -> CoefficientGroup:
    return CoefficientGroup(np.zeros(1, np.intp), differences, np.zeros(0, np.intp), np.zeros(0))


def test_differences_are_to_the_value_above_or_at_the_left() -> None:
    values = np.arange(256).reshape(1, 16, 16, 1).astype(np.int32) ** 2 % 1000
    symbols = symbols_of(group_of(True), np.zeros_like(values), values)
    assert symbols[0, 0, 0] == values[0, 0, 0]
    assert symbols[0, 0, 5] == values[0, 0, 5] - values[0, 0, 4]
    assert symbols[0, 7, 5] == values[0, 7, 5] - values[0, 6, 5]
    assert np.array_equal(values_of(group_of(True), np.zeros_like(values), symbols), values)


@pytest.mark.parametrize("differences", [False, True])
def test_symbols_of_a_damaged_stream_end_within_16_bits(differences: bool) -> None:
    symbols = np.full((1, 16, 16, 1), 2**24 - 1, np.int32)
    for sign in (1, -1):
        found = values_of(group_of(differences), np.full_like(symbols, 32767), sign * symbols)
        assert set(np.unique(found)) == {32767 if sign > 0 else -32768}


def test_steps_by_channel() -> None:
    channels = np.array([0, 63, 64, 256 + 5, 512 + 192 + 7])
    assert steps_of(channels, STEPS).tolist() == [
        *STEPS[0][[0, 63, 0]].tolist(),
        int(STEPS[1][5]),
        int(STEPS[2][7]),
    ]
    assert steps_of(channels, STEPS[:1]).tolist()[3:] == [1, 1]
