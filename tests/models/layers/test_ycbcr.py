import numpy as np
import torch

from models.layers.ycbcr import from_ycbcr, to_ycbcr
from service.codec import jpeg_colour


def colours():
    """A tenth of all Y, Cb and Cr, (1, 3, n, 1)."""
    axis = torch.arange(-128, 128, 3)
    grid = torch.cartesian_prod(torch.arange(0, 256, 5), axis, axis)
    return grid.T[None, :, :, None].float()


def test_what_was_not_clipped_comes_back():
    values = colours()
    rgb = from_ycbcr(values)
    whole = ((rgb > 0) & (rgb < 255)).all(1)
    same = (to_ycbcr(rgb) == values).all(1)
    assert same[whole].all()
    assert whole.float().mean() > 0.1


def test_training_and_coding_mean_the_same_colours():
    values = colours()
    rgb = from_ycbcr(values)
    flat = values[0, :, :, 0].T.numpy().astype(np.int32)
    assert np.array_equal(jpeg_colour.from_ycbcr(flat), rgb[0, :, :, 0].T.numpy())
