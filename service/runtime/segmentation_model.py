"""A segmentation model, loaded: for each pixel how probable blade is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.card import SegmentationModelCard
from service.runtime.sessions import Device, Session

_FILE = "model.onnx"


class SegmentationModel:
    """BU-Netv2 (paper roi-eml, section III-B) on one device; float throughout.

    Parameters
    ----------
    folder
        Holds ``model.onnx``: ``picture`` (B, 3, 512, 768) in, ``probability`` (B, 1, 512, 768)
        out.
    card
        The folder's card.
    device
        Where it must run.

    Raises
    ------
    ModelUnavailable
        The file is missing, has other inputs or outputs, or cannot run on the device.
    """

    def __init__(self, folder: Path, card: SegmentationModelCard, device: Device) -> None:
        self.card = card
        if _FILE not in card.files:
            raise ModelUnavailable(f"The card of {card.name} names no digest for {_FILE}.")
        self._session = Session(folder / _FILE, device)
        if (self._session.inputs, self._session.outputs) != (("picture",), ("probability",)):
            raise ModelUnavailable(f"{_FILE} of {card.name} is no network that finds the blade.")

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns that the network takes."""
        return self.card.segmentation.height, self.card.segmentation.width

    def probability(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """How probable each pixel is blade.

        Parameters
        ----------
        pictures
            (B, 3, 512, 768), red, green, blue from 0 to 255.

        Returns
        -------
        NDArray[np.float32]
            (B, 512, 768), 0 to 1.

        Raises
        ------
        ModelUnavailable
            The device failed, or the network answered what is no probability.
        """
        (answer,) = self._session.run(picture=pictures.astype(np.float32, copy=False))
        if answer.shape != (len(pictures), 1, *self.size) or not np.isfinite(answer).all():
            raise ModelUnavailable(f"The network {self.card.name} answered nonsense.")
        probability: NDArray[np.float32] = answer[:, 0].astype(np.float32, copy=False)
        return probability
