import pytest
import torch

from models.layers.masking import FLOOR, POWER, ContrastMasking


def test_flat_pictures_are_not_masked_whatever_their_level():
    low = torch.full((1, 3, 8, 12), 700.0)
    assert torch.allclose(ContrastMasking()(low, 3), torch.ones(1, 1, 8, 12))


@pytest.mark.parametrize("level", [1, 4])
def test_the_factor_is_that_of_the_variance_in_pixels(level):
    # A checkerboard of +-a in all axes, away from borders: of nine samples four have one sign.
    a = 20.0
    sign = 1.0 - 2.0 * ((torch.arange(9)[:, None] + torch.arange(9)) % 2)
    low = (a * 2**level * sign).expand(1, 3, 9, 9)
    variance = a**2 * (1 - (1 / 9) ** 2)
    expected = (1 + variance / FLOOR) ** POWER
    found = ContrastMasking()(low, level)[0, 0, 1:-1, 1:-1]
    assert torch.allclose(found, torch.full((7, 7), expected))


def test_contrast_counts_where_it_is():
    low = torch.zeros(1, 3, 10, 10)
    low[..., 5:] = 200.0
    factor = ContrastMasking()(low, 1)[0, 0]
    assert (factor[:, 4:6] > 1.5).all()
    assert (factor[:, :4] == 1).all()
    assert (factor[:, 6:] == 1).all()
