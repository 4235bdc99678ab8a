"""Writing a zoo entry: graphs, tables, known answers, card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.export.archives import ReferenceDevice, save_arrays, sha256_of, write_card
from models.export.bounds import prove_bounds, prove_prior_bounds
from models.export.calibration import (
    cheapest_tables,
    code_at_anchors,
    count_symbols,
    settle_trellis,
)
from models.export.detail_graphs import detail_graphs
from models.export.exact_graph import LOWERINGS
from models.export.float_graphs import float_graphs
from models.export.prior_graphs import features_graph, step_graphs
from models.layers.density import index_of
from models.layers.gains import Gains
from models.layers.quantiser import TrellisQuantiser
from models.networks.lossy_network import LossyNetwork
from models.networks.patches import PATCH
from models.networks.phases import FIRST_DETAIL
from models.networks.standard import Standard
from models.networks.subband_prior import INDEX_FRACTION, SubbandPrior
from service.runtime.card import GroupCard, LossyCard, LossyModelCard, PredictedLossyCard
from service.runtime.exact_chain import QUALITY_STEPS
from service.runtime.known_answers import answers_of
from service.runtime.lossy_model import LossyModel

KNOWN_ANCHOR = 5


def index_offsets(prior: SubbandPrior, gains: Gains) -> NDArray[np.int32]:
    """What each anchor adds to a native channel's index, (anchors, n), in sixteenths."""
    start = torch.cat([torch.full((g.native,), g.start) for g in prior.groups])
    offsets = torch.round((index_of(gains.logarithm.detach()) + start) * INDEX_FRACTION)
    return offsets.int().numpy()


def group_cards(prior: SubbandPrior | None) -> tuple[GroupCard, ...]:
    """The card's description of a level's groups."""
    groups = prior.groups if prior is not None else []
    return tuple(GroupCard(name=g.name, channels=len(g.channels), fold=g.fold) for g in groups)


def has_trellis(network: LossyNetwork) -> bool:
    """Whether y is quantised along a trellis."""
    return isinstance(network.quantiser, TrellisQuantiser)


def anatomy(network: LossyNetwork) -> LossyCard:
    """The card's description of a network's levels."""
    common = LossyCard(
        channels=network.channels,
        top_channels=network.top_channels,
        hyper_channels=network.hyper_channels,
        mean_channels=network.mean_channels,
        groups=group_cards(network.prior),
        top_groups=group_cards(network.top_prior),
        top_differences=network.top_differences,
        analysis_halo=network.analysis_halo,
        synthesis_halo=network.synthesis_halo,
        rate_weight=network.quantiser.rate_weight,
        quantiser="trellis" if has_trellis(network) else "scalar",
    )
    if not isinstance(network, Standard):
        return common
    predicted = tuple(range(FIRST_DETAIL, len(network.prior.groups)))
    return PredictedLossyCard(**common.model_dump(), predicted_groups=predicted)


def write_zoo_entry(
    network: LossyNetwork,
    pictures: Sequence[Tensor],
    folder: Path,
    card: Mapping[str, object],
) -> LossyModelCard:
    """Write ``folder`` (NAME/VERSION) from a network whose exact layers are settled and exact.

    Parameters
    ----------
    network
        Trained; ``set_exact`` is on.
    pictures
        (B, 3, H, W) RGB 0..255, sides multiples of 256: training pictures, for the tables.
    card
        name, version, description, licence, training, quality, weaknesses.

    Raises
    ------
    BoundError
        An exact layer could leave the integers that float32 holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prove_bounds(network.top, network.prior)
    if network.top_prior is not None:
        prove_prior_bounds(network.top_prior)
    parts = anatomy(network)
    graphs = float_graphs(network)
    if isinstance(network, Standard):
        graphs |= detail_graphs(network)
    for lowering in LOWERINGS:
        graphs[f"features.{lowering}"] = features_graph(network.top, lowering)
        for number, graph in enumerate(step_graphs(network.prior, lowering)):
            graphs[f"step_{number}.{lowering}"] = graph
        if network.top_prior is not None:
            for number, graph in enumerate(step_graphs(network.top_prior, lowering, side=None)):
                graphs[f"top_step_{number}.{lowering}"] = graph
    for stem, graph in graphs.items():
        onnx.save(graph, folder / f"{stem}.onnx")
    settle_trellis(network, pictures)
    counts, top_counts, upper = count_symbols(network, pictures)
    tables, top_tables = counts.tables(), top_counts.tables()
    top: dict[str, NDArray[np.generic]]
    if network.top_prior is not None:
        top = {"top_index_offsets": index_offsets(network.top_prior, network.gains_z)}
    else:
        top = {"top_tables": cheapest_tables(upper, top_tables)}
    if has_trellis(network):
        top["top_half_widths"] = top_tables.half_widths
        top["top_frequencies"] = top_tables.frequencies.astype(np.uint32)
    save_arrays(
        folder / "tables.npz",
        half_widths=tables.half_widths,
        frequencies=tables.frequencies.astype(np.uint32),
        log_gains=network.gains_y.logarithm.detach().numpy(),
        top_log_gains=network.gains_z.logarithm.detach().numpy(),
        index_offsets=index_offsets(network.prior, network.gains_y),
        reconstruction=counts.reconstruction(),
        **top,
    )
    files = {f"{stem}.onnx": sha256_of(folder / f"{stem}.onnx") for stem in graphs}
    files["tables.npz"] = sha256_of(folder / "tables.npz")
    written = LossyModelCard(kind="lossy", files=dict(sorted(files.items())), lossy=parts, **card)
    _save_known_answers(folder, written, network, pictures[0])
    write_card(folder, written)
    return written


def _save_known_answers(
    folder: Path, card: LossyModelCard, network: LossyNetwork, picture: Tensor
) -> None:
    """Symbols of one patch of a real picture, and the tables that the float lowering gives.

    Real symbols keep the networks in the range where they decide something; random ones leave
    most of them silent.
    """
    patch = picture[:1, :, :PATCH, :PATCH]
    coded = list(code_at_anchors(network, patch))
    (top, _), lower = coded[KNOWN_ANCHOR]
    symbols = network.fold(lower.symbols).permute(0, 2, 3, 1).int().numpy()
    top_symbols = top[0].permute(1, 2, 0).int().numpy()
    model = LossyModel(folder, card, ReferenceDevice())
    quality64 = KNOWN_ANCHOR * QUALITY_STEPS
    save_arrays(
        folder / "known_answers.npz",
        top_symbols=top_symbols,
        symbols=symbols,
        quality64=np.array(quality64, np.int32),
        tables=answers_of(model, top_symbols, symbols, quality64),
    )
