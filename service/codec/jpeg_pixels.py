"""Patches of a JPEG: their coefficients, and the pixels that decoders make of these, to the bit.

The encoder cuts a picture's coefficients into patches that need nothing of each other. The decoder
makes pixels of one patch alone: inverse transform, chroma upsampled, colours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.codec import chroma_upsampling
from service.codec.chroma_ring import ChromaPlace, Positions, RingPass
from service.codec.grid import Grid
from service.codec.inverse_dct import BLOCK, samples_of_blocks
from service.codec.jpeg_colour import from_ycbcr
from service.codec.patch_mask import PATCH
from service.pictures.jpeg_blocks import JpegBlocks

Steps = tuple[NDArray[np.uint8], ...]
"""Quantiser steps of a picture's components, (64,) each."""

_HIGHEST_CONTEXT = 15
_CHROMA_CENTRE = 128


@dataclass(frozen=True)
class PatchBlocks:
    """What the pixels of one patch are made of; see ``JpegBlocks`` for the numbers' order."""

    luma: NDArray[np.int32]
    """(32, 32, 64), quantised."""
    chroma: NDArray[np.int32]
    """(2, rows, columns, 64), quantised; (0, 32, 32, 64) of a grey picture."""
    ring: NDArray[np.int32]
    """(2, R), chroma samples just around the patch as ``ChromaPlace.ring`` has them; R is 0 for
    grey pictures and those that have chroma for each pixel."""


