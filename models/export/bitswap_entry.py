"""Writing bitswap's zoo entry: graphs, tables, known answers, card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from models.export.archives import ReferenceDevice, save_arrays, sha256_of, write_card
from models.export.bitswap_bounds import prove_bitswap
from models.export.bitswap_graphs import bitswap_graphs
from models.export.bitswap_sampling import blocks_of, walk
from models.export.exact_graph import LOWERINGS
from models.export.fraction_tables import FractionCounts, deviations, half_widths, logistic_mass
from models.export.tables import to_integers
from models.layers.ycocg import to_ycocg
from models.networks.bitswap import TOP_DEVIATION, Bitswap
from service.runtime.card import LatentCard, LosslessModelCard
from service.runtime.latent_model import BLOCK, LatentModel
from service.runtime.lossless_answers import lossless_answers_of
from service.runtime.lossless_model import FRACTIONS
from service.runtime.sessions import Device


def write_bitswap_entry(
    network: Bitswap,
    patches: Sequence[NDArray[np.int32]],
    folder: Path,
    card: Mapping[str, object],
) -> LosslessModelCard:
    """Write ``folder`` (NAME/VERSION) from a network whose exact layers are settled and exact.

    Parameters
    ----------
    network
        Trained; ``set_exact`` is on.
    patches
        (256, 256, 3) YCoCg-R values of training pictures, for the tables.
    card
        name, version, description, licence, training, quality, weaknesses.

    Raises
    ------
    BoundError
        An exact layer could leave the integers that float32 holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prove_bitswap(network)
    names = []
    for lowering in LOWERINGS:
        for stem, graph in bitswap_graphs(network, lowering).items():
            names.append(f"{stem}.{lowering}.onnx")
            onnx.save(graph, folder / names[-1])
    names.append("tables.npz")
    anatomy = LatentCard(latents=network.levels, side=network.side, channels=network.channels)

    def entry() -> LosslessModelCard:
        files = {name: sha256_of(folder / name) for name in sorted(names)}
        return LosslessModelCard(kind="lossless", files=files, lossless=anatomy, **card)

    counts = FractionCounts()
    _save_tables(folder, counts, network.channels)
    model = LatentModel(folder, entry(), Device("cpu", 0))
    count_symbols(model, patches, counts)
    _save_tables(folder, counts, network.channels)
    written = entry()
    write_card(folder, written)
    values = _example()
    save_arrays(
        folder / "known_answers.npz",
        values=values.astype(np.int16),
        answers=lossless_answers_of(LatentModel(folder, written, ReferenceDevice()), values),
    )
    return written


def count_symbols(
    model: LatentModel, patches: Iterable[NDArray[np.int32]], counts: FractionCounts
) -> None:
    """Count the symbols of pixels and of latents given what is above them, the top's included.

    patches are YCoCg-R values, of sides that are multiples of 64.
    """
    rng = np.random.default_rng(0)
    for patch in patches:
        for step in walk(model, blocks_of(patch), rng):
            if not step.name.startswith("q"):
                counts.add(step.tables, step.symbols)


def posterior_frequencies() -> NDArray[np.int64]:
    """Integer tables of logistic densities cut off at the half widths, for posteriors.

    Popping with them must be sampling from what training took the posterior for, so nothing is
    counted here.
    """
    made = []
    for table, (deviation, half) in enumerate(zip(deviations(), half_widths(), strict=True)):
        mean = (table % FRACTIONS + 0.5) / FRACTIONS
        inside = logistic_mass(float(deviation), mean, int(half))[:-1]
        made.append(to_integers(np.maximum(inside, 0) / inside.sum()))
    return np.concatenate(made)


def _save_tables(folder: Path, counts: FractionCounts, channels: int) -> None:
    # A standard logistic before counting; of the four tables of its scale that of mean 1/8.
    top = FRACTIONS * int(np.argmin(np.abs(deviations()[::FRACTIONS] - TOP_DEVIATION)))
    save_arrays(
        folder / "tables.npz",
        half_widths=counts.half_widths,
        frequencies=counts.frequencies().astype(np.uint32),
        posterior_half_widths=half_widths(),
        posterior_frequencies=posterior_frequencies().astype(np.uint32),
        top_tables=np.full(channels, top, np.uint8),
    )


def _example() -> NDArray[np.int32]:
    """Blocks with smooth and busy parts, saturated ones and noise of all strengths."""
    rng = np.random.default_rng(8)
    row, column = np.mgrid[: 2 * BLOCK, : 4 * BLOCK]
    waves = np.stack([np.sin(row / 9 + k) * np.cos(column / (11 + 9 * k)) for k in range(3)], -1)
    noise = rng.normal(size=waves.shape) * 2.0 ** (column // 32 - 1)[..., None]
    rgb = torch.from_numpy(np.clip(np.rint(128 + 250 * waves + noise), 0, 255)).permute(2, 0, 1)
    return blocks_of(to_ycocg(rgb[None])[0].permute(1, 2, 0).int().contiguous().numpy())
