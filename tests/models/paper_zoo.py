"""A zoo in which the profile ``roi-eml`` takes no time: its lossy model is tiny and untrained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from models.export.calibration import make_exact
from models.export.zoo_entry import write_zoo_entry
from tests.models import tiny
from tests.service.codec.coding import textured

SHIPPED = ("lite", "bitswap", "pyramid")


def write_paper_zoo(folder: Path, shipped: Path) -> None:
    """Link the shipped models that the profiles need, and write the one that stands in."""
    for name in SHIPPED:
        (folder / name).symlink_to(shipped / name)
    pictures = [
        torch.from_numpy(np.ascontiguousarray(textured(256, 512, seed=seed)))
        .permute(2, 0, 1)[None]
        .float()
        for seed in range(2)
    ]
    network = tiny.hp_easn_deep().eval()
    make_exact(network, pictures)
    card = {
        "name": "hp-easn-deep",
        "version": "1",
        "description": "Tiny, untrained.",
        "licence": "Apache-2.0",
        "training": {},
        "quality": {},
        "weaknesses": (),
    }
    write_zoo_entry(network, pictures, folder / "hp-easn-deep" / "1", card)
