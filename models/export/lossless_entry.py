"""Writing a lossless zoo entry: graphs, tables, known answers, card."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from models.export.archives import ReferenceDevice, save_arrays, sha256_of, write_card
from models.export.exact_graph import LOWERINGS
from models.export.fraction_tables import FractionCounts
from models.export.pyramid_bounds import prove_pyramid
from models.export.pyramid_graphs import level_graphs
from models.layers.ycocg import to_ycocg
from models.networks.pyramid import Pyramid
from service.runtime.card import (
    JpegLosslessCard,
    LosslessCard,
    LosslessModelCard,
    read_card,
)
from service.runtime.lossless_answers import lossless_answers_of
from service.runtime.lossless_model import (
    COMPONENTS,
    JPEG_PREFIX,
    LosslessModel,
    PixelModel,
)
from service.runtime.pixel_chain import PATCH, PixelChain, Step, slice_of
from service.runtime.sessions import Device
from service.runtime.tables import TableSet

# Before tables are counted; any will do, since counting asks for indices alone.
_UNKNOWN_START = np.zeros(COMPONENTS, np.uint8)


def write_lossless_entry(
    network: Pyramid,
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
    entry = _Entry(folder, LosslessCard(networks=len(network.levels)), card)
    entry.add(network)
    entry.count(lambda model: model, patches)
    return entry.finish()


def write_jpeg_entry(
    network: Pyramid,
    patches: Sequence[NDArray[np.int32]],
    plain: Path,
    folder: Path,
    card: Mapping[str, object],
) -> LosslessModelCard:
    """Write an entry whose networks for patches in a JPEG's colours are ``network``.

    Parameters
    ----------
    patches
        (256, 256, 3) YCbCr values of training pictures.
    plain
        The entry whose networks for all other patches are taken over.
    network, folder, card
        As in ``write_lossless_entry``.

    Raises
    ------
    ValueError
        ``plain`` is no entry of a pyramid.
    BoundError
        An exact layer could leave the integers that float32 holds.
    """
    old = read_card(plain)
    if not isinstance(old, LosslessModelCard) or not isinstance(old.lossless, LosslessCard):
        raise ValueError(f"{plain} is no pyramid")
    counts = old.lossless.networks, len(network.levels)
    anatomy = JpegLosslessCard(networks=counts[0], jpeg_networks=counts[1])
    folder.mkdir(parents=True, exist_ok=True)
    entry = _Entry(folder, anatomy, card)
    for name in old.files:
        if not name.startswith(JPEG_PREFIX):
            entry.names.append(name)
            shutil.copyfile(plain / name, folder / name)
    entry.add(network, JPEG_PREFIX)
    entry.count(_jpeg_part, patches, JPEG_PREFIX)
    return entry.finish()


def _jpeg_part(model: LosslessModel) -> PixelModel:
    assert model.jpeg is not None
    return model.jpeg


class _Entry:
    """A folder that fills with files, and the card that names them."""

    def __init__(self, folder: Path, anatomy: LosslessCard, card: Mapping[str, object]) -> None:
        self.names: list[str] = []
        self._folder, self._anatomy, self._card = folder, anatomy, card

    def add(self, network: Pyramid, prefix: str = "") -> None:
        """Graphs, proven, in both lowerings."""
        prove_pyramid(network)
        for lowering in LOWERINGS:
            for stem, graph in level_graphs(network, lowering).items():
                self.names.append(f"{prefix}{stem}.{lowering}.onnx")
                onnx.save(graph, self._folder / self.names[-1])

    def count(
        self,
        part: Callable[[LosslessModel], PixelModel],
        patches: Sequence[NDArray[np.int32]],
        prefix: str = "",
    ) -> None:
        """Tables, as patches ask for them."""
        self.names.append(f"{prefix}tables.npz")
        path, counts = self._folder / self.names[-1], FractionCounts()
        _save_tables(path, counts, _UNKNOWN_START)
        model = LosslessModel(self._folder, self.described(), Device("cpu", 0))
        starts = count_symbols(part(model), patches, counts)
        _save_tables(path, counts, cheapest_tables(starts, counts))

    def described(self) -> LosslessModelCard:
        """The card of the files as they are."""
        files = {name: sha256_of(self._folder / name) for name in sorted(self.names)}
        return LosslessModelCard(kind="lossless", files=files, lossless=self._anatomy, **self._card)

    def finish(self) -> LosslessModelCard:
        """Write the card and the known answers."""
        card = self.described()
        write_card(self._folder, card)
        values = _example()
        save_arrays(
            self._folder / "known_answers.npz",
            values=values.astype(np.int16),
            answers=lossless_answers_of(
                LosslessModel(self._folder, card, ReferenceDevice()), values
            ),
        )
        return card


def count_symbols(
    model: PixelModel, patches: Iterable[NDArray[np.int32]], counts: FractionCounts
) -> list[NDArray[np.int32]]:
    """Count every step's symbols; returns those of the start by component, which are not counted.

    patches are values (256, 256, 3) in the colours that the model is for.
    """
    starts: list[list[NDArray[np.int32]]] = [[] for _ in range(COMPONENTS)]
    for patch in patches:

        def code(
            step: Step,
            centres: NDArray[np.int32],
            tables: NDArray[np.uint8],
            values: NDArray[np.int32] = patch[None],
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


def _save_tables(path: Path, counts: FractionCounts, starts: NDArray[np.uint8]) -> None:
    save_arrays(
        path,
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
