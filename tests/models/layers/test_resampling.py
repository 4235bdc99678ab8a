import pytest
import torch
from torch import nn

from models.layers.resampling import Down, Same, Up


@pytest.mark.parametrize("kernel", [3, 5])
@torch.no_grad()
def test_flat_pictures_keep_flat_latents_up_to_the_border(kernel):
    """Borders are continued: nothing that training never saw comes in from outside."""
    down, up, same = Down(1, 2, kernel), Up(2, 1, kernel), Same(1, 1, kernel)
    y = down(torch.ones(1, 1, 8, 12))
    assert torch.allclose(y, y[:, :, :1, :1].expand_as(y), atol=1e-5)
    x = up(y)
    assert x.shape == (1, 1, 8, 12)
    phases = nn.PixelUnshuffle(2)(x)
    assert torch.allclose(phases, phases[:, :, :1, :1].expand_as(phases), atol=1e-5)
    flat = same(torch.ones(1, 1, 8, 12))
    assert torch.allclose(flat, flat[:, :, :1, :1].expand_as(flat), atol=1e-5)


@pytest.mark.parametrize("kernel", [3, 5])
@torch.no_grad()
def test_transposed_weights_undo_what_an_orthonormal_step_did(kernel):
    """Both sit on the same samples: a step down and its transpose are no shift."""
    down, up = Down(1, 1, kernel), Up(1, 1, kernel)
    for layer in (down, up):
        layer.weight.zero_()
        layer.weight[0, 0, kernel // 2, kernel // 2] = 1
    x = torch.rand(1, 1, 8, 8)
    assert torch.equal(up(down(x))[:, :, ::2, ::2], x[:, :, ::2, ::2])


@torch.no_grad()
def test_layers_keep_the_power_of_their_input():
    x = torch.randn(1, 24, 64, 64)
    for layer in (Down(24, 24), Up(24, 24), Same(24, 24, 3), Same(24, 24, 1)):
        assert 0.8 < float(layer(x).std()) < 1.25
