"""What every zoo entry is written with: arrays, digests, card, the device that answers are from."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.runtime.card import AnyCard
from service.runtime.sessions import Device


class ReferenceDevice(Device):
    """The CPU with the float lowering: what every other combination must agree with."""

    @property
    def lowering(self) -> str:  # type: ignore[override]
        """Always ``float``."""
        return "float"


def save_arrays(path: Path, **arrays: NDArray[np.generic]) -> None:
    """An .npz whose bytes depend on the arrays alone (numpy's own carries the time)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, np.asarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue())


def sha256_of(path: Path) -> str:
    """A file's digest as a card names it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_card(folder: Path, card: AnyCard) -> None:
    """Write ``model.json``, which makes a folder of files an entry."""
    text = json.dumps(card.model_dump(mode="json"), indent=1, sort_keys=False)
    (folder / "model.json").write_text(text + "\n")
