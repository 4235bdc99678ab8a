import pytest
import torch

from models.networks.unet import UNet, agreement

TINY = {"widths": [2, 3, 4, 5], "context": 6}


def blade_pairs(count=2, seed=0):
    """A bright bar on dark noise, with its mask as the fourth channel."""
    torch.manual_seed(seed)
    pairs = torch.rand(count, 4, 64, 96) * 80
    pairs[:, 3] = 0
    for index in range(count):
        left = 10 + 30 * index
        pairs[index, :3, :, left : left + 12] += 150
        pairs[index, 3, :, left : left + 12] = 255
    return pairs


def assert_finds_a_bar(network, name, steps):
    """That so many steps with the loss of that name are enough for the plainest of blades."""
    loss = network.losses()[name]
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(steps):
        value, parts = loss(blade_pairs())
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    assert parts["iou"] > 0.9
    assert parts["recall"] > 0.9


def test_one_logit_a_pixel():
    network = UNet(**TINY).eval()
    assert network(torch.zeros(2, 3, 64, 96)).shape == (2, 1, 64, 96)
    assert len(network.encoders) == len(network.decoders) == 4
    with pytest.raises(ValueError, match="four"):
        UNet([2, 3, 4], 5)


def test_a_pixel_sees_the_whole_picture_but_its_neighbours_first():
    torch.manual_seed(0)
    network = UNet([8, 8, 8, 8], 8).eval()
    rgb = (torch.rand(1, 3, 512, 768) * 255).requires_grad_()
    (seen,) = torch.autograd.grad(network(rgb)[0, 0, 256, 384], rgb)
    columns = seen.abs().sum((0, 1, 2))
    assert (columns[:64] > 0).any()
    assert (columns[-64:] > 0).any()
    assert columns[374:394].mean() > 10 * columns[:100].mean()


def test_cross_entropy_finds_a_plain_bar():
    torch.manual_seed(0)
    assert_finds_a_bar(UNet([8, 8, 8, 8], 8), "cross_entropy", steps=60)


def test_agreement_leaves_out_what_has_nothing_to_count():
    target = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    found = agreement(torch.tensor([[3.0, -3.0, 3.0, -3.0]]), target)
    assert found == {"recall": 0.5, "precision": 0.5, "iou": pytest.approx(1 / 3)}
    assert agreement(torch.tensor([[-1.0]]), torch.tensor([[0.0]])) == {}
