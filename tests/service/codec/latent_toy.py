"""A model with latents and without networks: coarse means as latents, contrasts as spreads.

z1 describes each cell of 4x4 pixels by the means of Y (in its two halves), Co and Cg; the latents
above smooth the one below. Good enough to gain by its latents, and quick.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from service.runtime.latent_model import Code, Distribution, LatentModel
from service.runtime.tables import PRECISION, TableSet

SHAPE = (16, 16, 4)
HALF = 60


def logistic_tables(escapes: bool) -> TableSet:
    """256 symmetric tables: spreads from 0.2 to 40, four after one another alike."""
    entries = []
    reach = np.arange(-HALF, HALF + 1)
    for table in range(256):
        scale = 0.2 * 200 ** ((table // 4) / 63)
        weights = 1 / np.cosh(reach / (2 * scale)) ** 2
        if escapes:
            weights = np.append(weights, 2 / (1 + np.exp(HALF / scale)))
        counts = np.floor(weights / weights.sum() * (2**PRECISION - 300)).astype(np.int64) + 1
        counts[HALF] += 2**PRECISION - counts.sum()
        entries.append(counts)
    return TableSet(np.full(256, HALF), np.concatenate(entries), escapes=escapes)


TABLES = logistic_tables(True)
POSTERIOR_TABLES = logistic_tables(False)


class ToyModel(LatentModel):
    """See above; ``calls`` counts what would be network calls.

    Parameters
    ----------
    latents
        Levels.
    spread
        Table of the posteriors, in fours: what their bits take.
    """

    def __init__(self, latents: int = 2, spread: int = 20) -> None:
        self.card = SimpleNamespace(  # type: ignore[assignment]
            name="toy", version=str(latents), digest=b"toy with latents", lossless=None
        )
        self.latents = latents
        self.latent_shape = SHAPE
        self.tables = TABLES
        self.posterior_tables = POSTERIOR_TABLES
        self.calls = 0
        self._spread = 4 * spread

    def posterior(self, level: int, below: NDArray[np.int32]) -> Distribution:
        self.calls += 1
        if level > 1:
            return self._around(_smooth(below), self._spread)
        cells = below.reshape(len(below), 16, 4, 16, 4, 3)
        luma = cells[..., 0].mean(4).astype(np.int32) - 128  # rows within a cell
        halves = [luma[:, :, :2].mean(2), luma[:, :, 2:].mean(2)]
        chroma = [cells[..., part].mean((2, 4)) for part in (1, 2)]
        return self._around(np.stack([*halves, *chroma], -1).astype(np.int32), self._spread)

    def prior(self, level: int, above: NDArray[np.int32] | None, stacks: int) -> Distribution:
        if above is None:
            return self._around(np.zeros((stacks, *SHAPE), np.int32), 252)
        self.calls += 1
        return self._around(_smooth(above), 4 * 32)

    def pixels(self, z1: NDArray[np.int32], code: Code, grey: bool) -> NDArray[np.int32]:
        pixels = np.zeros((len(z1), 64, 64, 3), np.int32)
        for component in range(1 if grey else 3):
            self.calls += 1
            halves = z1[..., [0, 1]] if component == 0 else z1[..., [component + 1] * 2]
            rows = np.repeat(np.moveaxis(halves, -1, 2).reshape(len(z1), 32, 16), 2, 1)
            centres = np.repeat(rows, 4, 2) + (128 if component == 0 else 0)
            centres = np.clip(centres, -512, 512).astype(np.int32)
            tables = np.full(centres.shape, 4 * 34, np.uint8)
            if component:  # what Y leaves open makes colour uncertain
                tables[np.abs(pixels[..., 0] - 128) > 100] = 4 * 24
            values = code(component, centres, tables)
            low, high = (0, 255) if component == 0 else (-255, 255)
            np.clip(values, low, high, out=pixels[..., component])
        return pixels

    @staticmethod
    def _around(centres: NDArray[np.int32], table: int) -> Distribution:
        return centres, np.full(centres.shape, table, np.uint8)


def _smooth(latent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Means of 2x2 cells in place of each of them; within bounds."""
    means = latent.astype(np.int64).reshape(len(latent), 8, 2, 8, 2, 4).sum((2, 4)) >> 2
    return np.clip(means.repeat(2, 1).repeat(2, 2), -1023, 1023).astype(np.int32)
