"""A model of a JPEG's coefficients without training: graphs of a few nodes, guessed spreads."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from service.pictures import Limits, Picture, read_picture
from service.runtime.card import read_card
from service.runtime.jpeg_model import JpegModel
from service.runtime.lossless_answers import lossless_answers_of
from service.runtime.sessions import Device
from tests.service.codec.base_chain import TABLES
from tests.service.codec.coding import textured

AC = range(1, 64)
GROUPS: dict[str, list[int]] = {
    "luma DC, first block": [0],
    "luma DC": [64, 128, 192],
    "luma": [64 * phase + frequency for phase in range(4) for frequency in AC],
    "Cb DC": [256],
    "Cr DC": [512],
    "chroma": [first + frequency for first in (256, 512) for frequency in AC],
    "chroma 4:2:2": [first + 128 + frequency for first in (256, 512) for frequency in range(64)],
    "chroma 4:4:4": [
        first + 64 * phase + frequency
        for first in (256, 512)
        for phase in (1, 3)
        for frequency in range(64)
    ],
}
DIFFERENCES = ("luma DC, first block", "Cb DC", "Cr DC")
INPUTS = {"luma DC": [0], "luma": [0, 64, 128, 192], "chroma": [256, 512, 5]}
FEATURE_STEPS = [(0, 0), (0, 9), (0, 63), (1, 0), (1, 9), (2, 0), (2, 9), (2, 63)]
_TABLE_STEPS = 16 * 63 / np.log(500)  # of laplace_tables, in sixteenths, for a factor of e


def arrays() -> dict[str, NDArray[np.generic]]:
    """tables.npz."""
    rng = np.random.default_rng(4)
    channels = np.concatenate(list(map(np.array, GROUPS.values())))
    frequency = channels % 64
    spread = np.where(frequency, 60 / (1 + frequency // 8 + frequency % 8) ** 1.5, 200)
    steps = np.arange(256)
    made: dict[str, NDArray[np.generic]] = {
        "half_widths": TABLES.half_widths,
        "frequencies": TABLES.frequencies.astype(np.uint32),
        "channels": channels.astype(np.int32),
        "group_sizes": np.array([len(group) for group in GROUPS.values()], np.int32),
        "differences": np.array([name in DIFFERENCES for name in GROUPS], np.uint8),
        "start_offsets": (_TABLE_STEPS * np.log(spread / 10)).astype(np.int32),
        "step_features": (32 * np.log2(np.maximum(steps, 1))).astype(np.uint8),
        "feature_steps": np.array(FEATURE_STEPS, np.int32),
        "ring_tables": (4 * (15 + np.arange(16) - [[0], [2], [5]]) + 2).astype(np.uint8),
    }
    for number, (name, group) in enumerate(GROUPS.items()):
        if name in INPUTS:
            inputs = INPUTS[name]
            made[f"mean_inputs_{number}"] = np.array(inputs, np.int32)
            weights = rng.integers(-3, 4, (3, 3, len(inputs), len(group)))
            if name == "luma DC":
                weights[1, 1] += 4096
            made[f"mean_weights_{number}"] = weights.astype(np.int32)
    return made


def graph(
    inputs: list[tuple[str, int]], channels: int, state: str, *, bare: str
) -> onnx.ModelProto:
    """Index 3 sixteenths a channel, and more where the inputs ``bare`` are large; state goes on.

    The first one, which is told the activity, adds it.
    """
    shifts = 3 * np.arange(channels) % 40
    nodes = [
        helper.make_node("Abs", [bare], ["sizes"]),
        helper.make_node("ReduceMax", ["sizes"], ["largest"], axes=[3], keepdims=1),
        helper.make_node("Clip", ["largest", "low", "high"], ["clipped"]),
        helper.make_node("Add", ["clipped", "shifts"], ["shifted"]),
        helper.make_node("Identity", [state], ["next_state"]),
    ]
    constants = {"low": 0.0, "high": 9.0, "shifts": shifts, "unit": 1 / 16}
    if "quality" in dict(inputs):
        constants["everywhere"] = np.array([-1, 1, 1, 1])
        nodes += [
            helper.make_node("Mul", ["quality", "unit"], ["activity"]),
            helper.make_node("Reshape", ["activity", "everywhere"], ["by_patch"]),
            helper.make_node("Add", ["shifted", "by_patch"], ["index"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["shifted"], ["index"]))
    made = helper.make_graph(
        nodes,
        "toy",
        [
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, ["P", 16, 16, size] if size else ["P"]
            )
            for name, size in inputs
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["P", 16, 16, size])
            for name, size in (("index", channels), ("next_state", 11))
        ],
        [
            numpy_helper.from_array(
                np.array(value, np.int64 if name == "everywhere" else np.float32), name
            )
            for name, value in constants.items()
        ],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write_jpeg_toy(folder: Path) -> None:
    """Write a zoo entry, NAME/VERSION."""
    folder.mkdir(parents=True)
    np.savez(folder / "tables.npz", **arrays())
    before = 0
    for number, group in enumerate(GROUPS.values()):
        if number:
            inputs, state = [("state", 11), ("symbols", before)], "state"
        else:
            inputs, state = [("features", 11), ("quality", 0)], "features"
        made = graph(inputs, len(group), state, bare="symbols" if number else "features")
        for lowering in ("integer", "float"):
            onnx.save(made, folder / f"step_{number}.{lowering}.onnx")
        before = len(group)
    write_toy_card(folder)
    values = np.random.default_rng(2).integers(-40, 40, (1, 16, 16, 768)).astype(np.int16)
    model = JpegModel(folder, read_card(folder), Device("cpu", 1))  # type: ignore[arg-type]
    answers = lossless_answers_of(model, values.astype(np.int32))
    np.savez_compressed(folder / "known_answers.npz", values=values, answers=answers)


def write_toy_card(folder: Path) -> None:
    """Write the card of the files as they are."""
    names = sorted(p.name for p in folder.iterdir() if p.suffix == ".onnx" or p.stem == "tables")
    groups = [{"name": name, "channels": len(group)} for name, group in GROUPS.items()]
    card = {
        "name": folder.parent.name,
        "version": folder.name,
        "kind": "lossless",
        "description": "Toy.",
        "licence": "Apache-2.0",
        "files": {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names},
        "lossless": {"jpeg_groups": groups},
        "training": {},
        "quality": {},
        "weaknesses": [],
    }
    (folder / "model.json").write_text(json.dumps(card))


SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2, "grey": 0}


def jpeg_file(height: int, width: int, kind: str, *, quality: int = 80, **save: object) -> bytes:
    """A JPEG as Pillow writes it, of waves and noise."""
    pixels = textured(height, width, grey=kind == "grey")
    if kind != "grey":
        pixels[..., 2] = 255 - pixels[..., 2][:, ::-1]  # colours that differ
    file = BytesIO()
    Image.fromarray(pixels).save(
        file, "JPEG", quality=quality, subsampling=SUBSAMPLINGS[kind], **save
    )
    return file.getvalue()


def jpeg_picture(height: int, width: int, kind: str, **save: object) -> Picture:
    return read_picture(jpeg_file(height, width, kind, **save), limits=Limits(2**24, 2**24, 2**14))  # type: ignore[arg-type]
