"""Known answers of segmentation models: float, so within a tolerance."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.segmentation_model import SegmentationModel

TOLERANCE = 0.005
"""Mean difference of probabilities: TF32 and other orders of sums stay well below."""


def segmentation_answers_of(
    model: SegmentationModel, picture: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Probabilities for a small stored picture.

    Parameters
    ----------
    picture
        (h, w, 3), each side the same whole fraction of the network's input: its pixels are
        repeated to fill it.

    Returns
    -------
    NDArray[np.float32]
        (h, w): one pixel of each repeated one.

    Raises
    ------
    ModelUnavailable
        The picture is of another shape.
    """
    height, width = model.size
    factor = max(height // max(picture.shape[0], 1), 1)
    if picture.shape != (height // factor, width // factor, 3) or height % factor:
        raise ModelUnavailable(f"The known answers of model {model.card.name} are malformed.")
    filled = picture.repeat(factor, axis=0).repeat(factor, axis=1).astype(np.float32)
    middle = slice(factor // 2, None, factor)
    probability: NDArray[np.float32] = model.probability(filled.transpose(2, 0, 1)[None])[0]
    return probability[middle, middle]


def read_segmentation_answers(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Picture and probabilities that the exporter wrote beside a model.

    Raises
    ------
    ModelUnavailable
        They are missing or malformed: a model that cannot be checked is not used.
    """
    try:
        with np.load(folder / "known_answers.npz", allow_pickle=False) as archive:
            return archive["picture"].astype(np.uint8), archive["probability"].astype(np.float32)
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise ModelUnavailable(f"{folder}/known_answers.npz cannot be read: {error}") from error


def check_segmentation_answers(
    model: SegmentationModel, picture: NDArray[np.uint8], expected: NDArray[np.float32]
) -> None:
    """Compare with what the exporter wrote beside the model.

    Raises
    ------
    ModelUnavailable
        The probabilities differ by more than `TOLERANCE` in the mean.
    """
    found = segmentation_answers_of(model, picture)
    if found.shape != expected.shape:
        raise ModelUnavailable(f"The known answers of model {model.card.name} are malformed.")
    difference = float(np.abs(found - expected).mean())
    if not difference <= TOLERANCE:  # not a number, too
        raise ModelUnavailable(
            f"Model {model.card.name} gets its known answers wrong on this device (they differ by "
            f"{difference:.3g} in the mean, {TOLERANCE} is allowed): it is not used."
        )
