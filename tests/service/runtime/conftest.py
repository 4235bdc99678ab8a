"""A copy of a shipped model that a test may spoil."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from service.runtime.sessions import Device
from service.runtime.zoo import Zoo


@dataclass(frozen=True)
class Copy:
    """A zoo of one model, lite/1, in a folder of its own."""

    zoo: Path

    @property
    def folder(self) -> Path:
        return self.zoo / "lite" / "1"

    def open(self) -> Zoo:
        return Zoo(self.zoo, Device("cpu", 1), "lite")

    def change_card(self, change: Callable[[dict], object]) -> None:
        """Apply ``change`` to what model.json holds."""
        card = json.loads((self.folder / "model.json").read_text())
        change(card)
        (self.folder / "model.json").write_text(json.dumps(card))

    def change_arrays(self, name: str, change: Callable[[dict], object]) -> None:
        """Apply ``change`` to the arrays of an .npz file."""
        with np.load(self.folder / name) as archive:
            arrays = dict(archive)
        change(arrays)
        np.savez(self.folder / name, **arrays)

    def pin(self, name: str) -> None:
        """Write the digest of a changed file into the card, as a forger would."""
        digest = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        self.change_card(lambda card: card["files"].update({name: digest}))


@pytest.fixture
def copy(zoo_folder: Path, tmp_path: Path) -> Copy:
    made = Copy(tmp_path / "zoo")
    shutil.copytree(zoo_folder / "lite" / "1", made.folder)
    return made


@pytest.fixture
def newest(zoo_folder: Path) -> str:
    """The lite that is taken where no version is asked for."""
    return f"lite/{max(int(folder.name) for folder in (zoo_folder / 'lite').iterdir())}"
