"""A lossless model without networks: the base prediction alone, and a spread that follows it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from service.runtime.pixel_chain import Step, slice_of
from service.runtime.tables import PRECISION, TableSet

SIDE = 256


def laplace_tables() -> TableSet:
    """256 symmetric tables: spreads from 0.2 to 100, four after one another alike."""
    half = np.full(256, 60)
    entries = []
    for table in range(256):
        scale = 0.2 * (100 / 0.2) ** ((table // 4) / 63)
        weights = np.exp(-np.abs(np.arange(-60, 61)) / scale)
        weights = np.append(weights, np.exp(-60 / scale))
        counts = np.floor(weights / weights.sum() * (2**PRECISION - 200)).astype(np.int64) + 1
        counts[60] += 2**PRECISION - counts.sum()
        entries.append(counts)
    return TableSet(half, np.concatenate(entries))


TABLES = laplace_tables()
MODEL = SimpleNamespace(
    card=SimpleNamespace(name="base", version="1", digest=b"base-prediction!"),
    tables=TABLES,
    jpeg=None,
)


@dataclass
class BaseChain:
    """Walks as ``PixelChain`` does; the centre is the base, the table its neighbours' contrast."""

    model: SimpleNamespace
    patches: int
    grey: bool

    def walk(self, code) -> NDArray[np.int32]:  # type: ignore[no-untyped-def]
        values = np.zeros((self.patches, SIDE, SIDE, 3), np.int32)
        components = (0,) if self.grey else (0, 1, 2)
        for component in components:
            step = Step(5, "a", component)
            centre = np.full((self.patches, 4, 4), 128 if component == 0 else 0, np.int32)
            values[slice_of(step)] = centre + code(
                step, centre, np.full_like(centre, 252, np.uint8)
            )
        for level in range(5, -1, -1):
            for phase in "dbc":
                for component in components:
                    step = Step(level, phase, component)
                    first, second = self._neighbours(values, level, phase, component)
                    total = first.sum(0) + second.sum(0)
                    both = np.concatenate([first, second])
                    contrast = np.minimum(2 * (both.max(0) - both.min(0)), 255).astype(np.uint8)
                    centre = ((total + 2) >> 2).astype(np.int32)
                    values[slice_of(step)] = centre + code(step, centre, contrast)
        return values

    @staticmethod
    def _neighbours(values, level, phase, component):  # type: ignore[no-untyped-def]
        def shifted(part, down, right):  # type: ignore[no-untyped-def]
            rows = np.clip(np.arange(part.shape[1]) + down, 0, part.shape[1] - 1)
            columns = np.clip(np.arange(part.shape[2]) + right, 0, part.shape[2] - 1)
            return part[:, rows][:, :, columns]

        a = values[slice_of(Step(level, "a", component))]
        d = values[slice_of(Step(level, "d", component))]
        if phase == "d":
            four = [shifted(a, i, j) for i in (0, 1) for j in (0, 1)]
            return np.stack(four[:2]), np.stack(four[2:])
        down, right = (0, 1) if phase == "b" else (1, 0)
        return (
            np.stack([a, shifted(a, down, right)]),
            np.stack([d, shifted(d, -right, -down)]),
        )
