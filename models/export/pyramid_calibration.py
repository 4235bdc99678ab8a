"""Making a trained pyramid exact, on patches as its training saw them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.layers.exact import exact_layers, set_exact
from models.layers.ycocg import to_ycocg
from models.networks.pyramid import NOISY_SHARE, Pyramid
from models.training.calibration import calibrate
from models.training.noise import with_sensor_noise

_AT_ONCE = 2


def with_noise(patches: Sequence[NDArray[np.uint8]], seed: int = 0) -> list[NDArray[np.uint8]]:
    """(256, 256, 3) patches, a share of them with a sensor's noise; the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        noisy = [with_sensor_noise(_tensor([patch]), NOISY_SHARE)[0] for patch in patches]
    return [each.permute(1, 2, 0).to(torch.uint8).numpy() for each in noisy]


def make_pyramid_exact(network: Pyramid, patches: Sequence[NDArray[np.uint8]]) -> None:
    """Settle every exact layer on (256, 256, 3) RGB patches, and switch them all to integers."""
    starts = range(0, len(patches), _AT_ONCE)
    batches = (to_ycocg(_tensor(patches[i : i + _AT_ONCE])) for i in starts)
    calibrate(network, exact_layers(network), network, batches)
    set_exact(network, True)


def _tensor(patches: Sequence[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2).float()
