"""Means of a patch's groups, predicted by float networks from the groups before them.

Symbols count from the mean, so encoder and decoder each add their own: a float network's last bits
move a pixel, never a symbol or a table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.exact_chain import QUALITY_STEPS
from service.runtime.lossy_model import LossyModel


class PredictedMeans:
    """Walks along with an ``ExactChain``: ask for a group's means, show it, go on.

    Parameters
    ----------
    model
        The lossy model; many predict nothing but what z tells.
    quality64
        (P,) quality of each patch in steps of 1/64.
    """

    def __init__(self, model: LossyModel, quality64: NDArray[np.integer]) -> None:
        self._model = model
        self._quality = (quality64 / QUALITY_STEPS).astype(np.float32)
        self._state = np.zeros(0, np.float32)  # what a group's network hands the next group's

    @property
    def any(self) -> bool:
        """Whether the model predicts means of any group."""
        return bool(self._model.detail_means)

    def predicts(self, group: int) -> bool:
        """Whether a network tells the group's means."""
        return group in self._model.detail_means

    def of(
        self, group: int, shown: NDArray[np.float32], live: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Means of a group.

        Parameters
        ----------
        shown
            (N, 16, 16, C): the groups before as they are decoded, zeros behind them; in the first
            group's place what z tells.
        live
            (P,) which of these patches are still walked along with.

        Returns
        -------
        NDArray
            (P, h, w, n). Of the first group it is what ``shown`` holds already; of groups without
            a network zeros.

        Raises
        ------
        ModelUnavailable
            A network fails, or its answer is of another shape.
        """
        layout = self._model.lower.layouts[group]
        network = self._model.detail_means.get(group)
        if network is None:
            return layout.unfold(shown)[live]
        before = shown[live, ..., : layout.start]
        if "state" in network.inputs:
            mean, *state = network.run(y=before, state=self._state)
        else:
            mean, *state = network.run(y=before, quality=self._quality)
        self._state = state[0] if state else np.zeros(0, np.float32)
        if mean.shape != (len(live), layout.side, layout.side, layout.native):
            raise ModelUnavailable(f"The means of group {group} are of shape {mean.shape}.")
        if state and len(self._state) != len(live):
            raise ModelUnavailable(f"The state behind group {group} is of {self._state.shape}.")
        return mean

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Go on with some of the patches: true in ``chosen`` (P,)."""
        if chosen.all():
            return
        self._quality = self._quality[chosen]
        if self._state.size:
            self._state = self._state[chosen]
