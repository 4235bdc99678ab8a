"""Pictures with blade masks for training: any folder of sets, decoded once.

A set is a folder with ``images/``; ``masks/NAME.png`` tells the blade (brighter than half),
``masks_whole/NAME.png`` the whole turbine, for cutting it out. A set without ``masks/`` shows no
blade. Pictures in ``validation/SET/`` are never learnt from.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

log = logging.getLogger(__name__)

BLADE, TURBINE = 3, 4  # channels: shares of blade and of turbine, blades among it, 0..255
CHANNELS = 5
LEVELS = 4
LONGEST_SIDE = 2304  # three times the network's: detail beyond it is never looked at

_PIXELS = "pairs.u8"
_INDEX = "pairs.json"
VALIDATION = "validation"


# A picture (H, W, 5) and its halves, finest first.
Levels = list[NDArray[np.uint8]]


@dataclass(frozen=True)
class Pair:
    """One picture of the cache: set and name, its place and its size."""

    name: str  # SET/NAME, or validation/SET/NAME
    offset: int  # bytes from the start of the file
    height: int
    width: int
    blade: float  # share of the picture
    whole: bool  # whether tower, nacelle and hub are told from what is behind them

    @property
    def set_name(self) -> str:
        """The folder that it came from."""
        return self.name.split("/")[-2]

    @property
    def held_back(self) -> bool:
        """Whether it is for validation."""
        return self.name.startswith(VALIDATION + "/")


class PairCache:
    """Pictures (H, W, 5), uint8, and their halves, quarters, ...; one memory-mapped file.

    The channels are red, green, blue and the shares of blade and of turbine.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        self.pairs = [Pair(*row) for row in index["pairs"]]
        self._pixels = np.memmap(folder / _PIXELS, np.uint8, mode="r")

    def __getitem__(self, pair: Pair) -> Levels:
        levels, offset, height, width = [], pair.offset, pair.height, pair.width
        for _ in range(LEVELS):
            size = height * width * CHANNELS
            flat = self._pixels[offset : offset + size]
            levels.append(flat.reshape(height, width, CHANNELS))
            offset, height, width = offset + size, -(-height // 2), -(-width // 2)
        return levels


def open_pairs(folder: Path, cache: Path) -> PairCache:
    """The cache of a folder of sets; decoded again when the folder's files have changed.

    A picture that can't be read, or that has no mask where its set has masks, is left out with a
    note. ValueError when nothing is left.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = [[path.relative_to(folder).as_posix(), path.stat().st_size] for path in files]
    index = cache / _INDEX
    if not index.exists() or json.loads(index.read_text(encoding="utf-8"))["listing"] != listing:
        cache.mkdir(parents=True, exist_ok=True)
        # The index is written last and vouches for the pixels.
        index.unlink(missing_ok=True)
        images = [path for path in files if path.parent.name == "images"]
        rows = _decode(folder, images, cache / _PIXELS)
        if not rows:
            raise ValueError(f"{folder}: no set of pictures that can be read")
        beside = index.with_suffix(".part")
        beside.write_text(json.dumps({"listing": listing, "pairs": rows}), encoding="utf-8")
        beside.replace(index)
    return PairCache(cache)


def _decode(
    folder: Path, images: list[Path], pixels: Path
) -> list[tuple[str, int, int, int, float, bool]]:
    rows, offset = [], 0
    with pixels.open("wb") as out:
        for path in images:
            home = path.parent.parent
            name = f"{home.relative_to(folder).as_posix()}/{path.stem}"
            try:
                array = read_pair(path)
            except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
                log.warning("%s left out: %s", name, error)
                continue
            height, width = array.shape[:2]
            share = float(array[..., BLADE].mean()) / 255
            whole = (home / "masks_whole" / f"{path.stem}.png").exists()
            rows.append((name, offset, height, width, share, whole))
            for level in levels_of(array):
                out.write(level.data)
                offset += level.nbytes
    return rows


def read_pair(path: Path) -> NDArray[np.uint8]:
    """A picture in ``images/`` and its masks, (H, W, 5), at most LONGEST_SIDE wide and high.

    ValueError when a mask is missing or of another size.
    """
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    home, mask_name = path.parent.parent, f"{path.stem}.png"
    blade = whole = Image.new("L", rgb.size)
    if (home / "masks").is_dir():
        blade = whole = _mask(home / "masks" / mask_name, rgb)
    if (home / "masks_whole" / mask_name).exists():
        whole = ImageChops.lighter(blade, _mask(home / "masks_whole" / mask_name, rgb))
    factor = -(-max(rgb.size) // LONGEST_SIDE)
    return np.dstack([np.asarray(band.reduce(factor)) for band in (rgb, blade, whole)])


def levels_of(array: NDArray[np.uint8]) -> Levels:
    """(H, W, 5) and LEVELS - 1 times its means over 2x2 pixels."""
    levels = [array]
    while len(levels) < LEVELS:
        bands = np.moveaxis(levels[-1], -1, 0)
        halves = [Image.fromarray(np.ascontiguousarray(band)).reduce(2) for band in bands]
        levels.append(np.dstack([np.asarray(half) for half in halves]))
    return levels


def _mask(path: Path, picture: Image.Image) -> Image.Image:
    with Image.open(path) as image:
        mask = image.convert("L").point([0] * 128 + [255] * 128)
    if mask.size != picture.size:
        raise ValueError(f"mask of {mask.size}, picture of {picture.size}")
    return mask
