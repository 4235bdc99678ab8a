"""What the exporter measures on training pictures: activations, tables, the upper level's scales.

The exact networks must already be exact when symbols are counted, since the counts belong to the
tables that the integers choose.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.export.tables import SymbolCounts
from models.layers.density import TABLES
from models.layers.gains import ANCHORS
from models.networks.lite import Lite, on_grid, quantise
from service.runtime.tables import TableSet


@torch.no_grad()
def count_symbols(
    network: Lite, pictures: Iterable[Tensor], offsets: NDArray[np.int32]
) -> tuple[SymbolCounts, list[list[NDArray[np.int64]]]]:
    """Symbols by table over all qualities, and the upper level's symbols by anchor.

    ``offsets`` are the integer index offsets by anchor (``index_offsets``).
    """
    counts = SymbolCounts.empty()
    upper: list[list[NDArray[np.int64]]] = [[] for _ in range(ANCHORS)]
    for rgb in pictures:
        y_whole = network.analysis(rgb)
        for anchor in range(ANCHORS):
            rows, columns = rgb.shape[2] // 256, rgb.shape[3] // 256
            quality = torch.full((len(rgb), rows, columns), float(anchor))
            symbols_z, z = network.upper(y_whole, quality[:, 0, 0])
            upper[anchor].append(symbols_z.transpose(0, 1).flatten(1).long().numpy())
            _count_lower(network, counts, y_whole, symbols_z, z, quality, offsets[anchor])
    return counts, upper


def _count_lower(
    network: Lite,
    counts: SymbolCounts,
    y_whole: Tensor,
    symbols_z: Tensor,
    z: Tensor,
    quality: Tensor,
    offset: NDArray[np.int32],
) -> None:
    low = network.means(z)
    y = torch.cat([y_whole[:, : low.shape[1]] - low, y_whole[:, low.shape[1] :]], 1)
    gain = torch.exp(network.gain_map(on_grid(quality)))
    scaled = network.patches(y * gain)
    symbols = quantise(scaled)
    groups = network.prior.groups
    split = [network.unfold(symbols, g) for g in groups]
    features = network.patches(network.top(symbols_z))
    indices = network.prior(features, quality.reshape(-1) * 64, split)
    native = 0
    for group, index, ints in zip(groups, indices, split, strict=True):
        shift = torch.from_numpy(offset[native : native + group.native])[:, None, None]
        native += group.native
        sixteenths = torch.floor(index * 16 + 0.5).int() + shift
        tables = (sixteenths >> 4).clamp(0, TABLES - 1)
        values = network.unfold(scaled, group)
        counts.add(
            tables.flatten().numpy(), ints.flatten().int().numpy(), values.flatten().numpy()
        )


def cheapest_tables(
    upper: list[list[NDArray[np.int64]]], tables: TableSet
) -> NDArray[np.uint8]:
    """For every anchor and channel of z, the table that codes its symbols in the fewest bits."""
    chosen = np.zeros((len(upper), len(upper[0][0])), np.uint8)
    for anchor, parts in enumerate(upper):
        symbols = np.concatenate(parts, 1).astype(np.int32)
        for channel, row in enumerate(symbols):
            costs = [
                tables.bits(row, np.full(len(row), table, np.uint8)) for table in range(len(tables))
            ]
            chosen[anchor, channel] = int(np.argmin(costs))
    return chosen
