import pytest
import torch

from models.networks.bunet import BUNet
from tests.models.networks.test_unet import assert_finds_a_bar, blade_pairs

TINY = [2, 3, 4, 5]


def test_one_logit_a_pixel():
    network = BUNet(TINY).eval()
    assert network(torch.zeros(2, 3, 64, 96)).shape == (2, 1, 64, 96)
    assert len(network.decoders) == 4
    with pytest.raises(ValueError, match="four"):
        BUNet([2, 3, 4])


def test_a_pixel_sees_far_but_its_neighbours_first():
    torch.manual_seed(0)
    network = BUNet([8, 8, 8, 8]).eval()
    rgb = (torch.rand(1, 3, 512, 768) * 255).requires_grad_()
    (seen,) = torch.autograd.grad(network(rgb)[0, 0, 256, 384], rgb)
    columns = seen.abs().sum((0, 1, 2))
    assert (columns[100:200] > 0).any()
    assert (columns[-200:-100] > 0).any()
    assert columns[374:394].mean() > 10 * columns[:200].mean()


def test_it_starts_from_some_blade_everywhere():
    torch.manual_seed(0)
    found = BUNet([8, 8, 8, 8]).eval()(torch.rand(1, 3, 64, 96) * 255).sigmoid()
    assert 0.1 < found.mean() < 0.5


def test_its_loss_finds_a_plain_bar():
    torch.manual_seed(0)
    assert_finds_a_bar(BUNet([8, 8, 8, 8]), "focal_crf", steps=30)


def test_the_crf_term_is_part_of_the_loss():
    torch.manual_seed(0)
    network = BUNet(TINY)
    value, parts = network.losses()["focal_crf"](blade_pairs())
    assert float(value.detach()) == pytest.approx(parts["focal"] + parts["crf"])
    assert parts["crf"] > 0


def test_published_weights_become_the_encoder_without_their_classifier():
    torch.manual_seed(0)
    published = {f"{name}": value + 1 for name, value in BUNet(TINY).encoder.state_dict().items()}
    network = BUNet(TINY)
    decoder = network.decoders[0].direct.weight.clone()
    network.load_pretrained({**published, "_fc.weight": torch.zeros(3)})
    assert torch.equal(network.encoder._conv_stem.weight, published["_conv_stem.weight"])
    assert torch.equal(network.decoders[0].direct.weight, decoder)
