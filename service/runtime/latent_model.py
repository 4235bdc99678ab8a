"""A lossless model with latents, loaded: what it says of a block, its latents and its pixels.

A Markov chain (Bit-Swap; Kingma et al., ICML 2019): latents z_1 .. z_L of a block x, an inference
network q(z_l | z_(l-1)) with z_0 = x, a generating network p(z_l | z_(l+1)), a fixed p(z_L), and
p(x | z_1). Networks are exact integers both ways, since a decoder gives back with q what an
encoder took with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.card import LatentCard, LosslessModelCard
from service.runtime.lossless_model import COMPONENTS, FRACTIONS, SCALES
from service.runtime.sessions import Device, Session
from service.runtime.tables import TableSet

BLOCK = 64
COMPONENT_NAMES = ("y", "co", "cg")
LARGEST_CENTRE = 1023
"""Centres are clipped to this magnitude, so that no damage leads latents beyond all bounds."""
_LOWEST = (0, -255, -255)
_HIGHEST = (255, 255, 255)
_BLOCKS_AT_ONCE = 16  # a run's activations should fit a CPU's caches

Distribution = tuple[NDArray[np.int32], NDArray[np.uint8]]
"""Centres and tables, of one shape: an integer v has the symbol v - centre in its table."""

Code = Callable[[int, NDArray[np.int32], NDArray[np.uint8]], NDArray[np.int32]]
"""(component, centres (S, 64, 64), tables) -> values (S, 64, 64)."""


class LatentModel:
    """Everything that coding blocks with one model needs; integers throughout.

    Level 0 is the pixels: (S, 64, 64, 3) int32 YCoCg-R. Level l, 1 to ``latents``, is z_l:
    (S, *latent_shape) int32. S is any number of blocks; each is treated alone.

    Attributes
    ----------
    card
        The model's card.
    latents
        L, the number of latent levels.
    latent_shape
        (side, side, channels) of every z_l, the same for all levels.
    tables
        With escape: pixels and latents given what is above them.
    posterior_tables
        Without escape, so that whatever bits are popped with them give a latent.

    Raises
    ------
    ModelUnavailable
        A file is missing or malformed, or a network cannot run on the device.
    """

    def __init__(self, folder: Path, card: LosslessModelCard, device: Device) -> None:
        anatomy = card.lossless
        if not isinstance(anatomy, LatentCard):
            raise ModelUnavailable(f"{card.name} has no latents.")
        self.card = card
        self.latents = anatomy.latents
        self.latent_shape = (anatomy.side, anatomy.side, anatomy.channels)

        pinned = partial(card.pinned, folder)

        def session(stem: str) -> Session:
            return Session(pinned(f"{stem}.{device.lowering}.onnx"), device)

        levels = range(1, self.latents + 1)
        self._posteriors = tuple(session(f"posterior_{level}") for level in levels)
        self._priors = tuple(session(f"prior_{level}") for level in levels[:-1])
        self._pixels = tuple(session(f"pixels_{name}") for name in COMPONENT_NAMES)
        try:
            with np.load(pinned("tables.npz"), allow_pickle=False) as arrays:
                self.tables = TableSet(arrays["half_widths"], arrays["frequencies"])
                self.posterior_tables = TableSet(
                    arrays["posterior_half_widths"],
                    arrays["posterior_frequencies"],
                    escapes=False,
                )
                self.top_tables: NDArray[np.uint8] = arrays["top_tables"]
        except (OSError, KeyError, ValueError, BadZipFile) as error:
            raise ModelUnavailable(f"{folder}/tables.npz cannot be read: {error}") from error
        counts = {len(self.tables), len(self.posterior_tables)}
        if counts != {SCALES * FRACTIONS} or self.top_tables.shape != (anatomy.channels,):
            raise ModelUnavailable(f"{folder}/tables.npz has not the tables of a latent model.")

    def posterior(self, level: int, below: NDArray[np.int32]) -> Distribution:
        """q(z_level | what is below it), for ``posterior_tables``.

        Parameters
        ----------
        level
            1 to L.
        below
            Level 1: pixels (S, 64, 64, 3); else z_(level - 1).

        Raises
        ------
        ModelUnavailable
            A network failed.
        """
        mean, index = _run(self._posteriors[level - 1], {"below": below.astype(np.float32)})
        return distribution(mean, index)

    def prior(self, level: int, above: NDArray[np.int32] | None, stacks: int) -> Distribution:
        """p(z_level | z_(level + 1)), for ``tables``.

        Parameters
        ----------
        level
            1 to L.
        above
            z_(level + 1); None at the top, where the distribution is fixed.
        stacks
            S, the number of blocks.

        Raises
        ------
        ModelUnavailable
            A network failed.
        """
        if above is None:
            shape = (stacks, *self.latent_shape)
            return np.zeros(shape, np.int32), np.broadcast_to(self.top_tables, shape).copy()
        mean, index = _run(self._priors[level - 1], {"above": above.astype(np.float32)})
        return distribution(mean, index)

    def pixels(self, z1: NDArray[np.int32], code: Code, grey: bool) -> NDArray[np.int32]:
        """Go through p(x | z_1): Y, then Co given Y, then Cg given both; for ``tables``.

        Parameters
        ----------
        z1
            (S, *latent_shape).
        code
            Answers a component's distribution with its values.
        grey
            Y alone is coded; Co and Cg are 0.

        Returns
        -------
        NDArray[np.int32]
            (S, 64, 64, 3) YCoCg-R. Values out of range (only a damaged stream has such) are
            clipped to it.

        Raises
        ------
        ModelUnavailable
            A network failed.
        """
        pixels = np.zeros((len(z1), BLOCK, BLOCK, COMPONENTS), np.int32)
        feeds = {"latent": z1.astype(np.float32)}
        for component in range(1 if grey else COMPONENTS):
            if component:
                feeds["seen"] = pixels[..., :component].astype(np.float32)
            mean, index, *state = _run(self._pixels[component], feeds)
            centres, tables = distribution(mean[..., 0], index[..., 0])
            values = code(component, centres, tables)
            np.clip(values, _LOWEST[component], _HIGHEST[component], out=pixels[..., component])
            if state:
                feeds["state"] = state[0]
        return pixels


def distribution(mean: NDArray[np.float32], index: NDArray[np.float32]) -> Distribution:
    """What a network's answers mean: a mean in sixteenths, a table index in sixteenths.

    The table of scale s and fraction f is ``FRACTIONS`` s + f, the fraction being that of the
    mean above the centre.
    """
    limit = 16 * LARGEST_CENTRE
    sixteenths = np.clip(mean, -limit, limit).astype(np.int32)
    scale = np.clip(index, 0, 16 * SCALES - 1).astype(np.int32) >> 4
    fraction = (sixteenths & 15) // (16 // FRACTIONS)
    return sixteenths >> 4, (scale * FRACTIONS + fraction).astype(np.uint8)


def _run(session: Session, feeds: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Run a network on a few blocks at a time."""
    known = {name: feeds[name] for name in session.inputs}
    blocks = len(next(iter(known.values())))
    parts = [
        session.run(
            **{name: array[start : start + _BLOCKS_AT_ONCE] for name, array in known.items()}
        )
        for start in range(0, max(blocks, 1), _BLOCKS_AT_ONCE)
    ]
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(each) for each in zip(*parts, strict=True)]
