"""The blade's lossless streams: written, read back, and their SHA-256.

A model without latents has a stream for each patch, and codes them in batches, pixels or a JPEG's
coefficients; one with latents puts them on stacks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from service.codec.block_start import Start
from service.codec.container.jpeg_fields import JpegSteps
from service.codec.container.layout import Digest, Header, LosslessStream, Stream
from service.codec.container.parser import Blade
from service.codec.container.stacks import BladeStream, Chained
from service.codec.grid import Grid, Window
from service.codec.jpeg_coder import JpegCoder
from service.codec.lossless import BATCH, LosslessCoder, Samples, unpack_raw
from service.codec.options import Checkpoint
from service.codec.stack_layer import encode_on_stacks
from service.codec.stack_reader import StackReader
from service.errors import BadStream
from service.pictures.jpeg_blocks import JpegBlocks
from service.runtime.jpeg_model import JpegModel
from service.runtime.latent_model import LatentModel
from service.runtime.lossless_answers import AnyLossless
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
    stacks
        Whether they are on stacks.
    lent
        For each background patch whose stream was lent, the number of the stack that holds it.
    lent_bytes, filler
        Bytes that the stacks started with: those streams, and what nobody lent.
    jpeg
        Sampling and steps of the JPEG whose coefficients were coded; None if pixels were.
    """

    streams: Sequence[BladeStream]
    digests: dict[Digest, bytes]
    pixels: int
    stacks: bool = False
    lent: dict[int, int] = field(default_factory=dict)
    lent_bytes: int = 0
    filler: int = 0
    jpeg: JpegSteps | None = None

    @property
    def bytes(self) -> int:
        """Bytes of all streams, without those that were lent."""
        own = (s for s in self.streams if not isinstance(s, Chained))
        return sum(len(stream.data) for stream in own) - self.lent_bytes


NO_BLADE = BladeLayer([], {}, 0)


