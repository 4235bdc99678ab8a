"""Making a trained bitswap exact, on pictures as its training saw them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.layers.exact import exact_layers, set_exact
from models.networks.bitswap import Bitswap, to_blocks
from models.training.calibration import calibrate


def make_bitswap_exact(network: Bitswap, patches: Sequence[NDArray[np.int32]]) -> None:
    """Switch to integers; layers that never settled in training do so on values (256, 256, 3).

    Latents are sampled; the same for the same patches.
    """
    layers = [layer for layer in exact_layers(network) if not layer.settled]
    if layers:
        pictures = (torch.from_numpy(each).permute(2, 0, 1)[None].float() for each in patches)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            calibrate(network, layers, network, (to_blocks(each) for each in pictures))
    set_exact(network, True)
