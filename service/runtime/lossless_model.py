"""A lossless model, loaded: the networks of its levels, and its tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.card import JpegLosslessCard, LosslessCard, LosslessModelCard
from service.runtime.sessions import Device, Session
from service.runtime.tables import TableSet

SCALES = 64
FRACTIONS = 4  # sub-bins of a table's centre within a grey level
COMPONENTS = 3
JPEG_PREFIX = "jpeg_"
"""Of the files of networks and tables for patches in the colours of a JPEG."""


@dataclass(frozen=True)
class LevelSessions:
    """The exact networks of one level, every picture (P, h, w, C) float32 integers.

    Attributes
    ----------
    phases
        d takes ``coarse``, the level's phase a; b and c take the ``state`` before and the
        ``residual`` of the phase before. All answer ``index`` (P, h, w, 2) for Y: the mean's
        correction in sixteenths of a grey level, and the table index in sixteenths; then
        ``hidden_1`` and ``hidden_2`` for Co and Cg; and, but for c, ``next_state``.
    chroma
        Co and Cg: take their ``hidden`` and the ``symbols`` (P, h, w, 1 or 2) of the components
        before; answer ``index``.
    """

    phases: tuple[Session, ...]
    chroma: tuple[Session, ...]


class PixelModel:
    """What coding patches in one kind of colours needs; integers throughout.

    Parameters
    ----------
    folder, card
        Where the files are, and what they must be.
    networks
        How many, finest level first; the last one serves all coarser levels.
    device
        Where they run.
    prefix
        Of the names of the files.

    Raises
    ------
    ModelUnavailable
        A file is missing or malformed, or a network cannot run on the device.
    """

    def __init__(
        self, folder: Path, card: LosslessModelCard, networks: int, device: Device, prefix: str = ""
    ) -> None:
        def pinned(name: str) -> Path:
            return card.pinned(folder, prefix + name)

        def session(level: int, stem: str) -> Session:
            return Session(pinned(f"level_{level}_{stem}.{device.lowering}.onnx"), device)

        self._networks = tuple(
            LevelSessions(
                tuple(session(level, phase) for phase in ("d", "b", "c")),
                tuple(session(level, component) for component in ("co", "cg")),
            )
            for level in range(networks)
        )
        tables = pinned("tables.npz")
        try:
            with np.load(tables, allow_pickle=False) as arrays:
                self.tables = TableSet(arrays["half_widths"], arrays["frequencies"])
                self.start_tables: NDArray[np.uint8] = arrays["start_tables"]
        except (OSError, KeyError, ValueError, BadZipFile) as error:
            raise ModelUnavailable(f"{tables} cannot be read: {error}") from error
        if len(self.tables) != SCALES * FRACTIONS or self.start_tables.shape != (COMPONENTS,):
            raise ModelUnavailable(f"{tables} has not the tables of a lossless model.")

    def network(self, level: int) -> LevelSessions:
        """The networks of a level, 0 the finest."""
        return self._networks[min(level, len(self._networks) - 1)]


class LosslessModel(PixelModel):
    """Everything that lossless coding with one model needs.

    Attributes
    ----------
    jpeg
        Networks and tables for patches in the colours of a JPEG; None if the model has none.

    Raises
    ------
    ModelUnavailable
        A file is missing or malformed, or a network cannot run on the device.
    """

    def __init__(self, folder: Path, card: LosslessModelCard, device: Device) -> None:
        self.card = card
        anatomy = card.lossless
        if not isinstance(anatomy, LosslessCard):
            raise ModelUnavailable(f"{card.name} is not a pyramid.")
        super().__init__(folder, card, anatomy.networks, device)
        self.jpeg: PixelModel | None = None
        if isinstance(anatomy, JpegLosslessCard):
            self.jpeg = PixelModel(folder, card, anatomy.jpeg_networks, device, JPEG_PREFIX)
