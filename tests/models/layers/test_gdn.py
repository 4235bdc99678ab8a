import pytest
import torch

from models.layers.gdn import GDN


def normalised(layer, x):
    """The definition, position by position."""
    out = torch.empty_like(x)
    beta, gamma = layer.beta(), layer.gamma()
    for b in range(len(x)):
        for i in range(x.shape[2]):
            for j in range(x.shape[3]):
                v = x[b, :, i, j]
                norm = torch.sqrt(beta + gamma @ v**2)
                out[b, :, i, j] = v * norm if layer.inverse else v / norm
    return out


@pytest.mark.parametrize("inverse", [False, True])
def test_each_position_is_divided_by_the_energy_of_its_channels(inverse):
    layer = GDN(4, inverse=inverse)
    with torch.no_grad():
        layer.root_gamma.copy_(torch.randn(4, 4))
        layer.root_beta.copy_(torch.randn(4))
        x = torch.randn(2, 4, 3, 5) * 10
        assert torch.allclose(layer(x), normalised(layer, x), rtol=1e-5)


def test_gamma_stays_non_negative_under_a_loss_that_pulls_it_down():
    layer = GDN(3)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
    x = torch.randn(1, 3, 4, 4)
    for _ in range(200):
        optimiser.zero_grad()
        # The best that gamma could do is to fall below zero: divide less, the larger the input.
        (layer(x) - x * x.abs()).square().mean().backward()
        optimiser.step()
    assert (layer.gamma() >= 0).all()
    assert (layer.beta() > 0).all()
    assert (layer.gamma().diagonal() < 0.02).all()  # it did go where it was pulled
    assert torch.isfinite(layer(torch.zeros(1, 3, 2, 2))).all()


def test_channels_can_learn_to_look_at_each_other():
    layer = GDN(2)
    layer(torch.randn(1, 2, 4, 4)).square().mean().backward()
    assert (layer.root_gamma.grad != 0).all()
