"""Making a trained pyramid exact, on patches as its training saw them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.layers.exact import exact_layers, set_exact
from models.layers.ycbcr import to_ycbcr
from models.layers.ycocg import to_ycocg
from models.networks.pyramid import NOISY_SHARE, Pyramid
from models.training.calibration import calibrate
from models.training.jpeg import as_stored
from models.training.noise import with_sensor_noise

_AT_ONCE = 2


def in_training(patches: Sequence[NDArray[np.uint8]], seed: int = 0) -> list[NDArray[np.int32]]:
    """YCoCg-R values (256, 256, 3) of RGB patches, a share of them with a sensor's noise."""
    return _varied(patches, seed, lambda rgb: to_ycocg(with_sensor_noise(rgb, NOISY_SHARE)))


def in_jpeg_training(
    patches: Sequence[NDArray[np.uint8]], seed: int = 0
) -> list[NDArray[np.int32]]:
    """Likewise YCbCr values, each patch out of a JPEG; the same for the same seed."""
    return _varied(patches, seed, lambda rgb: to_ycbcr(as_stored(rgb)))


def _varied(
    patches: Sequence[NDArray[np.uint8]], seed: int, vary: Callable[[Tensor], Tensor]
) -> list[NDArray[np.int32]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        seen = [vary(torch.from_numpy(each).permute(2, 0, 1)[None].float()) for each in patches]
    return [each[0].permute(1, 2, 0).int().contiguous().numpy() for each in seen]


def make_pyramid_exact(network: Pyramid, patches: Sequence[NDArray[np.int32]]) -> None:
    """Switch to integers; layers that never settled in training do so on values (256, 256, 3)."""
    layers = [layer for layer in exact_layers(network) if not layer.settled]
    if layers:
        starts = range(0, len(patches), _AT_ONCE)
        batches = (np.stack(patches[start : start + _AT_ONCE]) for start in starts)
        pictures = (torch.from_numpy(each).permute(0, 3, 1, 2).float() for each in batches)
        calibrate(network, layers, network, pictures)
    set_exact(network, True)
