import torch
from torch import nn

from models.networks.efficientnet_lite import FEATURES, EfficientNetLite


def test_features_halve_from_one_to_the_next():
    features = EfficientNetLite().eval()(torch.zeros(1, 3, 64, 96))
    sizes = [(channels, 32 >> i, 48 >> i) for i, channels in enumerate(FEATURES)]
    assert [tuple(feature.shape[1:]) for feature in features] == sizes


def test_as_many_parameters_as_published():
    # 4,652,008 (the model's own repository), less the last 1x1 convolution with its normalisation
    # and the classifier of 1,000 classes.
    rest = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    counted = sum(value.numel() for value in EfficientNetLite().parameters())
    assert counted == 4_652_008 - rest


def test_odd_padding_lies_below_and_to_the_right():
    torch.manual_seed(0)
    stem = EfficientNetLite()._conv_stem
    x = torch.randn(1, 3, 8, 8)
    expected = nn.functional.conv2d(nn.functional.pad(x, (0, 1, 0, 1)), stem.weight, stride=2)
    assert torch.equal(stem(x), expected)


def test_training_keeps_the_published_statistics():
    torch.manual_seed(0)
    network = EfficientNetLite().train()
    before = {name: value.clone() for name, value in network.named_buffers()}
    network(torch.rand(2, 3, 64, 64) * 255)
    assert all(torch.equal(before[name], value) for name, value in network.named_buffers())
    assert not any(m.training for m in network.modules() if isinstance(m, nn.BatchNorm2d))


def test_depthwise_filters_do_not_learn_and_all_else_does():
    torch.manual_seed(0)
    network = EfficientNetLite().train()
    network(torch.rand(1, 3, 64, 64) * 255)[-1].square().sum().backward()
    still = {name for name, value in network.named_parameters() if value.grad is None}
    assert still == {name for name in dict(network.named_parameters()) if "_depthwise" in name}
