"""Tables of a JPEG's coefficients, and of the chroma samples around a patch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.export.fraction_tables import FractionCounts, deviations
from models.layers.density import laplace_bits
from models.networks.jpeg_dct import (
    JpegDct,
    activity,
    features,
    present,
    split_cells,
)
from models.networks.subband_prior import INDEX_FRACTION, to_sixteenths
from service.codec.inverse_dct import samples_of_blocks
from service.runtime.jpeg_chain import ACTIVITY_UNIT
from service.runtime.jpeg_model import (
    COMPONENTS,
    FREQUENCIES,
    PHASES,
    RING_CONTEXTS,
    RING_PASSES,
)
from service.runtime.lossless_model import FRACTIONS, SCALES
from service.runtime.tables import TableSet

_Pass = tuple[NDArray[np.int32], NDArray[np.int32]]  # contexts and symbols, (n,) each

NO_FRACTION = 2  # of a mean that is an integer
MANY = 4  # batches that tell of the ring


def around_centre(table: int, half_width: int) -> NDArray[np.float64]:
    """Laplace, its mean (f - 2) / 4 from the centre: mass of -K..K and beyond, (2 K + 2,)."""
    mean = (table % FRACTIONS - NO_FRACTION) / FRACTIONS
    distance = torch.arange(-half_width, half_width + 1, dtype=torch.float64) - mean
    scale = torch.tensor(float(deviations()[table]), dtype=torch.float64)
    inside = torch.exp2(-laplace_bits(distance, scale)).numpy()
    return np.append(inside, max(1 - float(inside.sum()), 0.0))


@torch.no_grad()
def coefficient_counts(network: JpegDct, batches: Iterable[Tensor]) -> FractionCounts:
    """Symbols of batches of cells (B, 961, 16, 16) by the table that an exact network chooses."""
    counts = FractionCounts(around_centre)
    for cells in batches:
        values, steps, sampling = split_cells(cells)
        residuals, there = network.residuals(values, steps), present(sampling).bool()
        starts = torch.round(network.start.double() * INDEX_FRACTION)

        def code(
            group: int,
            raw: Tensor,
            residuals: list[tuple[Tensor, Tensor]] = residuals,
            there: Tensor = there,
            starts: Tensor = starts,
        ) -> Tensor:
            channels = list(network.groups[group].channels)
            symbols, fraction = residuals[group]
            index = to_sixteenths(raw).double() + starts[channels, None, None]
            scale = torch.floor(index / INDEX_FRACTION).clamp(0, SCALES - 1)
            table = FRACTIONS * scale + fraction * FRACTIONS + NO_FRACTION
            kept = there[:, channels]
            counts.add(table[kept].numpy().astype(np.uint8), symbols[kept].int().numpy())
            return symbols

        told = features(steps, sampling, cells.shape[2:])
        network.prior.walk(told, ACTIVITY_UNIT * activity(residuals[0][0]), code)
    return counts


def ring_samples(batches: Iterable[Tensor]) -> list[_Pass]:
    """Contexts, 0 to 15, and symbols of a ring's passes, as borders of blocks have them.

    Each block's last column of chroma samples is taken for a ring left of what follows it.
    """
    found: list[list[_Pass]] = [[] for _ in range(RING_PASSES)]
    for cells in list(batches)[:MANY]:
        values, steps, sampling = split_cells(cells)
        for patch, kind in enumerate(sampling.tolist()):
            if kind == 0:  # 4:4:4 has no ring
                continue
            rows = 2 if kind == 1 else 1
            blocks = values[patch].reshape(COMPONENTS, PHASES, FREQUENCIES, *cells.shape[2:])
            tables = steps[patch].reshape(COMPONENTS, PHASES, FREQUENCIES)[:, 0]
            for component in range(1, COMPONENTS):
                several = blocks[component, 0 : 2 * rows : 2].permute(2, 0, 3, 1)
                plane = samples_of_blocks(
                    several.reshape(-1, cells.shape[3], FREQUENCIES).int().numpy(),
                    tables[component].numpy().astype(np.uint8),
                ).astype(np.int32)
                lines = (plane[:, 8 * k - 1 : 8 * k + 2].T for k in range(1, cells.shape[3]))
                for ring, nearest, inside in lines:
                    passes = _passes(ring - nearest, nearest - inside)
                    for seen, told in zip(found, passes, strict=True):
                        seen.append(told)
    nothing = np.zeros(0, np.int32)  # were all of them 4:4:4
    return [
        (
            np.minimum(np.concatenate([nothing, *(c for c, _ in seen)]), RING_CONTEXTS - 1),
            np.concatenate([nothing, *(symbols for _, symbols in seen)]),
        )
        for seen in found
    ]


def _passes(residuals: NDArray[np.int32], slope: NDArray[np.int32]) -> list[_Pass]:
    """Contexts, not limited, and symbols of a line's passes; its length is a multiple of 4."""
    found = [(np.abs(slope[::4]), residuals[::4])]
    for spacing in (4, 2):
        before = residuals[::spacing]
        after = np.append(before[1:], before[-1])
        symbols = residuals[spacing // 2 :: spacing] - ((before + after) >> 1)
        found.append((np.abs(before - after), symbols))
    return found


def cheapest_ring_tables(tables: TableSet, passes: Sequence[_Pass]) -> NDArray[np.uint8]:
    """(3, 16): by pass and context the table, of those without a fraction, that codes it best."""
    candidates = range(NO_FRACTION, len(tables), FRACTIONS)
    chosen = np.full((len(passes), RING_CONTEXTS), NO_FRACTION, np.uint8)
    for row, (contexts, symbols) in zip(chosen, passes, strict=True):
        for context in range(RING_CONTEXTS):
            met = symbols[contexts == context]
            if len(met):
                costs = [tables.bits(met, np.full(len(met), t)) for t in candidates]
                row[context] = candidates[int(np.argmin(costs))]
            elif context:  # never met: as the one below
                row[context] = row[context - 1]
    return chosen
