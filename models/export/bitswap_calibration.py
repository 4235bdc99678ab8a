"""Making a trained bitswap exact, on pictures as its training saw them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.layers.exact import exact_layers, set_exact
from models.layers.ycocg import to_ycocg
from models.networks.bitswap import Bitswap, to_blocks
from models.training.calibration import calibrate


def make_bitswap_exact(network: Bitswap, patches: Sequence[NDArray[np.uint8]]) -> None:
    """Switch to integers; layers that never settled in training do so on (256, 256, 3) patches.

    Latents are sampled; the same for the same patches.
    """
    layers = [layer for layer in exact_layers(network) if not layer.settled]
    if layers:
        rgb = (torch.from_numpy(patch).permute(2, 0, 1)[None].float() for patch in patches)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            calibrate(network, layers, network, (to_blocks(to_ycocg(each)) for each in rgb))
    set_exact(network, True)
