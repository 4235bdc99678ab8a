"""Writing a lossless zoo entry: graphs, tables, known answers, card."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from models.export.archives import ReferenceDevice, save_arrays, sha256_of
from models.export.exact_graph import LOWERINGS
from models.export.fraction_tables import FractionCounts
from models.export.pyramid_bounds import prove_pyramid
from models.export.pyramid_graphs import level_graphs
from models.layers.ycocg import to_ycocg
from models.networks.pyramid import Pyramid
from service.runtime.card import LosslessCard, LosslessModelCard
from service.runtime.lossless_answers import lossless_answers_of
from service.runtime.lossless_model import COMPONENTS, LosslessModel
from service.runtime.pixel_chain import PATCH, PixelChain, Step, slice_of
from service.runtime.sessions import Device
from service.runtime.tables import TableSet

# Before tables are counted; any will do, since counting asks for indices alone.
_UNKNOWN_START = np.zeros(COMPONENTS, np.uint8)


def write_lossless_entry(
    network: Pyramid,
    patches: Sequence[NDArray[np.uint8]],
    folder: Path,
    card: Mapping[str, object],
) -> LosslessModelCard:
    """Write ``folder`` (NAME/VERSION) from a network whose exact layers are settled and exact.

    Parameters
    ----------
    network
        Trained; ``set_exact`` is on.
    patches
        (256, 256, 3) RGB: training pictures, for the tables.
    card
        name, version, description, licence, training, quality, weaknesses.

    Raises
    ------
    BoundError
        An exact layer could leave the integers that float32 holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prove_pyramid(network)
    names = []
    for lowering in LOWERINGS:
        for stem, graph in level_graphs(network, lowering).items():
            names.append(f"{stem}.{lowering}.onnx")
            onnx.save(graph, folder / names[-1])
    names.append("tables.npz")
    anatomy = LosslessCard(networks=len(network.levels))

    def entry() -> LosslessModelCard:
        files = {name: sha256_of(folder / name) for name in sorted(names)}
        return LosslessModelCard(kind="lossless", files=files, lossless=anatomy, **card)

    counts = FractionCounts()
    _save_tables(folder, counts, _UNKNOWN_START)
    starts = count_symbols(LosslessModel(folder, entry(), Device("cpu", 0)), patches, counts)
    _save_tables(folder, counts, cheapest_tables(starts, counts))
    written = entry()
    text = json.dumps(written.model_dump(mode="json"), indent=1, sort_keys=False)
    (folder / "model.json").write_text(text + "\n")
    values = _example()
    save_arrays(
        folder / "known_answers.npz",
        values=values.astype(np.int16),
        answers=lossless_answers_of(LosslessModel(folder, written, ReferenceDevice()), values),
    )
    return written


def count_symbols(
    model: LosslessModel, patches: Iterable[NDArray[np.uint8]], counts: FractionCounts
) -> list[NDArray[np.int32]]:
    """Count every step's symbols; returns those of the start by component, which are not counted.

    patches are (256, 256, 3) RGB.
    """
    starts: list[list[NDArray[np.int32]]] = [[] for _ in range(COMPONENTS)]
    for patch in patches:
        values = values_of(patch)

        def code(
            step: Step,
            centres: NDArray[np.int32],
            tables: NDArray[np.uint8],
            values: NDArray[np.int32] = values,
        ) -> NDArray[np.int32]:
            symbols: NDArray[np.int32] = values[slice_of(step)] - centres
            if step.phase == "a":
                starts[step.component].append(symbols.reshape(-1))
            else:
                counts.add(tables, symbols)
            return symbols

        PixelChain(model, 1, grey=False).walk(code)
    return [np.concatenate(each) for each in starts]


def cheapest_tables(starts: list[NDArray[np.int32]], counts: FractionCounts) -> NDArray[np.uint8]:
    """For each component, the table that codes its start in the fewest bits."""
    tables = TableSet(counts.half_widths, counts.frequencies())
    chosen = []
    for symbols in starts:
        costs = [tables.bits(symbols, np.full(len(symbols), t)) for t in range(len(tables))]
        chosen.append(int(np.argmin(costs)))
    return np.array(chosen, np.uint8)


def values_of(patch: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(256, 256, 3) RGB to (1, 256, 256, 3) YCoCg-R."""
    rgb = torch.from_numpy(patch.astype(np.float32)).permute(2, 0, 1)[None]
    values: NDArray[np.int32] = to_ycocg(rgb).permute(0, 2, 3, 1).int().contiguous().numpy()
    return values


def _save_tables(folder: Path, counts: FractionCounts, starts: NDArray[np.uint8]) -> None:
    save_arrays(
        folder / "tables.npz",
        half_widths=counts.half_widths,
        frequencies=counts.frequencies().astype(np.uint32),
        start_tables=starts,
    )


def _example() -> NDArray[np.int32]:
    """A patch with smooth and busy parts, saturated ones and noise of all strengths."""
    rng = np.random.default_rng(8)
    row, column = np.mgrid[:PATCH, :PATCH]
    waves = np.stack([np.sin(row / 9 + k) * np.cos(column / (11 + 9 * k)) for k in range(3)], -1)
    strength = 2.0 ** (row // 32 - 1)
    noise = rng.normal(size=(PATCH, PATCH, 3)) * strength[..., None]
    rgb = 128 + 150 * waves + noise
    return values_of(np.clip(np.rint(rgb), 0, 255).astype(np.uint8))
