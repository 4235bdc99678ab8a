"""The free float networks as single-file ONNX, NHWC, learned weights stored as float16.

They run on tiles; nothing downstream depends on their last bit, so any kernel may serve.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models.networks.lossy_network import LossyNetwork

OPSET = 17
_SMALLEST_HALVED = 1024  # elements: biases are not worth a rounding


class _Analysis(nn.Module):
    """picture (1, H, W, 3) uint8 -> y (1, H/16, W/16, C) float32."""

    def __init__(self, network: LossyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        return self.network.analysis(picture.permute(0, 3, 1, 2).float()).permute(0, 2, 3, 1)


class _HyperAnalysis(nn.Module):
    """y (1, h, w, C) -> z (1, h/4, w/4, Cz)."""

    def __init__(self, network: LossyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, y: Tensor) -> Tensor:
        return self.network.hyper_analysis(y.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class _Means(nn.Module):
    """z (1, h, w, Cz) -> means of the first channels of y (1, 4 h, 4 w, K)."""

    def __init__(self, network: LossyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        return self.network.means(z.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class _Synthesis(nn.Module):
    """y (1, h, w, C), quality (1, h, w) real -> picture (1, 16 h, 16 w, 3) uint8."""

    def __init__(self, network: LossyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, y: Tensor, quality: Tensor) -> Tensor:
        rgb = self.network.synthesis(y.permute(0, 3, 1, 2), quality)
        return torch.round(rgb.clamp(0, 255)).to(torch.uint8).permute(0, 2, 3, 1)


def float_graphs(network: LossyNetwork) -> dict[str, onnx.ModelProto]:
    """ONNX models by file stem; ``means`` only where something is predicted."""
    y = torch.zeros(1, 16, 32, network.channels)
    read = y[..., : network.hyper_channels]
    picture = torch.zeros(1, 256, 512, 3, dtype=torch.uint8)
    quality = torch.zeros(1, 16, 32)
    graphs = {
        "analysis": traced(_Analysis(network), {"picture": picture}, ["y"]),
        "hyper_analysis": traced(_HyperAnalysis(network), {"y": read}, ["z"]),
        "synthesis": traced(_Synthesis(network), {"y": y, "quality": quality}, ["picture"]),
    }
    if network.mean_channels:
        z = torch.zeros(1, 4, 8, network.top_channels)
        graphs["means"] = traced(_Means(network), {"z": z}, ["y"])
    return graphs


def traced(
    module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], patches: bool = False
) -> onnx.ModelProto:
    """A module as ONNX: a picture of any size, or any number of ``patches``."""
    free = {0: "patches"} if patches else {1: "h", 2: "w"}
    freed = free if patches else {1: "H", 2: "W"}
    axes = {**dict.fromkeys(inputs, free), **dict.fromkeys(outputs, freed)}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every shape it reads
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            path,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        model = onnx.load(path)
    keep_inputs(model, inputs)
    store_half(model, {name for name, _ in module.named_parameters()})
    onnx.checker.check_model(model)
    return model


def keep_inputs(model: onnx.ModelProto, inputs: dict[str, Tensor]) -> None:
    """Declare inputs that the network does not look at: every model is fed alike."""
    found = {each.name for each in model.graph.input}
    for name, example in inputs.items():
        if name not in found:
            shape = [example.shape[0], "h", "w", *example.shape[3:]]
            value = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            model.graph.input.append(value)


def store_half(model: onnx.ModelProto, learned: set[str]) -> None:
    """Keep large learned weights as float16 and cast them where they are used.

    ONNX Runtime folds the casts when it loads the graph. The filters of a fixed transform are not
    among ``learned`` and stay float32.
    """
    casts = []
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.name not in learned or array.size < _SMALLEST_HALVED:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
