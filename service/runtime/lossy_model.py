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

        def level(stem: str, groups: Sequence[GroupCard], offsets: str) -> ExactLevel:
            steps = [session(f"{stem}_{n}.{lowering}") for n in range(len(groups))]
            return ExactLevel(groups, steps, arrays[offsets], len(self.tables))

        try:
            arrays = np.load(pinned("tables.npz"), allow_pickle=False)
            self.tables = TableSet(arrays["half_widths"], arrays["frequencies"])
            self._log_gains: NDArray[np.float32] = arrays["log_gains"]
            self._top_log_gains: NDArray[np.float32] = arrays["top_log_gains"]
            self.lower = level("step", card.lossy.groups, "index_offsets")
            self.upper: ExactLevel | None = None
            if card.lossy.top_groups:
                self.upper = level("top_step", card.lossy.top_groups, "top_index_offsets")
            else:
                self._top_tables: NDArray[np.uint8] = arrays["top_tables"]
            self._reconstruction: NDArray[np.float32] = arrays["reconstruction"]
        except (OSError, KeyError, ValueError, BadZipFile) as error:
            raise ModelUnavailable(f"{folder}/tables.npz cannot be read: {error}") from error
        self.anchors = len(self._log_gains)
        self._limits = _rounding_limits(self.tables, card.lossy.rate_weight)

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

    # -- rounding -----------------------------------------------------------------------------

    def quantise(self, values: NDArray[np.float32], tables: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Symbols for scaled latents: of two neighbours the one of smaller D + weight * R.

        Values and tables of one shape. An encoder's choice; a decoder takes any symbols.
        """
        size = np.abs(values)
        first, further = self._limits[:, 0][tables], self._limits[:, 1][tables]
        rounded = np.maximum(np.floor(size + (1 - further)), 1)
        rounded[size <= first] = 0
        return np.copysign(rounded, values).astype(np.int32)

    def reconstruct(
        self, symbols: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Where in its bin a symbol's value is expected: the centroid measured for its table.

        Symbols and tables of one shape, which the values have too.
        """
        size = np.abs(symbols)
        shift = self._reconstruction[tables, np.minimum(size, 3)]
        centroids: NDArray[np.float32] = symbols.astype(np.float32)
        centroids += np.copysign(shift, centroids)
        return centroids


def _rounding_limits(tables: TableSet, weight: float) -> NDArray[np.float32]:
    """(T, 2): |value| above which 0 becomes 1, and the same from 1 to 2, less 1.

    Between symbols k and k + 1 the cost D + weight * R is equal at
    k + 1/2 + weight * (R(k + 1) - R(k)) / 2.
    """
    numbers = np.arange(len(tables))
    cost = [
        np.array([tables.bits(np.array([k], np.int32), numbers[t : t + 1]) for t in numbers])
        for k in range(3)
    ]
    steps = np.stack([cost[1] - cost[0], cost[2] - cost[1]], 1)
    limits: NDArray[np.float32] = (0.5 + 0.5 * weight * np.clip(steps, 0, 24)).astype(np.float32)
    return limits
