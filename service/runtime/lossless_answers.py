"""Known answers of lossless models: the centres and tables of every step for stored values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.jpeg_chain import JpegChain, symbols_of
from service.runtime.jpeg_model import SAMPLINGS, JpegModel
from service.runtime.latent_model import COMPONENT_NAMES, Distribution, LatentModel
from service.runtime.lossless_model import LosslessModel, PixelModel
from service.runtime.pixel_chain import PixelChain, Step, slice_of, steps

AnyLossless = LosslessModel | LatentModel | JpegModel

ANSWER_STEPS = tuple((1 + np.arange(64) * (3 + k) % 120).astype(np.uint8) for k in range(3))
"""Steps at which models of coefficients were asked; never to be changed, models were checked so."""
ANSWER_ACTIVITIES = (5, 12)
"""Likewise."""


def lossless_answers_of(model: AnyLossless, values: NDArray[np.int32]) -> NDArray[np.uint8]:
    """SHA-256 of every step's centres and tables, (steps, 32).

    Parameters
    ----------
    values
        YCoCg-R values: (P, 256, 256, 3) for a pyramid, (S, 64, 64, 3) for a model with latents.
        Of a model of a JPEG's coefficients these, (P, 16, 16, 768), at ``ANSWER_STEPS``.
    """
    walk = _WALKS[type(model)]
    answers = [
        hashlib.sha256(centres.astype("<i4").tobytes() + tables.tobytes()).digest()
        for centres, tables in walk(model, values)
    ]
    return np.frombuffer(b"".join(answers), np.uint8).reshape(-1, 32)


def _pyramid_walk(model: LosslessModel, values: NDArray[np.int32]) -> list[Distribution]:
    """All steps; once more with the networks for a JPEG's colours if there are any."""
    seen: list[Distribution] = []

    def code(
        step: Step, centres: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        seen.append((centres, tables))
        symbols: NDArray[np.int32] = values[slice_of(step)] - centres
        return symbols

    for part in _parts_of(model):
        PixelChain(part, len(values), grey=False).walk(code)
    return seen


def _coefficient_walk(model: JpegModel, values: NDArray[np.int32]) -> list[Distribution]:
    """All groups: those of 4:4:4."""
    seen: list[Distribution] = []
    chain = JpegChain(model, ANSWER_STEPS, SAMPLINGS[0], ANSWER_ACTIVITIES[: len(values)])

    def code(
        group: int, centres: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        seen.append((centres, tables))
        coded = chain.groups[group]
        return symbols_of(coded, centres, values[..., coded.channels])

    chain.walk(code)
    return seen


def _parts_of(model: LosslessModel) -> list[PixelModel]:
    return [model] if model.jpeg is None else [model, model.jpeg]


def _latent_walk(model: LatentModel, values: NDArray[np.int32]) -> list[Distribution]:
    """Every posterior upwards, every prior downwards, then the pixels."""
    seen: list[Distribution] = []
    latents: list[NDArray[np.int32]] = []
    for level in range(1, model.latents + 1):
        seen.append(model.posterior(level, latents[-1] if latents else values))
        centres = seen[-1][0]
        # Any latents will do, as long as they are the same everywhere and not the centres alone.
        away = (np.arange(centres.size) * 7 % 5 - 2).reshape(centres.shape)
        latents.append((centres + away).astype(np.int32))
    for level in range(model.latents, 0, -1):
        above = latents[level] if level < model.latents else None
        seen.append(model.prior(level, above, len(values)))

    def code(
        component: int, centres: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        seen.append((centres, tables))
        found: NDArray[np.int32] = values[..., component]
        return found

    model.pixels(latents[0], code, grey=False)
    return seen


_WALKS: dict[type[AnyLossless], Callable[..., list[Distribution]]] = {
    LosslessModel: _pyramid_walk,
    LatentModel: _latent_walk,
    JpegModel: _coefficient_walk,
}


def read_lossless_answers(folder: Path) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Values and answers that the exporter wrote beside a model.

    Raises
    ------
    ModelUnavailable
        They are missing or malformed: a model that cannot be checked is not used.
    """
    try:
        with np.load(folder / "known_answers.npz", allow_pickle=False) as archive:
            return archive["values"].astype(np.int32), archive["answers"]
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise ModelUnavailable(f"{folder}/known_answers.npz cannot be read: {error}") from error


def check_lossless_answers(
    model: AnyLossless,
    values: NDArray[np.int32],
    expected: NDArray[np.uint8],
) -> None:
    """Compare with what the exporter wrote beside the model.

    Raises
    ------
    ModelUnavailable
        At least one integer differs on this device.
    """
    found = lossless_answers_of(model, values)
    if found.shape != expected.shape:
        raise ModelUnavailable(f"The known answers of model {model.card.name} are malformed.")
    wrong = np.flatnonzero((found != expected).any(1))
    if wrong.size:
        raise ModelUnavailable(
            f"Model {model.card.name} gets its known answers wrong on this device "
            f"({wrong.size} of {len(expected)} steps, the first is "
            f"{_steps_of(model)[int(wrong[0])]}): it is not used."
        )


def _steps_of(model: AnyLossless) -> list[str]:
    if isinstance(model, JpegModel):
        return [f"group {number}" for number in range(len(model.groups))]
    if not isinstance(model, LatentModel):
        return [str(step) for step in steps(grey=False)] * len(_parts_of(model))
    levels = range(1, model.latents + 1)
    latents = [f"q(z{level})" for level in levels] + [f"p(z{level})" for level in reversed(levels)]
    return latents + [f"p({name})" for name in COMPONENT_NAMES]
