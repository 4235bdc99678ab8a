"""The free float networks as single-file ONNX, NHWC, weights stored as float16.

They run on tiles; nothing downstream depends on their last bit, so any kernel may serve.
"""

from __future__ import annotations

import io
import warnings
from typing import Protocol

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

OPSET = 17
_SMALLEST_HALVED = 64  # elements; filters of a fixed transform and biases stay float32


class LossyNetwork(Protocol):
    """What the exporter needs of a lossy model; shapes as in ``models.networks.lite.Lite``."""

    def analysis(self, rgb: Tensor) -> Tensor: ...
    def hyper_analysis(self, y: Tensor) -> Tensor: ...
    def means(self, z: Tensor) -> Tensor: ...
    def synthesis(self, y: Tensor, quality: Tensor) -> Tensor: ...


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


def float_graphs(
    network: LossyNetwork, channels: int, top_channels: int, hyper_channels: int, mean_channels: int
) -> dict[str, onnx.ModelProto]:
    """ONNX models by file stem. ``hyper_channels``: channels of y that hyper-analysis reads."""
    y = torch.zeros(1, 16, 32, channels)
    graphs = {
        "analysis": _trace(
            _Analysis(network), {"picture": torch.zeros(1, 256, 512, 3, dtype=torch.uint8)}, "y"
        ),
        "hyper_analysis": _trace(_HyperAnalysis(network), {"y": y[..., :hyper_channels]}, "z"),
        "synthesis": _trace(
            _Synthesis(network), {"y": y, "quality": torch.zeros(1, 16, 32)}, "picture"
        ),
    }
    if mean_channels:
        z = torch.zeros(1, 4, 8, top_channels)
        graphs["means"] = _trace(_Means(network), {"z": z}, "y")
    return graphs


def _trace(module: nn.Module, inputs: dict[str, Tensor], output: str) -> onnx.ModelProto:
    buffer = io.BytesIO()
    axes = {name: {1: "h", 2: "w"} for name in inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every shape it reads
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            buffer,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={**axes, output: {1: "H", 2: "W"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return store_half(onnx.load_from_string(buffer.getvalue()))


def store_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep large float32 weights as float16 and cast them where they are used.

    ONNX Runtime folds the casts when it loads the graph.
    """
    graph = model.graph
    casts = []
    for index, tensor in enumerate(graph.initializer):
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < _SMALLEST_HALVED or array.ndim != 4:
            continue
        if array.shape[1] == 1 or array.shape[0] <= 4:  # the wavelet's own filters
            continue
        name = tensor.name
        half = numpy_helper.from_array(array.astype(np.float16), f"{name}.half")
        graph.initializer[index].CopyFrom(half)
        casts.append(
            helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT)
        )
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    return model
