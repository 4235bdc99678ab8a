"""The blade's lossless streams, batch after batch: written, read back, and their SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.container.layout import Digest, Header, LosslessStream
from service.codec.container.parser import Blade
from service.codec.grid import Grid, Window
from service.codec.lossless import BATCH, LosslessCoder, Samples
from service.codec.options import Checkpoint
from service.errors import BadStream
from service.runtime.lossless_model import LosslessModel


@dataclass(frozen=True)
class BladeLayer:
    """Lossless streams of a picture's blade patches.

    Attributes
    ----------
    streams
        One a blade patch, in raster order.
    digests
        SHA-256 of their samples; empty if there is no blade.
    pixels
        Blade pixels, all of those patches within the picture.
    """

    streams: list[LosslessStream]
    digests: dict[Digest, bytes]
    pixels: int

    @property
    def bytes(self) -> int:
        """Bytes of all streams."""
        return sum(len(stream.data) for stream in self.streams)


NO_BLADE = BladeLayer([], {}, 0)


def encode_blade(
    model: LosslessModel,
    pixels: Samples,
    grid: Grid,
    mask: NDArray[np.bool_],
    checkpoint: Checkpoint,
) -> BladeLayer:
    """Code the blade patches of a picture (H, W, 3) or (H, W)."""
    numbers = [int(number) for number in np.flatnonzero(mask)]
    coder = LosslessCoder(model, grid, pixels.ndim == 2)
    sha = hashlib.sha256()
    streams: list[LosslessStream] = []
    count = 0
    for start in range(0, len(numbers), BATCH):
        checkpoint("lossless", start, len(numbers))
        batch = numbers[start : start + BATCH]
        streams += coder.encode(pixels, batch)
        for number in batch:
            part = pixels[grid.patch(number).slices]
            sha.update(part.tobytes())
            count += part.shape[0] * part.shape[1]
    digests = {Digest.BLADE_SAMPLES: sha.digest()} if numbers else {}
    return BladeLayer(streams, digests, count)


@dataclass(frozen=True)
class ShownBlade:
    """What decoding the blade patches of a window came to.

    Attributes
    ----------
    exact
        Numbers of the patches that were verified; their pixels stand in the picture.
    damaged
        Those that are damaged or missing; their pixels were left alone.
    digest_matches
        Whether the SHA-256 of all blade samples is the file's; None where that was not to be
        known: not all of them are shown, some are damaged, or the file's digest is not there.
    """

    exact: list[int]
    damaged: list[int]
    digest_matches: bool | None


def decode_blade(
    model: LosslessModel,
    blade: Blade,
    grid: Grid,
    shown: Window,
    picture: Samples,
    checkpoint: Checkpoint,
) -> ShownBlade:
    """Decode the blade patches that a window shows into its picture (h, w, 3) or (h, w).

    The streams of no other patch are touched.
    """
    numbers = shown_patches(blade.header, grid, shown)
    coder = LosslessCoder(model, grid, blade.header.grey)
    sha = hashlib.sha256()
    exact: list[int] = []
    for start in range(0, len(numbers), BATCH):
        checkpoint("lossless", start, len(numbers))
        there = []
        for number in numbers[start : start + BATCH]:
            data = blade.lossless_stream(number)
            if data is not None:
                there.append((number, data, blade.lossless[number].raw))
        batch = [number for number, _, _ in there]
        found = coder.decode([(data, raw) for _, data, raw in there], batch)
        for number, samples in zip(batch, found, strict=True):
            if samples is None:
                continue
            exact.append(number)
            sha.update(samples.tobytes())
            patch = grid.patch(number)
            common = patch.common(shown)
            picture[common.within(shown)] = samples[common.within(patch)]
    expected = blade.digests().get(Digest.BLADE_SAMPLES)
    whole = len(exact) == len(blade.lossless) and expected is not None
    damaged = sorted(set(numbers) - set(exact))
    return ShownBlade(exact, damaged, sha.digest() == expected if whole else None)


def verify_blade(
    model: LosslessModel, blade: Blade, grid: Grid, pixels: Samples, checkpoint: Checkpoint
) -> None:
    """Decode all blade patches of a file and compare them with the picture it was made from.

    Raises
    ------
    BadStream
        A pixel differs, or a stream does not decode.
    """
    picture = np.zeros_like(pixels)
    shown = grid.region(None)
    found = decode_blade(model, blade, grid, shown, picture, checkpoint)
    for number in blade.lossless:
        where = grid.patch(number).slices
        if not np.array_equal(picture[where], pixels[where]):
            raise BadStream(f"Blade patch {number} does not decode to its pixels.")
    if found.damaged or (blade.lossless and found.digest_matches is not True):
        raise BadStream("The blade that was just coded fails its own checks.")


def shown_patches(header: Header, grid: Grid, shown: Window) -> list[int]:
    """Numbers of the patches with a lossless stream that share a pixel with a window."""
    seen = grid.patches_in(shown).ravel()
    return [number for number in header.lossless_patches if seen[number]]
