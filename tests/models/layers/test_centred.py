import torch

from models.layers.centred import BITS, FINE, ZERO, CentredConv, signed_features
from tests.models import tiny


def test_features_are_u8_and_saturate():
    values = torch.tensor([-300.0, -16.0, -1.0, 0.0, 2.0, 16.0, 300.0]).reshape(1, 1, 1, -1)
    u8 = signed_features(values) * 2**BITS
    fine, coarse = u8[0, :, 0].tolist()
    assert fine == [0, 0, ZERO - FINE, ZERO, ZERO + 2 * FINE, 255, 255]
    assert coarse == [0, 112, 127, 128, 130, 144, 255]


def test_float_and_exact_agree_on_weights_that_need_no_rounding():
    layer = CentredConv(4, 5, 3)
    torch.manual_seed(1)
    with torch.no_grad():
        layer.weight.copy_(torch.randint(-8, 9, layer.weight.shape) / 8)
        layer.bias.copy_(torch.randint(-20, 21, layer.bias.shape) / 8)
    x = signed_features(torch.randint(-40, 41, (2, 2, 7, 9)).float())
    floating = layer(x)
    layer.exact = True
    assert torch.equal(layer(x), floating)


def test_zeros_give_the_bias_inside_and_the_border_can_be_seen():
    layer = CentredConv(2, 3, 3)
    tiny.scatter(layer, 2)
    layer.exact = True
    answer = layer(signed_features(torch.zeros(1, 1, 5, 5)))
    inside = answer[:, :, 1:-1, 1:-1]
    assert torch.equal(inside, inside[:, :, :1, :1].expand_as(inside))
    assert (inside[0, :, 0, 0] - layer.bias).abs().max() <= 2**-4
    assert not torch.equal(answer[:, :, 0, 0], inside[:, :, 0, 0])


def test_gradients_reach_the_weights_in_both_modes():
    for exact in (False, True):
        layer = CentredConv(2, 3, 3)
        layer.exact = exact
        layer(signed_features(torch.randint(-9, 9, (1, 1, 6, 6)).float())).pow(2).sum().backward()
        assert all(p.grad.abs().sum() > 0 for p in layer.parameters())
