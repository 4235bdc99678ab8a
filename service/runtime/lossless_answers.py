"""Known answers of lossless models: each step's centres and tables for a stored patch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.lossless_model import LosslessModel
from service.runtime.pixel_chain import PixelChain, Step, slice_of, steps


def lossless_answers_of(model: LosslessModel, values: NDArray[np.int32]) -> NDArray[np.uint8]:
    """SHA-256 of every step's centres and tables, (steps, 32).

    Parameters
    ----------
    values
        (P, 256, 256, 3) YCoCg-R values.
    """
    answers: list[bytes] = []

    def code(
        step: Step, centres: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        seen = centres.astype("<i4").tobytes() + tables.tobytes()
        answers.append(hashlib.sha256(seen).digest())
        symbols: NDArray[np.int32] = values[slice_of(step)] - centres
        return symbols

    PixelChain(model, len(values), grey=False).walk(code)
    return np.frombuffer(b"".join(answers), np.uint8).reshape(-1, 32)


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
    model: LosslessModel, values: NDArray[np.int32], expected: NDArray[np.uint8]
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
        first = list(steps(grey=False))[int(wrong[0])]
        raise ModelUnavailable(
            f"Model {model.card.name} gets its known answers wrong on this device "
            f"({wrong.size} of {len(expected)} steps, the first is {first}): it is not used."
        )
