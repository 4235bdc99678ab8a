"""A lossless model of a JPEG's coefficients, loaded: networks, means, tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.card import GroupCard, JpegCard, LosslessModelCard
from service.runtime.exact_chain import ExactLevel
from service.runtime.lossless_model import FRACTIONS, SCALES
from service.runtime.sessions import Device, Session
from service.runtime.tables import TableSet

COMPONENTS, PHASES, FREQUENCIES = 3, 4, 64
CHANNELS = COMPONENTS * PHASES * FREQUENCIES
"""Channel of a coefficient: 256 component + 64 phase + frequency."""
SAMPLINGS = ((1, 1), (2, 1), (2, 2))
"""Pixels of luma to a sample of chroma, across and down; in the order of the features."""
FEATURE_STEPS = 8
RING_PASSES, RING_CONTEXTS = 3, 16
LARGEST_VALUE = 2**15  # magnitude of a coefficient
_LARGEST_STEP = 255
_LARGEST_OFFSET = 2**20  # sixteenths of a table step; far beyond all tables
_EXACT = 2**53  # integers below are exact in float64

Steps = tuple[NDArray[np.uint8], ...]
"""Of one component or three, (64,) each, 1 to 255 by frequency."""


def components_of(channels: NDArray[np.integer]) -> NDArray[np.intp]:
    """Component of each channel."""
    return np.asarray(channels, np.intp) // (PHASES * FREQUENCIES)


def existing(sampling: tuple[int, int], components: int) -> NDArray[np.bool_]:
    """Channels that a picture of a sampling has, (768,)."""
    found = np.zeros((COMPONENTS, 2, 2, FREQUENCIES), np.bool_)
    across, down = sampling
    found[0] = True
    found[1:components, : 2 // down, : 2 // across] = True
    return found.reshape(-1)


@dataclass(frozen=True)
class CoefficientGroup:
    """Channels that are coded in one step, and how the channels before tell their means.

    Attributes
    ----------
    channels
        (n,) channel numbers.
    differences
        Whether the group's one channel is coded as differences.
    inputs
        (K,) channels that the means are made of; none means that they are 0.
    weights
        (3, 3, K, n) integers in 1/4096, in float64 for the matrix product, in which they are exact.
    """

    channels: NDArray[np.intp]
    differences: bool
    inputs: NDArray[np.intp]
    weights: NDArray[np.float64]


class JpegModel:
    """Everything that coding the coefficients of JPEGs with one model needs.

    Attributes
    ----------
    tables
        256: for each of 64 scales, four by the fraction of the mean.
    groups
        In coding order.
    level
        The networks; what their chain answers are scales.
    ring_tables
        (3, 16) uint8, table of a sample of the ring by its pass and its context.

    Raises
    ------
    ModelUnavailable
        A file is missing or malformed, or a network cannot run on the device.
    """

    def __init__(self, folder: Path, card: LosslessModelCard, device: Device) -> None:
        self.card = card
        anatomy = card.lossless
        if not isinstance(anatomy, JpegCard):
            raise ModelUnavailable(f"{card.name} is no model of a JPEG's coefficients.")

        pinned = partial(card.pinned, folder)
        tables = pinned("tables.npz")
        try:
            with np.load(tables, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            self._read(arrays, [group.channels for group in anatomy.jpeg_groups])
        except (OSError, KeyError, ValueError, BadZipFile) as error:
            raise ModelUnavailable(f"{tables} cannot be read: {error}") from error
        sessions = tuple(
            Session(pinned(f"step_{group}.{device.lowering}.onnx"), device)
            for group in range(len(self.groups))
        )
        cards = [
            GroupCard(name=group.name, channels=group.channels, fold=1)
            for group in anatomy.jpeg_groups
        ]
        # At two anchors alike there is one quality.
        starts = np.stack([self._start_offsets, self._start_offsets])
        self.level = ExactLevel(cards, sessions, starts, SCALES)

    def _read(self, arrays: dict[str, NDArray[np.generic]], sizes: list[int]) -> None:
        """Take the arrays; ValueError if they are not as they must be."""
        self.tables = TableSet(_of(arrays, "half_widths"), _of(arrays, "frequencies"))
        if len(self.tables) != SCALES * FRACTIONS:
            raise ValueError(f"{len(self.tables)} tables")
        channels = _of(arrays, "channels", sum(sizes)).astype(np.intp)
        if _of(arrays, "group_sizes").tolist() != sizes:
            raise ValueError("the groups are not those of the card")
        if sorted(channels.tolist()) != list(range(CHANNELS)):
            raise ValueError("the groups do not hold every channel once")
        differences = _of(arrays, "differences", len(sizes))
        limit = _LARGEST_OFFSET
        self._start_offsets = _within(arrays, "start_offsets", -limit, limit, CHANNELS)
        self._step_features = _within(arrays, "step_features", 0, 255, _LARGEST_STEP + 1)
        feature_steps = _within(arrays, "feature_steps", 0, FREQUENCIES - 1, FEATURE_STEPS, 2)
        if feature_steps[:, 0].max() >= COMPONENTS:
            raise ValueError("a feature is of a component that is none")
        self._feature_steps = [(int(k), int(f)) for k, f in feature_steps]
        last = len(self.tables) - 1
        ring_tables = _within(arrays, "ring_tables", 0, last, RING_PASSES, RING_CONTEXTS)
        self.ring_tables = ring_tables.astype(np.uint8)
        ends = np.cumsum([0, *sizes])
        self.groups = tuple(
            _group(arrays, group, channels[:a], channels[a:b], bool(differences[group]))
            for group, (a, b) in enumerate(pairwise(ends.tolist()))
        )
        for sampling in SAMPLINGS:
            _check_order(self.groups, existing(sampling, COMPONENTS))
        _check_order(self.groups, existing(SAMPLINGS[0], 1))

    def count(self, sampling: tuple[int, int], components: int) -> int:
        """Groups that a picture of a sampling has: the first ones."""
        there = existing(sampling, components)
        return sum(bool(there[group.channels].all()) for group in self.groups)

    def features(self, steps: Steps, sampling: tuple[int, int]) -> NDArray[np.float32]:
        """What the first network is told of a picture, (11,) integers."""
        told = [
            int(self._step_features[steps[component][frequency]]) if component < len(steps) else 0
            for component, frequency in self._feature_steps
        ]
        told += [255 * (len(steps) > 1 and sampling == known) for known in SAMPLINGS]
        return np.array(told, np.float32)


def steps_of(channels: NDArray[np.integer], steps: Steps) -> NDArray[np.int64]:
    """Step of each channel; 1 for channels of components that are not there."""
    of_all = np.ones((COMPONENTS, FREQUENCIES), np.int64)
    of_all[: len(steps)] = steps
    found: NDArray[np.int64] = of_all[components_of(channels), channels % FREQUENCIES]
    return found


def _of(arrays: dict[str, NDArray[np.generic]], name: str, *shape: int) -> NDArray[np.integer]:
    """An array of integers, of a shape if one is given."""
    array = arrays[name]
    if not np.issubdtype(array.dtype, np.integer) or (shape and array.shape != shape):
        raise ValueError(f"{name} is {array.shape} {array.dtype}")
    return array  # type: ignore[return-value]


def _within(
    arrays: dict[str, NDArray[np.generic]], name: str, low: int, high: int, *shape: int
) -> NDArray[np.int32]:
    """An array of integers within a range."""
    array = _of(arrays, name, *shape)
    if array.min() < low or array.max() > high:
        raise ValueError(f"{name} are not within {low} to {high}")
    return array.astype(np.int32)


def _group(
    arrays: dict[str, NDArray[np.generic]],
    number: int,
    before: NDArray[np.intp],
    channels: NDArray[np.intp],
    differences: bool,
) -> CoefficientGroup:
    """A group with its means, if it has any."""
    if differences and len(channels) != 1:
        raise ValueError(f"group {number} has differences of {len(channels)} channels")
    if f"mean_inputs_{number}" not in arrays:
        nothing = np.zeros((3, 3, 0, len(channels)))
        return CoefficientGroup(channels, differences, np.zeros(0, np.intp), nothing)
    inputs = _of(arrays, f"mean_inputs_{number}").astype(np.intp)
    if differences or inputs.ndim != 1 or not np.isin(inputs, before).all():
        raise ValueError(f"group {number} cannot have the means that it names")
    weights = _of(arrays, f"mean_weights_{number}", 3, 3, len(inputs), len(channels))
    weights = weights.astype(np.int64)
    largest = np.abs(weights).sum((0, 1, 2)).max() * LARGEST_VALUE * _LARGEST_STEP
    if largest >= _EXACT:
        raise ValueError(f"group {number} has weights that are too large")
    return CoefficientGroup(channels, differences, inputs, weights.astype(np.float64))


def _check_order(groups: tuple[CoefficientGroup, ...], there: NDArray[np.bool_]) -> None:
    """ValueError unless the groups of a sampling come first, whole."""
    found = [there[group.channels] for group in groups]
    whole = [bool(group.all()) for group in found]
    if any(group.any() != group.all() for group in found) or whole != sorted(whole, reverse=True):
        raise ValueError("the groups that a sampling has do not come first")
