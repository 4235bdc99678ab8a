"""Writing a segmentation zoo entry: one graph, a known answer, the card."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.export.archives import ReferenceDevice, save_arrays, sha256_of, write_card
from models.export.platt import Platt
from service.runtime.card import SegmentationCard, SegmentationModelCard
from service.runtime.segmentation_answers import segmentation_answers_of
from service.runtime.segmentation_model import SegmentationModel

OPSET = 17
_MODEL = "model.onnx"


class _Probability(nn.Module):
    def __init__(self, network: nn.Module, platt: Platt) -> None:
        super().__init__()
        self.network, self.platt = network, platt

    def forward(self, picture: Tensor) -> Tensor:
        return torch.sigmoid(self.network(picture) * self.platt.slope + self.platt.offset)


def probability_graph(network: nn.Module, platt: Platt, height: int, width: int) -> onnx.ModelProto:
    """``picture`` (B, 3, H, W) 0..255 to ``probability`` (B, 1, H, W), float32; B is free."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of every shape it reads
        path = Path(folder) / "traced.onnx"
        torch.onnx.export(
            _Probability(network, platt).eval(),
            (torch.zeros(1, 3, height, width),),
            path,
            input_names=["picture"],
            output_names=["probability"],
            dynamic_axes={"picture": {0: "B"}, "probability": {0: "B"}},
            opset_version=OPSET,
            dynamo=False,
        )
        model = onnx.load(path)
    onnx.checker.check_model(model)
    return model


def write_segmentation_entry(
    network: nn.Module,
    platt: Platt,
    picture: NDArray[np.uint8],
    folder: Path,
    card: Mapping[str, object],
) -> SegmentationModelCard:
    """Write ``folder`` (NAME/VERSION) from a trained network.

    Parameters
    ----------
    network
        Trained; its weights are written as float32.
    platt
        From its logits to probabilities.
    picture
        (h, w, 3), a whole fraction of 512x768: the known answer is what the network finds in it.
    card
        name, version, description, licence, training, quality, weaknesses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    anatomy = SegmentationCard()
    onnx.save(probability_graph(network, platt, anatomy.height, anatomy.width), folder / _MODEL)
    written = SegmentationModelCard(
        kind="segmentation",
        files={_MODEL: sha256_of(folder / _MODEL)},
        segmentation=anatomy,
        **card,
    )
    write_card(folder, written)
    model = SegmentationModel(folder, written, ReferenceDevice())
    save_arrays(
        folder / "known_answers.npz",
        picture=picture,
        probability=segmentation_answers_of(model, picture).astype(np.float16),
    )
    return written
