import math

import pytest
import torch

from models.layers.density import LOG_STEP, index_of
from models.layers.gains import ANCHORS, LAMBDAS, Gains, lagrangian


def gains():
    made = Gains(3)
    with torch.no_grad():
        made.logarithm.copy_(torch.randn(ANCHORS, 3))
    return made


def test_anchors_are_met():
    made = gains()
    assert torch.equal(made(torch.arange(9.0)), made.logarithm.detach())
    assert torch.allclose(lagrangian(torch.arange(9.0)), torch.tensor(LAMBDAS), rtol=1e-5)


@pytest.mark.parametrize("t", [0.25, 0.5, 1 / 64])
@pytest.mark.parametrize("low", [0, 3, 7])
def test_between_anchors_gains_are_geometric(low, t):
    made = gains()
    a, b = torch.exp(made.logarithm[low]), torch.exp(made.logarithm[low + 1])
    found = torch.exp(made(torch.tensor([low + t]))[0])
    assert torch.allclose(found, a ** (1 - t) * b**t, rtol=1e-5)
    expected = LAMBDAS[low] ** (1 - t) * LAMBDAS[low + 1] ** t
    assert float(lagrangian(torch.tensor(low + t))) == pytest.approx(expected, rel=1e-5)


def test_more_quality_is_a_finer_quantiser_from_the_start():
    steps = Gains(2)(torch.linspace(0, 8, 200))
    assert (steps[1:] > steps[:-1]).all()


def test_a_gain_moves_the_table_index_by_its_logarithm():
    shift = index_of(torch.tensor(math.log(3.0 * 2.0))) - index_of(torch.tensor(math.log(3.0)))
    assert float(shift) == pytest.approx(math.log(2.0) / LOG_STEP, rel=1e-4)
