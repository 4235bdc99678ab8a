"""Metrics as JSON lines, cut back to the checkpoint when a run resumes."""

from __future__ import annotations

import json
import os
from pathlib import Path


class Metrics:
    """One JSON object a line; ``position`` is the file's length in bytes, for checkpoints."""

    def __init__(self, path: Path, position: int) -> None:
        """Open ``path`` and drop what stands beyond ``position``: steps that are run again."""
        self._file = path.open("ab")
        if self._file.tell() > position:
            os.ftruncate(self._file.fileno(), position)
            self._file.seek(0, os.SEEK_END)

    @property
    def position(self) -> int:
        """Length of the file."""
        return self._file.tell()

    def write(self, **values: object) -> None:
        """Append a line."""
        self._file.write(json.dumps(values).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Means:
    """Means of the loss parts between two lines; a part may be missing in some steps."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: dict[str, float]) -> None:
        """Take in one step's figures."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """The means so far, rounded to what is worth reading; starts anew."""
        means = {k: float(f"{v / self._counts[k]:.6g}") for k, v in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means
