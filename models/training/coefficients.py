"""Training patches of JPEG files as they are coded: quantised DCT coefficients, read once."""

from __future__ import annotations

import json
import logging
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.codec.jpeg_coder import to_cells
from service.codec.jpeg_pixels import PatchBlocks
from service.pictures.jpeg_blocks import JpegBlocks, read_blocks
from service.runtime.jpeg_chain import CELLS
from service.runtime.jpeg_model import CHANNELS, COMPONENTS, FREQUENCIES, SAMPLINGS

log = logging.getLogger(__name__)

PATCHES_A_FILE = 12
TRIED = 60  # places in a file, of which half of the patches come from the smoother ones
LEAST_DETAIL = 0.002  # share of AC coefficients that are not 0: no sky alone

_CELLS, _TABLES, _INDEX = "cells.i16", "steps.npy", "coefficients.json"


class CoefficientCache:
    """Patches of JPEG files in memory-mapped files.

    Attributes
    ----------
    names
        File that each of the P patches is from.
    cells
        (P, 16, 16, 768) int16, channels as in ``jpeg_groups``.
    steps
        (P, 3, 64) uint8.
    samplings
        (P,) places in ``SAMPLINGS``.
    """

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        self.names: list[str] = index["names"]
        self.samplings = np.array(index["samplings"], np.int16)
        self.steps: NDArray[np.uint8] = np.load(folder / _TABLES)
        shape = (len(self.names), CELLS, CELLS, CHANNELS)
        self.cells = np.memmap(folder / _CELLS, np.int16, mode="r", shape=shape)


def open_coefficients(pictures: Path, cache: Path) -> CoefficientCache:
    """The cache of a folder of JPEG files; read again when the folder's files have changed.

    Files whose coefficients ``read_blocks`` does not read, grey ones and those under 256 pixels
    are left out. ValueError when nothing is left.
    """
    files = sorted(path for path in pictures.rglob("*") if path.is_file())
    listing = [[path.relative_to(pictures).as_posix(), path.stat().st_size] for path in files]
    index = cache / _INDEX
    if not index.exists() or json.loads(index.read_text(encoding="utf-8"))["listing"] != listing:
        cache.mkdir(parents=True, exist_ok=True)
        index.unlink(missing_ok=True)  # written last, it vouches for the rest
        found = _read(pictures, files, cache)
        if not found["names"]:
            raise ValueError(f"{pictures}: no colour JPEG whose coefficients can be read")
        beside = index.with_suffix(".part")
        beside.write_text(json.dumps({"listing": listing, **found}), encoding="utf-8")
        beside.replace(index)
    return CoefficientCache(cache)


def _read(pictures: Path, files: list[Path], cache: Path) -> dict[str, list[str] | list[int]]:
    names: list[str] = []
    samplings: list[int] = []
    tables: list[NDArray[np.uint8]] = []
    with (cache / _CELLS).open("wb") as out:
        for path in files:
            name = path.relative_to(pictures).as_posix()
            blocks = read_blocks(path.read_bytes())
            if blocks is None or len(blocks.coefficients) < COMPONENTS:
                log.warning("%s left out", name)
                continue
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            for cells in _patches(blocks, rng):
                out.write(np.ascontiguousarray(cells).data)
                names.append(name)
                samplings.append(SAMPLINGS.index(blocks.sampling))
                tables.append(np.stack(blocks.steps))
    np.save(cache / _TABLES, np.stack(tables) if tables else np.zeros((0, 3, 64), np.uint8))
    return {"names": names, "samplings": samplings}


