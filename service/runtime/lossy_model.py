"""A lossy model, loaded: its networks as sessions, its tables and gains as integers and floats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.card import GroupCard, LossyCard, LossyModelCard, PredictedLossyCard
from service.runtime.exact_chain import QUALITY_STEPS, ExactLevel
from service.runtime.quantiser import Quantiser, ScalarQuantiser, TrellisQuantiser
from service.runtime.sessions import Device, Session
from service.runtime.tables import TableSet


class LossyModel:
    """Everything that coding with one model needs.

    Float networks run on tiles and may differ in their last bits between devices. Everything
    between symbols and tables is integers: ``features``, ``lower``, ``upper``, ``tables``.

    Attributes
    ----------
    lower
        The exact networks of y.
    upper
        Those of z; None where z has static tables, ``top_tables``.
    detail_means
        Float networks by group of y that has predicted means (``codec.predicted_means``).
    tables, upper_tables
        Those of y and of z.
    quantiser
        Of y.

    Raises
    ------
    ModelUnavailable
        A file is missing or malformed, or a network cannot run on the device.
    """

    def __init__(self, folder: Path, card: LossyModelCard, device: Device) -> None:
        self.card = card
        self.anatomy: LossyCard = card.lossy
        lowering = device.lowering

        pinned = partial(card.pinned, folder)

        def session(stem: str) -> Session:
            return Session(pinned(f"{stem}.onnx"), device)

        self.analysis = session("analysis")
        self.hyper_analysis = session("hyper_analysis")
        self.means = session("means") if card.lossy.mean_channels else None
        self.synthesis = session("synthesis")
        self.features = session(f"features.{lowering}")

        predicted = (
            card.lossy.predicted_groups if isinstance(card.lossy, PredictedLossyCard) else ()
        )
        self.detail_means = {group: session(f"detail_means_{group}") for group in predicted}
        for group, network in self.detail_means.items():
            before = self.detail_means.get(group - 1)
            handed = before is not None and len(before.outputs) > 1
            takes = ("y", "state") if handed else ("y", "quality")
            gives = (("mean",), ("mean", "state"), ("mean", "next_state"))
            if network.inputs != takes or network.outputs not in gives:
                raise ModelUnavailable(
                    f"A network of {card.name} for means takes {network.inputs} and gives "
                    f"{network.outputs}."
                )

        def level(
            stem: str, groups: Sequence[GroupCard], offsets: str, tables: TableSet
        ) -> ExactLevel:
            steps = [session(f"{stem}_{n}.{lowering}") for n in range(len(groups))]
            return ExactLevel(groups, steps, arrays[offsets], len(tables))

        trellis = card.lossy.quantiser == "trellis"
        try:
            arrays = np.load(pinned("tables.npz"), allow_pickle=False)
            self.tables = TableSet(arrays["half_widths"], arrays["frequencies"])
            self.upper_tables = self.tables
            if trellis:  # whose symbols are not those that z's rounding leaves
                self.upper_tables = TableSet(arrays["top_half_widths"], arrays["top_frequencies"])
            self._log_gains: NDArray[np.float32] = arrays["log_gains"]
            self._top_log_gains: NDArray[np.float32] = arrays["top_log_gains"]
            self.lower = level("step", card.lossy.groups, "index_offsets", self.tables)
            self.upper: ExactLevel | None = None
            if card.lossy.top_groups:
                self.upper = level(
                    "top_step", card.lossy.top_groups, "top_index_offsets", self.upper_tables
                )
            else:
                self._top_tables: NDArray[np.uint8] = arrays["top_tables"]
            centroids: NDArray[np.float32] = arrays["reconstruction"]
            weight = card.lossy.rate_weight
            self.quantiser: Quantiser = (
                TrellisQuantiser(self.tables, centroids, weight, device.cores)
                if trellis
                else ScalarQuantiser(self.tables, centroids, weight)
            )
        except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile) as error:
            raise ModelUnavailable(f"{folder}/tables.npz cannot be read: {error}") from error
        self.anchors = len(self._log_gains)

    # -- quality ------------------------------------------------------------------------------

    def gain(self, quality64: int, group: int) -> NDArray[np.float32]:
        """Gains of a group's native channels, (n,), at quality64 / 64: geometric interpolation."""
        low, part = self._anchor(quality64)
        logs = self._log_gains[low] * (1 - part / QUALITY_STEPS)
        logs = logs + self._log_gains[low + 1] * (part / QUALITY_STEPS)
        gains: NDArray[np.float32] = np.exp(logs[self.lower.native[group]]).astype(np.float32)
        return gains

    def top_gain(self, anchor: int) -> NDArray[np.float32]:
        """Gains of z's channels at an anchor, (Cz,)."""
        gains: NDArray[np.float32] = np.exp(self._top_log_gains[anchor]).astype(np.float32)
        return gains

    def top_tables(self, anchor: int) -> NDArray[np.uint8]:
        """Table of each of z's channels at an anchor, (Cz,); only where ``upper`` is None."""
        tables: NDArray[np.uint8] = self._top_tables[anchor]
        return tables

    def _anchor(self, quality64: int) -> tuple[int, int]:
        low = min(quality64 // QUALITY_STEPS, self.anchors - 2)
        return low, quality64 - low * QUALITY_STEPS
