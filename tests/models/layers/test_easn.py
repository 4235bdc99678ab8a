import pytest
import torch
from torch import nn

from models.layers.easn import EASN, EASNDown, EASNUp


def scattered(module):
    """With weights that leave no part idle."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.2)
    return module


@pytest.mark.parametrize("kernel", [1, 5])
@torch.no_grad()
def test_the_formula(kernel):
    easn = scattered(EASN(3, kernel))
    x = torch.randn(2, 3, 9, 12)
    inner = x[:, :, 2:-2, 2:-2]  # where no border is seen
    assert easn(x).shape == x.shape
    first, leaky, last = easn.scaling
    seen = nn.functional.conv2d(x, first.weight, first.bias)
    seen = torch.where(seen > 0, seen, leaky.negative_slope * seen)
    seen = nn.functional.conv2d(seen, last.weight, last.bias)
    mapped = nn.functional.conv2d(x, easn.mapping.weight, easn.mapping.bias)
    mapped = mapped if kernel == 5 else mapped[:, :, 2:-2, 2:-2]
    expected = mapped / (1 + torch.exp(-seen)) + inner
    assert torch.allclose(easn(x)[:, :, 2:-2, 2:-2], expected, atol=1e-5)


@torch.no_grad()
def test_it_starts_as_the_identity():
    x = torch.randn(1, 4, 8, 8)
    assert torch.equal(EASN(4, 5)(x), x)


@torch.no_grad()
def test_steps_change_the_resolution_by_two_and_see_the_sign():
    x = torch.randn(1, 3, 16, 24)
    down, up = scattered(EASNDown(3, 5)), scattered(EASNUp(5, 3))
    y = down(x)
    assert y.shape == (1, 5, 8, 12)
    assert up(y).shape == x.shape
    for layer, given in ((down, x), (up, y)):
        assert not torch.allclose(layer(-given), -layer(given), atol=1e-2)
        assert not torch.allclose(layer(-given), layer(given), atol=1e-2)


@pytest.mark.parametrize("layer", [EASN(4), EASN(4, 5), EASNDown(4, 4), EASNUp(4, 4)])
def test_every_weight_learns_once_the_last_of_each_branch_has(layer):
    scattered(layer)
    layer(torch.randn(1, 4, 8, 8)).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert (parameter.grad != 0).any(), name


def test_gradients_are_the_same_with_channels_last():
    """Where a strided 1x1 of three channels broke memory."""
    step = scattered(EASNDown(3, 16))
    x = torch.randn(2, 3, 64, 64)
    step(x).square().mean().backward()
    first = [parameter.grad.clone() for parameter in step.parameters()]
    step.zero_grad()
    step.to(memory_format=torch.channels_last)
    step(x.contiguous(memory_format=torch.channels_last)).square().mean().backward()
    for parameter, gradient in zip(step.parameters(), first, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-4)
