"""Bits-back, compared: who pays for a stack's first bits, in which order latents are coded.

Paper roi-eml, sections V and VI, and table V. Three ways to come by initial bits, on the same
blade patches: *sequential* chaining on one stack, as bits-back is usually run; every patch
*alone* on a stack that starts with filler; and *lent* background streams, as files are coded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.evaluation import environment
from models.evaluation.latents import CountedModel, evidence_bound, initial_bits
from models.evaluation.rate_distortion import read_folder
from service.codec.blade_layer import BladeLayer, decode_blade
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.grid import Grid
from service.codec.jobs import Frame, LossyJob, reference_to
from service.codec.lending import Plan, Pool, plan_stacks
from service.codec.lossy import analyse
from service.codec.options import BASE_QUALITY64, CompressOptions, no_checkpoint
from service.codec.patch_mask import PATCH
from service.codec.rate_control import Rate
from service.codec.stack_layer import Planner, encode_on_stacks
from service.codec.stacks import block_values, blocks_of
from service.codec.timing import Stages
from service.pictures import Metadata, Picture
from service.runtime.card import Card
from service.runtime.latent_model import LatentModel
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo
from service.settings import Settings

SHARES = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)  # of the patches; 0 stands for one patch
QUALITY64 = 192
BLOCKS = 48  # of a picture, for the two orders

Samples = NDArray[np.uint8]


def _sequential(grid: Grid, needs: Mapping[int, int], pool: Pool) -> list[Plan]:
    return [Pool(grid, {}).open_stack(list(needs), next(iter(needs.values())))]


def _alone(grid: Grid, needs: Mapping[int, int], pool: Pool) -> list[Plan]:
    nothing = Pool(grid, {})
    return [nothing.open_stack([number], need) for number, need in needs.items()]


WAYS: dict[str, Planner] = {"sequential": _sequential, "alone": _alone, "lent": plan_stacks}

DEFINITIONS = {
    "sequential": "all blade patches chained on one stack, which starts with filler",
    "alone": "every blade patch on a stack of its own, which starts with filler",
    "lent": "as files are coded: stacks start with background streams, nearest first; patches "
    "share stacks when these run out",
    "file_bytes": "the whole file, background and index included",
    "blade_bits": "what stacks hold, without the streams lent to them",
    "filler_bits": "initial bits that nobody lent: overhead",
    "seconds": "wall clock of coding all blade patches with their plan, and of decoding them and "
    "what was lent",
    "calls": "networks run, each on all stacks that advance together",
    "initial_bits": "what a block takes from below before it has pushed anything of its own",
    "bound_bits": "-ELBO of all blocks, latents drawn at random",
}


def evaluate(
    images: Path, side: int, lossless: str, against: Sequence[str], settings: Settings
) -> dict[str, Any]:
    """All comparisons on a folder of pictures.

    Parameters
    ----------
    images
        Folder of pictures.
    side
        Pictures are cut to this many pixels a side, about their centre.
    lossless
        Name of a lossless model with latents.
    against
        Names of lossless models to compare it with.
    settings
        Of the service.

    Returns
    -------
    dict
        JSON-able.

    Raises
    ------
    ValueError
        The model has no latents, or the folder no pictures.
    """
    zoo = Zoo.open(settings)
    model = zoo.lossless(lossless)
    if not isinstance(model, LatentModel):
        raise ValueError(f"{lossless} has no latents")
    arrangements, orders, models = [], [], []
    pictures = [
        (each.name, _cut(each.picture.pixels, side)) for each in read_folder(images, settings)
    ]
    for name, pixels in tqdm(pictures, desc="pictures", unit="", disable=None):
        arrangements += [
            {"picture": name, **row} for row in _arrangements(model, zoo.by_name(None), pixels)
        ]
        orders.append({"picture": name, **_orders(model, pixels)})
        models += [{"picture": name, **_whole(zoo, each, pixels)} for each in (lossless, *against)]
    return {
        "model": {"name": model.card.name, "version": model.card.version},
        "latents": model.latents,
        "lossy_model": _named(zoo.by_name(None).card),
        "folder": images.resolve().name,
        "side": side,
        "pictures": [name for name, _ in pictures],
        "definitions": DEFINITIONS,
        "arrangements": arrangements,
        "orders": orders,
        "models": models,
        "machine": environment.machine(),
        "versions": environment.versions(),
    }


def blade_masks(grid: Grid) -> Iterator[tuple[float, NDArray[np.bool_]]]:
    """Shares and masks from one patch to all: a strip along the diagonal that grows."""
    rows, columns = np.mgrid[0 : grid.rows, 0 : grid.columns]
    across = np.abs(rows / max(grid.rows - 1, 1) - columns / max(grid.columns - 1, 1))
    order = np.argsort(across.ravel(), kind="stable")
    for share in SHARES:
        mask = np.zeros(order.size, bool)
        mask[order[: max(1, round(share * order.size))]] = True
        yield share, mask.reshape(grid.rows, grid.columns)


@dataclass(frozen=True)
class Timed:
    """What something gave, its seconds, and the network calls it took."""

    found: Any
    seconds: float
    calls: int


def _timed(model: CountedModel, work: Callable[[], Any]) -> Timed:
    calls, started = model.calls, time.perf_counter()
    found = work()
    return Timed(found, time.perf_counter() - started, model.calls - calls)


def _arrangements(
    model: LatentModel, lossy_model: LossyModel, pixels: Samples
) -> Iterator[dict[str, Any]]:
    """One row for each mask and way."""
    grid = Grid(pixels.shape[1], pixels.shape[0])
    counted = CountedModel(model)
    y = analyse(lossy_model, pixels, grid, no_checkpoint)
    for share, mask in blade_masks(grid):
        frame = Frame(
            grid=grid,
            grey=pixels.ndim == 2,
            mode="lossless",
            mask=mask,
            metadata=Metadata(),
            lossless_model=reference_to(model.card),
            blade=BladeLayer([], {}, 0),
        )
        job = LossyJob(lossy_model, frame, y, False, Stages())
        layer = None
        if not mask.all():
            layer = job.layer(Rate(QUALITY64, BASE_QUALITY64), no_checkpoint)
        for way, planner in WAYS.items():
            row = _coded(counted, job, layer, pixels, planner)
            yield {"way": way, "share": share, "patches": int(mask.sum()), **row}


def _coded(
    model: CountedModel, job: LossyJob, layer: Any, pixels: Samples, planner: Planner
) -> dict[str, Any]:
    """Code the blade one way, read it back, and take the figures."""
    frame, lossy = job.frame, layer.patches if layer else []
    grid, mask = frame.grid, frame.mask
    coding = _timed(
        model,
        lambda: encode_on_stacks(model, pixels, grid, mask, lossy, no_checkpoint, planner),
    )
    stacks = coding.found
    lent = sum(len(lossy[number].data) for number in stacks.lent)
    blade = BladeLayer(stacks.streams, {}, 0, True, stacks.lent, lent, stacks.filler)
    whole = Frame(**{**vars(frame), "blade": blade})
    data = job.pack(layer, whole) if layer else whole.pack_alone(None)
    parsed, picture = parse(data), np.zeros_like(pixels)
    decoding = _timed(
        model,
        lambda: decode_blade(
            model, parsed, grid, grid.region(None), picture, no_checkpoint, list(stacks.lent)
        ),
    )
    area = np.kron(mask, np.ones((PATCH, PATCH), bool))[: grid.height, : grid.width]
    if decoding.found.damaged or not np.array_equal(picture[area], pixels[area]):
        raise ValueError("what was coded does not come back")
    if any(decoding.found.lent.get(n) != lossy[n].data for n in stacks.lent):
        raise ValueError("what was lent does not come back")
    return {
        "pixels": int(area.sum()),
        "stacks": len(parsed.stacks),
        "file_bytes": len(data),
        "blade_bits": 8 * blade.bytes,
        "filler_bits": 8 * blade.filler,
        "lent_bits": 8 * lent,
        "donors": len(stacks.lent),
        "encode_seconds": round(coding.seconds, 3),
        "decode_seconds": round(decoding.seconds, 3),
        "encode_calls": coding.calls,
        "decode_calls": decoding.calls,
    }


def _orders(model: LatentModel, pixels: Samples) -> dict[str, Any]:
    """Initial bits of a block in Bit-Swap's order and in plain recursive bits-back's."""
    grid = Grid(pixels.shape[1], pixels.shape[0])
    windows = [w for number in range(grid.rows * grid.columns) for w in blocks_of(grid, number)]
    full = [w for w in windows if (w.bottom - w.top, w.right - w.left) == (64, 64)]
    chosen = [full[place * len(full) // BLOCKS] for place in range(min(BLOCKS, len(full)))]
    blocks = np.stack([block_values(pixels, window) for window in chosen])
    grey = pixels.ndim == 2
    found: dict[str, Any] = {"blocks": len(blocks)}
    for order in ("bit_swap", "recursive"):
        initial, net = initial_bits(model, blocks, grey, recursive=order == "recursive")
        found[order] = {
            "initial_bits_mean": round(float(initial.mean()), 1),
            "initial_bits_largest": round(float(initial.max()), 1),
            "net_bits_mean": round(float(net.mean()), 1),
        }
    return found


def _whole(zoo: Zoo, name: str, pixels: Samples) -> dict[str, Any]:
    """A model on the whole picture, through a real file."""
    picture = Picture(pixels, Metadata(), "PPM", pixels.size, ())
    options = CompressOptions(mode="roi-only", lossless_model=name, verify=False)
    encoder, decoder = Encoder(zoo), Decoder(zoo)
    started = time.perf_counter()
    compressed = encoder.compress(picture, "full", options)
    between = time.perf_counter()
    decoded = decoder.decompress(compressed.data)
    ended = time.perf_counter()
    if not np.array_equal(decoded.pixels, pixels):
        raise ValueError(f"{name} is not exact")
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    model = zoo.lossless(name)
    found: dict[str, Any] = {
        "model": _named(model.card),
        "pixels": pixels.shape[0] * pixels.shape[1],
        "file_bits": 8 * len(compressed.data),
        "filler_bits": 8 * int(str(compressed.report["filler_bytes"])),
        "encode_seconds_a_megapixel": round((between - started) / megapixels, 3),
        "decode_seconds_a_megapixel": round((ended - between) / megapixels, 3),
    }
    if isinstance(model, LatentModel):
        found["bound_bits"] = round(evidence_bound(model, pixels))
    return found


def _named(card: Card) -> str:
    return f"{card.name}/{card.version}"


def _cut(pixels: Samples, side: int) -> Samples:
    """The middle of a picture, at most ``side`` pixels a side."""
    height, width = (min(length, side) for length in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])
