"""What the exporter measures on training pictures: activations, symbols, the upper level's tables.

The exact networks must already be exact when symbols are counted, since the counts belong to the
tables that the integers choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.export.tables import SymbolCounts, costs
from models.layers.exact import exact_layers, set_exact
from models.layers.gains import ANCHORS
from models.networks.lossy_network import Coded, LossyNetwork, table_of
from models.networks.patches import PATCH
from models.training.calibration import calibrate
from service.runtime.tables import TableSet


def make_exact(network: LossyNetwork, pictures: Iterable[Tensor]) -> None:
    """Switch to integer arithmetic; layers that never settled in training do so here."""
    layers = [layer for layer in exact_layers(network) if not layer.settled]
    if layers:

        def code(rgb: Tensor) -> None:
            for _ in code_at_anchors(network, rgb):
                pass

        calibrate(network, layers, code, pictures)
    set_exact(network, True)


@torch.no_grad()
def code_at_anchors(
    network: LossyNetwork, rgb: Tensor
) -> Iterator[tuple[tuple[Tensor, Tensor | None], Coded]]:
    """The upper level and the coded patches of pictures, at one anchor after another.

    Of the upper level: what is coded, (B, Cz, h, w), and its tables where they are not static.
    """
    y = network.analysis(rgb)
    patches = len(rgb) * (rgb.shape[2] // PATCH) * (rgb.shape[3] // PATCH)
    for anchor in range(ANCHORS):
        top_quality = torch.full((len(rgb),), float(anchor))
        symbols_z, z = network.upper(y, top_quality)
        top: tuple[Tensor, Tensor | None] = symbols_z, None
        if network.top_prior is not None:
            coded_z, indices = network.top_indices(symbols_z, top_quality)
            top = coded_z, table_of(indices)
        quality = torch.full((patches,), float(anchor))
        yield top, network.code_patches(y, symbols_z, z, quality)


def count_symbols(
    network: LossyNetwork, pictures: Iterable[Tensor]
) -> tuple[SymbolCounts, list[NDArray[np.int32]]]:
    """Symbols by table over all qualities; the upper level's, (Cz, n), by anchor.

    Where the upper level has tables of its own, its symbols count like all others.
    """
    counts = SymbolCounts()
    upper: list[list[NDArray[np.int32]]] = [[] for _ in range(ANCHORS)]
    for rgb in pictures:
        for seen, (top, coded) in zip(upper, code_at_anchors(network, rgb), strict=True):
            symbols_z, tables_z = top
            seen.append(symbols_z.transpose(0, 1).flatten(1).int().numpy())
            if tables_z is not None:
                counts.add(tables_z.flatten().numpy(), symbols_z.flatten().int().numpy())
            parts = zip(coded.tables(), coded.symbols, coded.values, strict=True)
            for tables, symbols, values in parts:
                flat = tables.flatten(), symbols.flatten().int(), values.flatten()
                counts.add(flat[0].numpy(), flat[1].numpy(), flat[2].numpy())
    return counts, [np.concatenate(seen, 1) for seen in upper]


def cheapest_tables(upper: list[NDArray[np.int32]], tables: TableSet) -> NDArray[np.uint8]:
    """Table by anchor and channel of z, (anchors, Cz), that codes its symbols in fewest bits."""
    chosen = np.zeros((len(upper), len(upper[0])), np.uint8)
    for anchor, channels in enumerate(upper):
        values, places = np.unique(channels, return_inverse=True)
        price = costs(tables, values)
        for channel, row in enumerate(places.reshape(channels.shape)):
            histogram = np.bincount(row, minlength=len(values))
            chosen[anchor, channel] = int(np.argmin(price @ histogram))
    return chosen
