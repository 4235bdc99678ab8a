import pytest
import torch

from models.networks.coefficient_means import UNIT, CoefficientMeans
from models.networks.jpeg_dct import present, split_cells
from models.networks.jpeg_groups import CoefficientGroup, coefficient_groups
from tests.models import coefficients

DC, ACROSS = 0, 1  # channels of luma's phase 0


def flat(levels):
    """Cells (1, 768, 3, 4) whose DC of phase 0 is given by column."""
    values = torch.zeros(1, 768, 3, 4)
    values[:, DC] = torch.tensor(levels, dtype=torch.float32)
    return values


def test_a_mean_is_rounded_to_quarters_of_its_step():
    means = CoefficientMeans([CoefficientGroup((DC,)), CoefficientGroup((ACROSS,), (DC,))])
    # 1/8 of the DC of the cell to the left.
    means.weights(1)[0, 3] = UNIT // 8
    steps = torch.ones(1, 768)
    steps[:, DC], steps[:, ACROSS] = 2, 5
    centre, fraction = means.predict(1, flat([40, 44, 50, 0]), steps)
    # Left neighbours, edges repeated: 80, 80, 88, 100 in real units; an eighth in steps of 5.
    assert (centre + fraction)[0, 0, 1].tolist() == [2.0, 2.0, 2.25, 2.5]
    assert fraction.min() >= -0.5 and fraction.max() <= 0.25
    assert torch.equal(centre, torch.floor(centre))


def test_a_group_without_inputs_has_no_mean():
    means = CoefficientMeans(coefficient_groups())
    values, steps, _ = split_cells(coefficients.batch())
    centre, fraction = means.predict(7, values, steps)
    assert centre.shape == (3, 26, 16, 16)
    assert not centre.any() and not fraction.any()


@pytest.fixture(scope="module")
def fitted():
    return coefficients.network().means


def test_fitted_means_leave_less_than_there_was(fitted):
    values, steps, sampling = split_cells(coefficients.batch(seed=40))
    for group in (1, 2, 3):
        channels = list(coefficient_groups()[group].channels)
        centre, _ = fitted.predict(group, values, steps)
        left = (values[:, channels] - centre).abs().mean()
        assert left < 0.8 * (values[:, channels] - values[:, channels].mean()).abs().mean()
    assert present(sampling).shape == (3, 768)


def test_an_offset_of_all_dcs_moves_dcs_by_as_much_and_nothing_else(fitted):
    values, steps, _ = split_cells(coefficients.batch())
    steps = torch.full_like(steps, 3.0)
    moved = values.clone()
    moved[:, torch.arange(768) % 64 == 0] += 100
    for number, group in enumerate(coefficient_groups()):
        if not group.inputs:
            continue
        before, after = (fitted.predict(number, each, steps) for each in (values, moved))
        shift = 100.0 * torch.tensor([channel % 64 == 0 for channel in group.channels])
        expected = before[0] + before[1] + shift[None, :, None, None]
        assert torch.equal(after[0] + after[1], expected)
