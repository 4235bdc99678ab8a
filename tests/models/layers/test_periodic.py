import torch

from models.layers.exact import STREAM_BITS
from models.layers.periodic import PeriodicBias


def test_it_adds_nothing_before_it_has_learnt():
    stream = torch.randn(2, 3, 5, 7)
    assert torch.equal(PeriodicBias(3, 4)(stream), stream)


def test_positions_a_period_apart_get_the_same_whole_steps():
    layer = PeriodicBias(3, 4)
    torch.nn.init.normal_(layer.bias)
    added = layer(torch.zeros(1, 3, 10, 11))[0] * 2**STREAM_BITS
    assert torch.equal(added, added.round())
    assert torch.equal(added[:, :4, :4], layer.integers())
    assert torch.equal(added[:, 4:, :], added[:, :6, :])
    assert torch.equal(added[:, :, 4:], added[:, :, :7])
    assert len(added.unique()) > 24


def test_rounding_lets_the_gradient_through():
    layer = PeriodicBias(1, 2)
    layer(torch.zeros(1, 1, 4, 4)).sum().backward()
    assert torch.equal(layer.bias.grad, torch.full((1, 2, 2), 4.0))
