"""Writing the zoo entry of a model of a JPEG's coefficients: graphs, means, tables, card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.export.archives import ReferenceDevice, save_arrays, sha256_of, write_card
from models.export.bounds import prove_prior_bounds
from models.export.coefficient_tables import (
    cheapest_ring_tables,
    coefficient_counts,
    ring_samples,
)
from models.export.exact_graph import LOWERINGS
from models.export.prior_graphs import step_graphs
from models.layers.exact import exact_layers, set_exact
from models.networks.coefficient_means import NEIGHBOURS
from models.networks.jpeg_dct import JpegDct, shown_steps
from models.networks.subband_prior import INDEX_FRACTION, MAGNITUDE_BITS, magnitude
from models.training.calibration import calibrate
from service.runtime.card import JpegCard, JpegGroupCard, LosslessModelCard
from service.runtime.jpeg_chain import CELLS
from service.runtime.jpeg_model import CHANNELS, FREQUENCIES, LARGEST_VALUE, JpegModel
from service.runtime.lossless_answers import lossless_answers_of
from service.runtime.tables import TableSet

_LARGEST_STEP = 255


def make_coefficients_exact(network: JpegDct, cells: Iterable[Tensor]) -> None:
    """Switch to integers; layers that never settled in training do so on batches of cells."""
    layers = [layer for layer in exact_layers(network) if not layer.settled]
    if layers:
        calibrate(network, layers, network, cells)
    set_exact(network, True)


def write_coefficient_entry(
    network: JpegDct, cells: Iterable[Tensor], folder: Path, card: Mapping[str, object]
) -> LosslessModelCard:
    """Write ``folder`` (NAME/VERSION) from a network whose exact layers are settled and exact.

    Parameters
    ----------
    network
        Trained; ``set_exact`` is on.
    cells
        Batches (B, 961, 16, 16) of training patches, for the tables.
    card
        name, version, description, licence, training, quality, weaknesses.

    Raises
    ------
    BoundError
        An exact layer could leave the integers that float32 holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prove_prior_bounds(network.prior)
    names = []
    for lowering in LOWERINGS:
        for number, graph in enumerate(step_graphs(network.prior, lowering)):
            names.append(f"step_{number}.{lowering}.onnx")
            onnx.save(graph, folder / names[-1])
    batches = list(cells)
    counts = coefficient_counts(network, batches)
    frequencies = counts.frequencies()
    tables = TableSet(counts.half_widths, frequencies)
    save_arrays(
        folder / "tables.npz",
        half_widths=counts.half_widths,
        frequencies=frequencies.astype(np.uint32),
        ring_tables=cheapest_ring_tables(tables, ring_samples(batches)),
        **arrays_of(network),
    )
    names.append("tables.npz")
    groups = tuple(
        JpegGroupCard(name=part.name, channels=len(group.channels))
        for part, group in zip(network.prior.groups, network.groups, strict=True)
    )
    written = LosslessModelCard(
        kind="lossless",
        files={name: sha256_of(folder / name) for name in sorted(names)},
        lossless=JpegCard(jpeg_groups=groups),
        **card,
    )
    model = JpegModel(folder, written, ReferenceDevice("cpu", 1))
    values = _example()
    answers = lossless_answers_of(model, values)
    save_arrays(folder / "known_answers.npz", values=values, answers=answers)
    write_card(folder, written)
    return written


def arrays_of(network: JpegDct) -> dict[str, NDArray[np.generic]]:
    """What the service needs of a network beside its graphs and tables."""
    told = magnitude(torch.arange(_LARGEST_STEP + 1).float()) * 2**MAGNITUDE_BITS
    channels = [channel for group in network.groups for channel in group.channels]
    starts = torch.round(network.start[channels].double() * INDEX_FRACTION).int().numpy()
    found: dict[str, NDArray[np.generic]] = {
        "channels": np.array(channels, np.int32),
        "group_sizes": np.array([len(group.channels) for group in network.groups], np.int32),
        "differences": np.array([group.differences for group in network.groups], np.uint8),
        "start_offsets": starts.astype(np.int32),
        "step_features": told.numpy().astype(np.uint8),
        "feature_steps": np.array(shown_steps(), np.int32),
    }
    for number, group in enumerate(network.groups):
        if not group.inputs:
            continue
        weights = network.means.weights(number).numpy().astype(np.int32)
        by_cell = weights.T.reshape(NEIGHBOURS, len(group.inputs), len(group.channels))
        found[f"mean_inputs_{number}"] = np.array(group.inputs, np.int32)
        found[f"mean_weights_{number}"] = by_cell.reshape(3, 3, *by_cell.shape[1:])
    return found


def _example() -> NDArray[np.int32]:
    """Coefficients (2, 16, 16, 768) from faint to wild, some as large as there can be."""
    rng = np.random.default_rng(8)
    frequency = np.arange(CHANNELS) % FREQUENCIES
    slope = 300 / (1 + frequency // 8 + frequency % 8) ** 2
    strength = 2.0 ** rng.integers(-5, 3, (2, CELLS, CELLS, 1))
    values = rng.laplace(size=(2, CELLS, CELLS, CHANNELS)) * slope * strength
    wild = rng.integers(-LARGEST_VALUE, LARGEST_VALUE, values.shape)
    values = np.where(rng.random(values.shape) < 1e-3, wild, np.rint(values))
    return values.clip(-LARGEST_VALUE, LARGEST_VALUE - 1).astype(np.int32)