def encode_blade(
    model: AnyLossless,
    pixels: Samples,
    grid: Grid,
    mask: NDArray[np.bool_],
    checkpoint: Checkpoint,
    lossy: Sequence[Stream] = (),
    block_start: Start | None = None,
    blocks: JpegBlocks | None = None,
) -> BladeLayer:
    """Code the blade patches of a picture (H, W, 3) or (H, W).

    ``lossy`` are streams of the lossy layer's patches, all of them; those of the background may be
    lent if the model has latents. ``block_start`` is where a JPEG's blocks begin, if that is known.
    ``blocks`` are what a model of coefficients codes; the blade's pixels must follow from them.
    """
    numbers = [int(number) for number in np.flatnonzero(mask)]
    if not numbers:
        return NO_BLADE
    parts = [pixels[grid.patch(number).slices] for number in numbers]
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part.tobytes())
    digests = {Digest.BLADE_SAMPLES: sha.digest()}
    count = sum(part.shape[0] * part.shape[1] for part in parts)
    if isinstance(model, LatentModel):
        found = encode_on_stacks(model, pixels, grid, mask, lossy, checkpoint)
        lent_bytes = sum(len(lossy[number].data) for number in found.lent)
        return BladeLayer(found.streams, digests, count, True, found.lent, lent_bytes, found.filler)
    jpeg = None
    encode: Callable[[Sequence[int]], list[LosslessStream]]
    if isinstance(model, JpegModel):
        if blocks is None:
            raise ValueError("a model of coefficients has none to code")
        jpeg = JpegSteps(blocks.sampling, blocks.steps)
        encode = partial(JpegCoder(model, grid, jpeg).encode, blocks, pixels)
    else:
        encode = partial(LosslessCoder(model, grid, pixels.ndim == 2, block_start).encode, pixels)
    streams: list[BladeStream] = []
    for start in range(0, len(numbers), BATCH):
        checkpoint("lossless", start, len(numbers))
        streams += encode(numbers[start : start + BATCH])
    return BladeLayer(streams, digests, count, jpeg=jpeg)


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
        known: not all of them are shown whole, some are damaged, or the file's digest is not
        there.
    lent
        Lossy streams that came back from stacks, by patch; of those that were asked for.
    """

    exact: list[int]
    damaged: list[int]
    digest_matches: bool | None
    lent: dict[int, bytes] = field(default_factory=dict)


def decode_blade(
    model: AnyLossless,
    blade: Blade,
    grid: Grid,
    shown: Window,
    picture: Samples,
    checkpoint: Checkpoint,
    lent: Iterable[int] = (),
) -> ShownBlade:
    """Decode the blade patches that a window shows into its picture (h, w, 3) or (h, w).

    No other patch is touched, but for those that lie above them on a stack, and those that lie
    above the lossy streams ``lent``.

    Raises
    ------
    BadStream
        The streams are not of this model's kind.
    """
    header = blade.header
    kinds = isinstance(model, LatentModel), isinstance(model, JpegModel)
    if blade.lossless and kinds != (header.stacks, header.jpeg is not None):
        raise BadStream(f"The blade is not coded as model {model.card.name} codes it.")
    numbers = shown_patches(header, grid, shown)
    exact: list[int] = []

    def show(number: int, samples: Samples) -> None:
        exact.append(number)
        patch = grid.patch(number)
        common = patch.common(shown)
        picture[common.within(shown)] = samples[common.within(patch)]

    streams: dict[int, bytes] = {}
    if isinstance(model, LatentModel):
        on_stacks = [number for number in numbers if not _show_raw(blade, grid, number, show)]
        reader = StackReader(model, blade, grid, checkpoint)
        streams = reader.read(on_stacks, lent, show)
    elif numbers:
        coder = _coder(model, grid, header)
        for start in range(0, len(numbers), BATCH):
            checkpoint("lossless", start, len(numbers))
            for number, samples in _decoded(coder, blade, numbers[start : start + BATCH]):
                show(number, samples)
    damaged = sorted(set(numbers) - set(exact))
    expected = blade.digests().get(Digest.BLADE_SAMPLES)
    matches = None
    if expected is not None and not damaged and _all_whole(blade, grid, shown):
        matches = _digest(blade, grid, shown, picture) == expected
    return ShownBlade(sorted(exact), damaged, matches, streams)


def recover(
    model: AnyLossless, blade: Blade, grid: Grid, lent: Sequence[int], checkpoint: Checkpoint
) -> dict[int, bytes]:
    """Lossy streams from stacks, by patch, those that are sound; nothing is shown."""
    if not lent or not isinstance(model, LatentModel):
        return {}
    reader = StackReader(model, blade, grid, checkpoint)
    return reader.read((), lent, lambda number, samples: None)


def _coder(
    model: LosslessModel | JpegModel, grid: Grid, header: Header
) -> LosslessCoder | JpegCoder:
    """What decodes patches that have a stream each."""
    if not isinstance(model, JpegModel):
        return LosslessCoder(model, grid, header.grey)
    if header.jpeg is None:
        raise BadStream(
            f"The index does not tell the JPEG whose coefficients {model.card.name} has."
        )
    return JpegCoder(model, grid, header.jpeg)


def _decoded(
    coder: LosslessCoder | JpegCoder, blade: Blade, numbers: Sequence[int]
) -> Iterator[tuple[int, Samples]]:
    """Patches that have a stream each, and are sound."""
    there = []
    for number in numbers:
        data = blade.lossless_stream(number)
        if data is not None:
            there.append((number, data, blade.lossless[number].raw))
    batch = [number for number, _, _ in there]
    found = coder.decode([(data, raw) for _, data, raw in there], batch)
    for number, samples in zip(batch, found, strict=True):
        if samples is not None:
            yield number, samples


def _show_raw(blade: Blade, grid: Grid, number: int, show: Callable[[int, Samples], None]) -> bool:
    """Show a patch that is stored raw, if it is sound; False if it is on a stack."""
    if not blade.lossless[number].raw:
        return False
    data = blade.lossless_stream(number)
    patch = grid.patch(number)
    size = (patch.bottom - patch.top, patch.right - patch.left)
    shape = size if blade.header.grey else (*size, 3)
    samples = None if data is None else unpack_raw(data, shape)
    if samples is not None:
        show(number, samples)
    return True


def _all_whole(blade: Blade, grid: Grid, shown: Window) -> bool:
    """Whether a window shows every pixel of the blade."""
    return all(grid.patch(n).common(shown) == grid.patch(n) for n in blade.lossless)


def _digest(blade: Blade, grid: Grid, shown: Window, picture: Samples) -> bytes:
    """SHA-256 of the blade in a picture that shows all of it."""
    sha = hashlib.sha256()
    for number in blade.lossless:
        sha.update(picture[grid.patch(number).within(shown)].tobytes())
    return sha.digest()


def verify_blade(
    model: AnyLossless,
    blade: Blade,
    grid: Grid,
    pixels: Samples,
    checkpoint: Checkpoint,
    lossy: Sequence[Stream] = (),
) -> None:
    """Decode all blade patches of a file and compare them with the picture it was made from.

    Lent streams are compared with those of ``lossy``, the streams of the lossy layer's patches.

    Raises
    ------
    BadStream
        A pixel differs, or a stream does not decode.
    """
    picture = np.zeros_like(pixels)
    shown = grid.region(None)
    donors = [number for number, entry in enumerate(blade.patches) if entry.stack is not None]
    found = decode_blade(model, blade, grid, shown, picture, checkpoint, donors)
    for number in donors:
        if found.lent.get(number) != lossy[number].data:
            raise BadStream(f"The stream that patch {number} lent does not come back.")
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