def _patches(blocks: JpegBlocks, rng: np.random.Generator) -> list[NDArray[np.int16]]:
    """Some patches of a picture, half of them from its smoother places."""
    rows, columns = blocks.height // CELLS, blocks.width // CELLS
    if min(rows, columns) < CELLS:
        return []
    places = []
    for _ in range(TRIED):
        row, column = int(rng.integers(rows - CELLS + 1)), int(rng.integers(columns - CELLS + 1))
        luma = blocks.coefficients[0][2 * row : 2 * row + 32, 2 * column : 2 * column + 32]
        detail = float((luma[..., 1:] != 0).mean())
        if detail > LEAST_DETAIL:
            places.append((detail, row, column))
    places.sort()
    smooth = places[: len(places) // 2]
    few = rng.permutation(len(smooth))[: PATCHES_A_FILE // 2]
    chosen = [smooth[place] for place in few]
    chosen += [places[place] for place in rng.permutation(len(places))[: PATCHES_A_FILE // 2]]
    return [cells_of(blocks, row, column) for _, row, column in chosen]


def cells_of(blocks: JpegBlocks, row: int, column: int) -> NDArray[np.int16]:
    """(16, 16, 768) coefficients of a patch of a colour JPEG that begins at a cell."""
    luma, *chroma = (
        part[row * high : (row + CELLS) * high, column * wide : (column + CELLS) * wide]
        for part, (high, wide) in zip(blocks.coefficients, _blocks_of_cells(blocks), strict=True)
    )
    patch = PatchBlocks(luma.astype(np.int32), np.stack(chroma), np.zeros((2, 0), np.int32))
    return to_cells(patch, blocks.sampling).astype(np.int16)


def _blocks_of_cells(blocks: JpegBlocks) -> list[tuple[int, int]]:
    """Rows and columns of blocks in a cell, by component."""
    across, down = blocks.sampling
    return [(2, 2)] + [(2 // down, 2 // across)] * (COMPONENTS - 1)


class Coefficients:
    """Patches of JPEG files, mirrored at random; drawn like ``pictures.Crops``.

    validation_share : share of the files that ``draw`` never shows, chosen by a checksum of the
        name.
    """

    def __init__(self, cache: CoefficientCache, validation_share: float) -> None:
        self._cache = cache
        held = np.array(
            [zlib.crc32(name.encode()) < validation_share * 2**32 for name in cache.names]
        )
        self.validation = np.flatnonzero(held)
        self.training = np.flatnonzero(~held)
        if not len(self.training):
            raise ValueError("no patch of a JPEG to learn from")

    def draw(
        self, batch: int, rng: np.random.Generator, crop: tuple[int, int] | None = None
    ) -> NDArray[np.int16]:
        """A random batch (B, 16, 16, 961), as ``JpegDct`` takes it."""
        return np.stack([self._one(rng) for _ in range(batch)])

    def _one(self, rng: np.random.Generator) -> NDArray[np.int16]:
        number = int(self.training[rng.integers(len(self.training))])
        patch = self._whole(number)
        sampling = SAMPLINGS[self._cache.samplings[number]]
        for axis in (0, 1):
            if rng.random() < 0.5:
                patch[..., :CHANNELS] = mirrored(patch[..., :CHANNELS], axis, sampling)
        return patch

    def _whole(self, number: int) -> NDArray[np.int16]:
        patch = np.empty((CELLS, CELLS, CHANNELS + COMPONENTS * FREQUENCIES + 1), np.int16)
        patch[..., :CHANNELS] = self._cache.cells[number]
        patch[..., CHANNELS:-1] = self._cache.steps[number].reshape(-1)
        patch[..., -1] = self._cache.samplings[number]
        return patch

    def validation_batches(self, batch: int) -> list[NDArray[np.int16]]:
        """All held-back patches, as they are, in batches (B, 16, 16, 961)."""
        patches = [self._whole(int(number)) for number in self.validation]
        return [np.stack(patches[i : i + batch]) for i in range(0, len(patches), batch)]


def mirrored(cells: NDArray[np.int16], axis: int, sampling: tuple[int, int]) -> NDArray[np.int16]:
    """Coefficients (16, 16, 768) of the mirrored patch, upside down (axis 0) or left to right (1).

    Cosines of odd frequency change their sign.
    """
    parts = cells.reshape(CELLS, CELLS, COMPONENTS, 2, 2, 8, 8)  # phase row, column; frequency v, u
    turned = np.flip(parts, axis).copy()
    several = sampling[1 - axis] == 1  # rows or columns of chroma blocks in a cell
    turned[:, :, 0] = np.flip(turned[:, :, 0], 2 + axis)
    if several:
        turned[:, :, 1:] = np.flip(turned[:, :, 1:], 3 + axis)
    odd = (slice(None),) * (5 + axis) + (slice(1, None, 2),)
    turned[odd] *= -1
    return turned.reshape(CELLS, CELLS, CHANNELS)
