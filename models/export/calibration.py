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
from models.layers.gains import ANCHORS
from models.networks.lossy_network import LossyNetwork
from models.networks.patches import to_patches
from service.runtime.tables import TableSet


@torch.no_grad()
def count_symbols(
    network: LossyNetwork, pictures: Iterable[Tensor]
) -> tuple[SymbolCounts, list[list[NDArray[np.int64]]]]:
    """Symbols by table over all qualities, and the upper level's symbols by anchor."""
    counts = SymbolCounts.empty()
    upper: list[list[NDArray[np.int64]]] = [[] for _ in range(ANCHORS)]
    for rgb in pictures:
        y = network.analysis(rgb)
        for anchor in range(ANCHORS):
            rows, columns = rgb.shape[2] // 256, rgb.shape[3] // 256
            quality = torch.full((len(rgb) * rows * columns,), float(anchor))
            symbols_z, z = network.upper(y, quality[: len(rgb)])
            upper[anchor].append(symbols_z.transpose(0, 1).flatten(1).long().numpy())
            _count_lower(network, counts, y, symbols_z, z, quality)
    return counts, upper


def _count_lower(
    network: LossyNetwork,
    counts: SymbolCounts,
    y: Tensor,
    symbols_z: Tensor,
    z: Tensor,
    quality: Tensor,
) -> None:
    scaled = to_patches(network.without_means(y, z)) * network.gain(quality)
    coded = network.code(to_patches(network.top(symbols_z)), scaled, quality)
    for symbols, values, tables in zip(coded.symbols, coded.values, coded.tables(), strict=True):
        counts.add(
            tables.flatten().numpy(), symbols.flatten().int().numpy(), values.flatten().numpy()
        )


def cheapest_tables(upper: list[list[NDArray[np.int64]]], tables: TableSet) -> NDArray[np.uint8]:
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