def cut(blocks: JpegBlocks, grid: Grid, number: int) -> PatchBlocks:
    """Take a patch out of a picture.

    Blocks that the file has not are 0; nothing of them is within the picture.
    """
    place = ChromaPlace(blocks.sampling, grid, number)
    row, column = divmod(number, grid.columns)
    side = PATCH // BLOCK
    luma = _cut_blocks(blocks.coefficients[0], row * side, column * side, side, side)
    across, down = place.size
    size = across // BLOCK, down // BLOCK
    top, left = place.first
    chroma = [
        _cut_blocks(component, top // BLOCK, left // BLOCK, *size)
        for component in blocks.coefficients[1:]
    ]
    if not chroma:
        nothing = np.zeros((0, *size, BLOCK * BLOCK), np.int32)
        return PatchBlocks(luma, nothing, np.zeros((2, 0), np.int32))
    rows, columns = place.in_picture(*place.ring)
    ring = [
        _samples_at(component, steps, rows + top, columns + left)
        for component, steps in zip(blocks.coefficients[1:], blocks.steps[1:], strict=True)
    ]
    return PatchBlocks(luma, np.stack(chroma), np.stack(ring))


def ring_residuals(
    patch: PatchBlocks, steps: Steps, sampling: tuple[int, int], grid: Grid, number: int
) -> list[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
    """What is coded of a patch's ring, pass by pass.

    Returns
    -------
    list[tuple[NDArray[np.int32], NDArray[np.uint8]]]
        Of each of three passes symbols (n,), those of Cb, then those of Cr, and contexts (n,), 0 to
        15. A symbol is what a sample has more than the nearest of the patch itself (its residual),
        less what its neighbours' residuals guess of it.
    """
    if not patch.ring.size:
        return []
    place = ChromaPlace(sampling, grid, number)
    nearest, contexts = _nearest(patch, steps, place)
    residuals = patch.ring - nearest
    coded = []
    for one in place.passes:
        guesses, chosen = _guess(residuals, contexts, one)
        coded.append(((residuals[:, one.samples] - guesses).reshape(-1), chosen))
    return coded


def with_ring(
    patch: PatchBlocks,
    steps: Steps,
    sampling: tuple[int, int],
    grid: Grid,
    number: int,
    read: Callable[[int, NDArray[np.uint8]], NDArray[np.int32]],
) -> PatchBlocks:
    """Inverse of ``ring_residuals``.

    Parameters
    ----------
    patch
        Its ring is not looked at.
    read
        Gives the symbols (n,) of a pass for their contexts (n,). Not called where n is 0.

    Returns
    -------
    PatchBlocks
        With the ring, each sample 0 to 255 also where symbols are damaged.
    """
    place = ChromaPlace(sampling, grid, number)
    rows, columns = place.ring
    if not len(patch.chroma) or not rows.size:
        return replace(patch, ring=np.zeros((2, 0), np.int32))
    nearest, contexts = _nearest(patch, steps, place)
    residuals = np.zeros_like(nearest)
    for number_of_pass, one in enumerate(place.passes):
        if one.samples.size:
            guesses, chosen = _guess(residuals, contexts, one)
            symbols = np.clip(read(number_of_pass, chosen).reshape(guesses.shape), -510, 510)
            residuals[:, one.samples] = np.clip(guesses + symbols, -255, 255)
    ring = np.clip(nearest + residuals, 0, 255)
    frame = place.framed(_chroma_samples(patch, steps), ring)
    return replace(patch, ring=frame[:, rows + 1, columns + 1].astype(np.int32))


def patch_pixels(
    patch: PatchBlocks, steps: Steps, sampling: tuple[int, int], grid: Grid, number: int
) -> NDArray[np.uint8]:
    """Pixels of a patch, within the picture: (h, w, 3), or (h, w) of a grey one."""
    window = grid.patch(number)
    within = slice(window.bottom - window.top), slice(window.right - window.left)
    luma = samples_of_blocks(patch.luma, steps[0])[within]
    if not len(patch.chroma):
        return luma
    place = ChromaPlace(sampling, grid, number)
    samples = _chroma_samples(patch, steps)
    if chroma_upsampling.is_fancy(place.picture_size[1], sampling):
        framed = place.framed(samples, patch.ring)
        chroma = chroma_upsampling.upsampled(framed, sampling)
    else:
        chroma = chroma_upsampling.repeated(samples.astype(np.int16), sampling)
    values = np.empty((*luma.shape, 3), np.int32)
    values[..., 0] = luma
    values[..., 1:] = np.moveaxis(chroma[:, *within], 0, -1)
    values[..., 1:] -= _CHROMA_CENTRE
    return from_ycbcr(values).astype(np.uint8)


def _cut_blocks(
    component: NDArray[np.int16], top: int, left: int, rows: int, columns: int
) -> NDArray[np.int32]:
    """Blocks of a component (R, C, 64) from a block on, (rows, columns, 64)."""
    found = np.zeros((rows, columns, component.shape[-1]), np.int32)
    there = component[top : top + rows, left : left + columns]
    found[: there.shape[0], : there.shape[1]] = there
    return found


def _chroma_samples(patch: PatchBlocks, steps: Steps) -> NDArray[np.uint8]:
    """Cb and Cr of a patch, (2, rows, columns)."""
    pairs = zip(patch.chroma, steps[1:], strict=True)
    return np.stack([samples_of_blocks(component, of_one) for component, of_one in pairs])


def _samples_at(
    component: NDArray[np.integer], steps: NDArray[np.uint8], rows: Positions, columns: Positions
) -> NDArray[np.int32]:
    """Samples of a component (R, C, 64) at positions (n,); other blocks are left alone."""
    numbers = rows // BLOCK * component.shape[1] + columns // BLOCK
    needed, which = np.unique(numbers, return_inverse=True)
    blocks = component.reshape(-1, 1, component.shape[-1])[needed, None]
    samples = samples_of_blocks(blocks, steps)  # (blocks, 8, 8)
    return samples[which, rows % BLOCK, columns % BLOCK].astype(np.int32)


def _nearest(
    patch: PatchBlocks, steps: Steps, place: ChromaPlace
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Of the ring's samples the nearest of the patch, and how little it is alike one further in.

    Both are (2, R); the second is 0 to 15, the context of samples that have no neighbours.
    """
    rows, columns = place.ring
    near = place.in_patch(rows, columns)
    # As far inside as the ring is outside; where the patch is one sample wide, the same again.
    inner = place.in_patch(2 * near[0] - rows, 2 * near[1] - columns)
    both = np.concatenate([near, inner], axis=1)
    pairs = zip(patch.chroma, steps[1:], strict=True)
    samples = np.stack([_samples_at(component, of_one, *both) for component, of_one in pairs])
    nearest, farther = np.split(samples, 2, axis=1)
    return nearest, _contexts(nearest, farther)


def _guess(
    residuals: NDArray[np.int32], contexts: NDArray[np.uint8], one: RingPass
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Guess a pass's residuals, (2, n / 2), and tell contexts, (n,), from those known of (2, R)."""
    before, after = residuals[:, one.before], residuals[:, one.after]
    guesses = np.where(one.alone, 0, (before + after) >> 1)
    chosen = np.where(one.alone, contexts[:, one.samples], _contexts(before, after))
    return guesses.astype(np.int32), chosen.reshape(-1)


def _contexts(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = np.minimum(np.abs(one - other), _HIGHEST_CONTEXT).astype(np.uint8)
    return found
