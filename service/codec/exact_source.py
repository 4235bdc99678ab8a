"""What codes the exact blade, and from what: a JPEG's coefficients where they do, or pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.codec.container.jpeg_fields import JpegSteps
from service.codec.grid import Grid
from service.codec.jpeg_coder import JpegCoder
from service.codec.jpeg_pixels import cut, patch_pixels
from service.codec.lossless import BATCH, LosslessCoder
from service.codec.options import Checkpoint
from service.codec.timing import Stages
from service.errors import BadParameter
from service.pictures import Picture
from service.pictures.jpeg_blocks import JpegBlocks, read_blocks
from service.runtime.jpeg_model import JpegModel
from service.runtime.lossless_answers import AnyLossless
from service.runtime.lossless_model import LosslessModel
from service.runtime.zoo import Zoo

FINE_STEP = 2  # of luma, in the middle: with coarser ones coefficients took 15 to 58 % less
COMPARED = 4  # patches that are coded both ways where steps are fine

ExactSource = tuple[AnyLossless, JpegBlocks | None]
"""The model, and the coefficients that it codes; None if it codes pixels, or there is no blade."""


def choose_exact(
    zoo: Zoo,
    name: str | None,
    picture: Picture,
    grid: Grid,
    mask: NDArray[np.bool_],
    checkpoint: Checkpoint,
    stages: Stages,
) -> ExactSource:
    """Choose what codes the blade patches of a picture.

    Parameters
    ----------
    zoo
        The models.
    name
        The model that was named; None takes the one of JPEGs where that works, else the default.
    picture, grid, mask
        The picture and its blade patches, (rows, columns).
    checkpoint
        Called between patches that are compared.
    stages
        Where the time for reading and comparing goes, as ``jpeg``.

    Raises
    ------
    BadParameter
        A model of coefficients was named, and the picture has none that its pixels follow from.
    UnknownModel, ModelUnavailable
    """
    model: AnyLossless | None
    if name is not None:
        model = zoo.lossless(name)
        if not isinstance(model, JpegModel) or not mask.any():
            return model, None
        with stages.stage("jpeg"):
            blocks = coefficients_of(picture, grid, mask, checkpoint)
        if blocks is None:
            raise BadParameter(
                f"lossless_model {name} codes the coefficients of a JPEG, and this picture has "
                "none from which its blade follows to the bit. Leave lossless_model out, or take "
                "another one."
            )
        return model, blocks
    model = zoo.lossless_of_jpegs() if picture.jpeg is not None and mask.any() else None
    if model is not None:
        with stages.stage("jpeg"):
            blocks = coefficients_of(picture, grid, mask, checkpoint)
            if blocks is not None and _pays(zoo, model, blocks, picture, grid, mask):
                return model, blocks
    return zoo.lossless(), None


def _pays(
    zoo: Zoo,
    model: JpegModel,
    blocks: JpegBlocks,
    picture: Picture,
    grid: Grid,
    mask: NDArray[np.bool_],
) -> bool:
    """Whether coefficients take fewer bits than pixels, on some patches where that is in doubt.

    A JPEG with steps of 1 and 2 quantised next to nothing away, and has no fewer integers.
    """
    pixels = zoo.lossless()
    if np.median(blocks.steps[0]) > FINE_STEP or not isinstance(pixels, LosslessModel):
        return True
    numbers = np.flatnonzero(mask)
    some = numbers[:: -(-len(numbers) // COMPARED)].tolist()
    by_coefficients = JpegCoder(model, grid, JpegSteps(blocks.sampling, blocks.steps))
    by_pixels = LosslessCoder(pixels, grid, picture.is_grey, (0, 0))
    return by_coefficients.bits(blocks, some) < by_pixels.bits(picture.pixels, some)


def coefficients_of(
    picture: Picture, grid: Grid, mask: NDArray[np.bool_], checkpoint: Checkpoint
) -> JpegBlocks | None:
    """A picture's coefficients, if the pixels of all its blade patches follow from them."""
    numbers = np.flatnonzero(mask).tolist()
    checkpoint("jpeg", 0, len(numbers))
    blocks = None if picture.jpeg is None else read_blocks(picture.jpeg)
    if blocks is None or not _fits(blocks, picture):
        return None
    for done, number in enumerate(numbers):
        if done % BATCH == 0:
            checkpoint("jpeg", done, len(numbers))
        patch = cut(blocks, grid, number)
        pixels = patch_pixels(patch, blocks.steps, blocks.sampling, grid, number)
        if not np.array_equal(pixels, picture.pixels[grid.patch(number).slices]):
            return None
    return blocks


def _fits(blocks: JpegBlocks, picture: Picture) -> bool:
    """Whether coefficients are of a picture's size and colours, and of a kind that files hold."""
    size = (blocks.width, blocks.height) == (picture.width, picture.height)
    colours = len(blocks.steps) == (1 if picture.is_grey else 3)
    return size and colours
