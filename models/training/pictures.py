"""Training pictures: any folder, decoded once, then random crops of it."""

from __future__ import annotations

import json
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

log = logging.getLogger(__name__)

_PIXELS = "pictures.u8"
_INDEX = "pictures.json"


@dataclass(frozen=True)
class Entry:
    """One picture of the cache: its path in the folder, its place and its size."""

    name: str
    offset: int  # bytes from the start of the file
    height: int
    width: int


class PictureCache:
    """RGB pictures (H, W, 3), uint8, in one memory-mapped file."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        self.entries = [Entry(*row) for row in index["entries"]]
        self._pixels = np.memmap(folder / _PIXELS, np.uint8, mode="r")

    def __getitem__(self, entry: Entry) -> NDArray[np.uint8]:
        size = entry.height * entry.width * 3
        flat = self._pixels[entry.offset : entry.offset + size]
        return flat.reshape(entry.height, entry.width, 3)


def open_cache(pictures: Path, cache: Path) -> PictureCache:
    """The cache of a folder of pictures; decoded again when the folder's files have changed.

    Files that Pillow can't read are left out with a note. ValueError when nothing is left.
    """
    files = sorted(path for path in pictures.rglob("*") if path.is_file())
    listing = [[path.relative_to(pictures).as_posix(), path.stat().st_size] for path in files]
    index = cache / _INDEX
    if not index.exists() or json.loads(index.read_text(encoding="utf-8"))["listing"] != listing:
        cache.mkdir(parents=True, exist_ok=True)
        # The index is written last and vouches for the pixels.
        index.unlink(missing_ok=True)
        entries = _decode(pictures, files, cache / _PIXELS)
        if not entries:
            raise ValueError(f"{pictures}: no picture that can be read")
        beside = index.with_suffix(".part")
        beside.write_text(json.dumps({"listing": listing, "entries": entries}), encoding="utf-8")
        beside.replace(index)
    return PictureCache(cache)


def _decode(pictures: Path, files: list[Path], pixels: Path) -> list[tuple[str, int, int, int]]:
    entries, offset = [], 0
    with pixels.open("wb") as out:
        for path in files:
            name = path.relative_to(pictures).as_posix()
            try:
                with Image.open(path) as image:
                    array = np.asarray(image.convert("RGB"))
            except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
                log.warning("%s left out: %s", name, error)
                continue
            out.write(np.ascontiguousarray(array).data)
            entries.append((name, offset, array.shape[0], array.shape[1]))
            offset += array.nbytes
    return entries


class Crops:
    """Random crops of the pictures that are large enough, flipped and turned.

    Parameters
    ----------
    crop : height and width of a crop; a picture needs its longer side in both directions, since
        any quarter turn may be drawn.
    validation_share : share of the pictures that ``draw`` never shows, chosen by a checksum of
        the name, so that it stays when others are added.
    grid : crops begin at multiples of so many pixels. Turned and flipped crops keep such a grid
        at their own borders where their sides are multiples of it.
    """

    def __init__(
        self,
        cache: PictureCache,
        crop: tuple[int, int],
        validation_share: float,
        grid: int = 1,
    ) -> None:
        self._cache = cache
        self._crop = crop
        self._grid = grid
        usable = [e for e in cache.entries if min(e.height, e.width) >= max(crop)]
        if len(usable) < len(cache.entries):
            skipped = len(cache.entries) - len(usable)
            log.warning("%d pictures smaller than %d pixels skipped", skipped, max(crop))
        limit = validation_share * 2**32
        self.validation = [e for e in usable if zlib.crc32(e.name.encode()) < limit]
        self.training = [e for e in usable if zlib.crc32(e.name.encode()) >= limit]
        if not self.training:
            raise ValueError(
                f"no picture of at least {max(crop)} pixels on both sides to learn from"
            )

    def draw(
        self, batch: int, rng: np.random.Generator, crop: tuple[int, int] | None = None
    ) -> NDArray[np.uint8]:
        """A random batch (B, crop height, crop width, 3).

        ``crop`` can't be another than that of the constructor, which chose the pictures by it.
        """
        assert crop in (None, self._crop)
        return np.stack([self._one(rng) for _ in range(batch)])

    def _one(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        entry = self.training[rng.integers(len(self.training))]
        turns = int(rng.integers(4))
        height, width = self._crop if turns % 2 == 0 else self._crop[::-1]
        top = self._grid * rng.integers((entry.height - height) // self._grid + 1)
        left = self._grid * rng.integers((entry.width - width) // self._grid + 1)
        piece = np.rot90(self._cache[entry][top : top + height, left : left + width], turns)
        return piece[:, ::-1] if rng.random() < 0.5 else piece

    def validation_batches(self, batch: int) -> list[NDArray[np.uint8]]:
        """The middle of each validation picture, in batches (B, crop height, crop width, 3)."""
        height, width = self._crop
        pieces = []
        for entry in self.validation:
            top, left = (
                side // 2 // self._grid * self._grid
                for side in (entry.height - height, entry.width - width)
            )
            pieces.append(self._cache[entry][top : top + height, left : left + width])
        return [np.stack(pieces[i : i + batch]) for i in range(0, len(pieces), batch)]
