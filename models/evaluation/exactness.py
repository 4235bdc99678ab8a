"""The price of exactness: a trained prior in float, and the same weights in integers.

The symbols are the same, decided on by what the float network's tables make of them (so that the
price is not flattered); what differs is the tables that the networks pick for them. Counted are the
bits of every level whose tables exact networks choose: y, and z where it has a prior of its own
(static tables have no price). Three figures a quality: float arithmetic with a real-valued index,
for which costs lie between those of two tables; integer arithmetic with the index it gives; and
that index cut to one of the integer tables, as files are coded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from models.evaluation import environment
from models.evaluation.rate_distortion import read_folder
from models.layers.density import TABLES, deviation, index_of
from models.layers.exact import exact_layers, set_exact
from models.layers.gains import ANCHORS
from models.layers.rounding import Bits
from models.networks.lossy_network import Coded, LossyNetwork, table_of
from models.networks.patches import LATENTS, to_patches
from models.networks.registry import build
from models.training import checkpoints
from models.training.calibration import calibrate
from service.codec.grid import Grid, Window
from service.codec.padding import PaddedPicture
from service.settings import Settings


@torch.no_grad()
def price(
    checkpoint: Path,
    images: Path,
    calibration: Path | None,
    qualities: Sequence[float],
    settings: Settings,
) -> dict[str, object]:
    """Rates on a folder of pictures, each padded to patches as the encoder does.

    Parameters
    ----------
    checkpoint
        What training wrote: recipe and weights.
    images
        Folder of pictures.
    calibration
        Folder of training pictures; needed where training ended in float and the steps of the
        integers are still to be settled.
    qualities
        1 to 8.

    Returns
    -------
    dict
        JSON-able; rates are means over pictures in bits a pixel, prices in percent.

    Raises
    ------
    ValueError
        A folder holds no picture, or calibration is needed and not given.
    """
    state = checkpoints.load(checkpoint)
    recipe = state["recipe"]["model"]
    network = cast(LossyNetwork, build(recipe["name"], recipe["arguments"]).eval())
    network.load_state_dict(state["weights"])
    layers = [layer for layer in exact_layers(network) if not layer.settled]
    if layers:
        if calibration is None:
            raise ValueError(f"{checkpoint} is not settled yet: give --calibration")
        pictures = (_padded(each.picture.pixels) for each in read_folder(calibration, settings))
        calibrate(
            network, layers, lambda rgb: [Rates(network, rgb, q) for q in qualities], pictures
        )
    totals, count = np.zeros((len(qualities), 3)), 0
    for each in tqdm(read_folder(images, settings), desc="pictures", unit="", disable=None):
        count += 1
        pixels = each.picture.pixels
        rgb = _padded(pixels)
        for number, quality in enumerate(qualities):
            rates = Rates(network, rgb, quality)
            bits = rates.in_float(), *rates.in_integers()
            totals[number] += np.array(bits) / (pixels.shape[0] * pixels.shape[1])
    rows = [_row(quality, total / count) for quality, total in zip(qualities, totals, strict=True)]
    whole = _row(0.0, totals.sum(0))
    return {
        "network": recipe["name"],
        "folder": images.resolve().name,
        "pictures": count,
        "tables": TABLES,
        "price_of_integers": whole["price_of_integers"],
        "price_of_tables": whole["price_of_tables"],
        "qualities": rows,
        "machine": environment.machine(),
        "versions": {**environment.versions(), "torch": str(torch.__version__)},
    }


class Rates:
    """Bits of both levels of one picture at one quality; of z none where its tables are static.

    Symbols are decided on in float when it is made.

    Parameters
    ----------
    network
        Its exact layers are switched on the way, and left as the last call needed them.
    rgb
        (1, 3, H, W), sides multiples of 256.
    quality
        Of every patch.
    """

    def __init__(self, network: LossyNetwork, rgb: Tensor, quality: float) -> None:
        self._network = network
        y = network.analysis(rgb)
        self._top_quality = torch.tensor([min(float(np.floor(quality + 0.5)), ANCHORS - 1)])
        self._symbols_z, z = network.upper(y, self._top_quality)
        patches = (y.shape[2] // LATENTS) * (y.shape[3] // LATENTS)
        self._quality = torch.full((patches,), quality)
        set_exact(network, False)
        self._coded: Coded = network.code_patches(y, self._symbols_z, z, self._quality)
        self._top_in_float, _ = self._top()

    def in_float(self) -> float:
        """Bits with float arithmetic."""
        return float(self._coded.bits.sum()) + self._top_in_float

    def in_integers(self) -> tuple[float, float]:
        """Bits with integer arithmetic: at its real-valued index, and at its table's."""
        network, symbols = self._network, self._coded.symbols
        set_exact(network, True)
        groups = network.prior.groups
        raw = network.prior(self._features(), torch.floor(self._quality * 64), symbols)
        shifts = index_of(network.gains_y(self._quality)).split([g.native for g in groups], 1)
        real, whole = self._top()
        for ints, index, shift, group in zip(symbols, raw, shifts, groups, strict=True):
            real_index = index + shift[:, :, None, None] + group.start
            bits = _both(network.quantiser.bits, ints, real_index)
            real, whole = real + bits[0], whole + bits[1]
        return real, whole

    def _top(self) -> tuple[float, float]:
        """Bits of z in the arithmetic that is on: at real-valued indices, and at the tables'."""
        if self._network.top_prior is None:
            return 0.0, 0.0
        symbols, index = self._network.top_indices(self._symbols_z, self._top_quality)
        bits = self._network.bits
        return _both(lambda ints, at: bits(ints, deviation(at)), symbols, index)

    def _features(self) -> Tensor:
        return to_patches(self._network.top(self._symbols_z))


def _both(bits: Bits, symbols: Tensor, index: Tensor) -> tuple[float, float]:
    """Bits of symbols at real-valued indices, and at those of their tables."""
    # A table stands for the middle of its step.
    return float(bits(symbols, index).sum()), float(bits(symbols, table_of(index) + 0.5).sum())


def _padded(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) or (H, W) to (1, 3, H', W'), padded to whole patches."""
    grid = Grid(pixels.shape[1], pixels.shape[0])
    window = Window(0, grid.coded_height, 0, grid.coded_width)
    whole = np.ascontiguousarray(PaddedPicture(pixels).window(window))
    return torch.from_numpy(whole).permute(2, 0, 1)[None].float()


def _row(quality: float, rates: NDArray[np.float64]) -> dict[str, float]:
    in_float, in_integers, in_tables = (float(rate) for rate in rates)
    return {
        "quality": quality,
        "float_bpp": round(in_float, 5),
        "exact_bpp": round(in_integers, 5),
        "price_of_integers": round(100 * (in_integers / in_float - 1), 3),
        "tables_bpp": round(in_tables, 5),
        "price_of_tables": round(100 * (in_tables / in_float - 1), 3),
    }
