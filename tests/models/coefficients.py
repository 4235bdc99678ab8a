"""Coefficients of a real JPEG file, in batches as ``JpegDct`` takes them."""

import io

import numpy as np
import torch
from PIL import Image

from models.networks.jpeg_dct import JpegDct
from models.training.coefficients import cells_of
from service.pictures.jpeg_blocks import read_blocks
from service.runtime.jpeg_model import SAMPLINGS
from tests.models import tiny

SUBSAMPLING = {(1, 1): 0, (2, 1): 1, (2, 2): 2}  # as Pillow counts them


def picture(height=256, width=256, seed=0):
    """A smooth picture with some edges and noise, (h, w, 3) uint8."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:height, :width]
    waves = [np.sin(row / (9 + 3 * k)) + np.cos(column / (13 + 5 * k)) for k in range(3)]
    edge = (row + 2 * column > 300) * 40
    noise = rng.normal(size=(height, width, 3)) * 4
    rgb = 120 + 35 * np.stack(waves, -1) + edge[..., None] + noise
    return np.clip(rgb, 0, 255).astype(np.uint8)


def file(sampling=(2, 2), quality=85, **settings):
    """A JPEG file of ``picture``."""
    out = io.BytesIO()
    Image.fromarray(picture(**settings)).save(
        out, "JPEG", quality=quality, subsampling=SUBSAMPLING[sampling]
    )
    return out.getvalue()


def blocks(sampling=(2, 2), quality=85, **settings):
    """Its coefficients."""
    found = read_blocks(file(sampling, quality, **settings))
    assert found is not None
    return found


def batch(samplings=SAMPLINGS, seed=0):
    """(B, 961, 16, 16), a patch of each sampling."""
    made = []
    for number, sampling in enumerate(samplings):
        found = blocks(sampling, 70 + 8 * number, seed=seed + number)
        cells = np.empty((16, 16, 961), np.int16)
        cells[..., :768] = cells_of(found, 0, 0)
        cells[..., 768:960] = np.stack(found.steps).reshape(-1)
        cells[..., 960] = SAMPLINGS.index(sampling)
        made.append(cells)
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).float()


def network(seed=3):
    """A small one, scattered weights, its means and starts fitted to ``batch``."""
    torch.manual_seed(seed)
    made = JpegDct(width=8)
    tiny.scatter(made, seed, spread=0.3)
    made.train()
    with torch.no_grad():
        for step in range(3):
            made(batch(seed=10 * step))
        made.means.solve()
    made.eval()
    return made
