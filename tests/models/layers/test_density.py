import math

import pytest
import torch

from models.layers.density import (
    HIGHEST_SCALE,
    LOWEST_SCALE,
    TABLES,
    deviation,
    gaussian_bits,
    index_of,
    laplace_bits,
    logistic_bits,
)

densities = pytest.mark.parametrize("bits", [laplace_bits, gaussian_bits, logistic_bits])


@densities
@pytest.mark.parametrize("scale", [0.11, 0.3, 1.0, 7.0, 100.0])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_bins_of_the_line_hold_the_whole_mass(bits, scale, shift):
    line = torch.arange(-4000, 4001, dtype=torch.float64) + shift
    mass = torch.exp2(-bits(line, torch.tensor(scale, dtype=torch.float64))).sum()
    assert float(mass) == pytest.approx(1.0, abs=1e-5)


@densities
def test_signs_cost_alike_and_larger_costs_more(bits):
    symbols = torch.arange(0.0, 5.0)
    scale = torch.tensor(1.3)
    assert torch.equal(bits(symbols, scale), bits(-symbols, scale))
    assert (bits(symbols, scale).diff() > 0).all()


def test_laplace_is_the_integral_of_its_density():
    b = 2.0 / math.sqrt(2.0)
    expected = -math.log2(0.5 * (math.exp(-2.5 / b) - math.exp(-3.5 / b)))
    found = laplace_bits(torch.tensor(3.0, dtype=torch.float64), torch.tensor(2.0))
    assert float(found) == pytest.approx(expected, rel=1e-5)


@densities
def test_gradients_are_finite_everywhere(bits):
    symbols = torch.linspace(-300, 300, 601).requires_grad_()
    scale = torch.full((601,), LOWEST_SCALE, requires_grad=True)
    bits(symbols, scale).sum().backward()
    assert torch.isfinite(symbols.grad).all()
    assert torch.isfinite(scale.grad).all()


def test_the_scale_axis_is_logarithmic():
    indices = torch.arange(float(TABLES))
    scales = deviation(indices)
    assert float(scales[0]) == pytest.approx(LOWEST_SCALE)
    assert float(scales[-1]) == pytest.approx(HIGHEST_SCALE, rel=1e-4)
    assert torch.allclose(index_of(torch.log(scales)), indices, atol=1e-3)
    assert torch.equal(deviation(torch.tensor([-5.0, 99.0])), scales[[0, -1]])


def test_an_index_that_ran_out_can_come_back():
    index = torch.tensor([-5.0, -5.0, 30.0, 30.0, 99.0, 99.0], requires_grad=True)
    # A symbol that asks for a wider, then a narrower density.
    laplace_bits(torch.tensor([300.0, 0.0] * 3), deviation(index)).sum().backward()
    wider, narrower = index.grad[::2], index.grad[1::2]
    assert (wider[:2] < 0).all()
    assert wider[2] == 0
    assert narrower[0] == 0
    assert (narrower[1:] > 0).all()
