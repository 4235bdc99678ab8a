"""What the exporter measures on training pictures: activations, symbols, the upper level's tables.

The exact networks must already be exact when symbols are counted, since the counts belong to the
tables that the integers choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.export.tables import SymbolCounts
from models.layers.exact import exact_layers, set_exact
from models.layers.gains import ANCHORS
from models.layers.quantiser import ScalarQuantiser, TrellisQuantiser
from models.networks.lossy_network import Coded, LossyNetwork, table_of
from models.networks.patches import PATCH
from models.training.calibration import calibrate
from service.runtime.tables import TableSet
from service.runtime.trellis import WIDEST

ROUNDS = 3  # of counting, before the one that tells the tables


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


def settle_trellis(network: LossyNetwork, pictures: Sequence[Tensor]) -> None:
    """Let a trellis go the ways that are cheap by the tables that it is counted for.

    It begins with what training counted.
    """
    quantiser = network.quantiser
    if not isinstance(quantiser, TrellisQuantiser):
        return
    for _ in range(ROUNDS):
        counts, _, _ = count_symbols(network, pictures)
        symbols = np.arange(-WIDEST, WIDEST + 1, dtype=np.int32)
        quantiser.settle(torch.from_numpy(counts.tables().costs(symbols)), counts.away, counts.seen)


def count_symbols(
    network: LossyNetwork, pictures: Iterable[Tensor]
) -> tuple[SymbolCounts, SymbolCounts, list[NDArray[np.int32]]]:
    """Symbols of y by table over all qualities; those of z; z's symbols (Cz, n) by anchor.

    Where z has networks of its own and y is rounded as z is, all count together.
    """
    counts = SymbolCounts(network.quantiser)
    scalar = isinstance(network.quantiser, ScalarQuantiser)
    top = counts if scalar else SymbolCounts(ScalarQuantiser(network.bits))
    upper: list[list[NDArray[np.int32]]] = [[] for _ in range(ANCHORS)]
    for rgb in pictures:
        for seen, ((symbols_z, tables_z), coded) in zip(
            upper, code_at_anchors(network, rgb), strict=True
        ):
            seen.append(symbols_z.transpose(0, 1).flatten(1).int().numpy())
            if tables_z is not None:
                top.add(tables_z, symbols_z)
            parts = zip(coded.tables(), coded.symbols, coded.values, strict=True)
            for tables, symbols, values in parts:
                counts.add(tables, symbols, values)
    return counts, top, [np.concatenate(seen, 1) for seen in upper]


def cheapest_tables(upper: list[NDArray[np.int32]], tables: TableSet) -> NDArray[np.uint8]:
    """Table by anchor and channel of z, (anchors, Cz), that codes its symbols in fewest bits."""
    chosen = np.zeros((len(upper), len(upper[0])), np.uint8)
    for anchor, channels in enumerate(upper):
        values, places = np.unique(channels, return_inverse=True)
        price = tables.costs(values)
        for channel, row in enumerate(places.reshape(channels.shape)):
            histogram = np.bincount(row, minlength=len(values))
            chosen[anchor, channel] = int(np.argmin(price @ histogram))
    return chosen
