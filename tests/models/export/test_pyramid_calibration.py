import numpy as np
import pytest
import torch

from models.export.pyramid_calibration import in_jpeg_training, in_training, make_pyramid_exact
from models.layers.exact import exact_layers
from models.networks.pyramid import Pyramid
from service.codec.colour import from_ycocg, to_ycocg
from service.codec.jpeg_colour import from_ycbcr, to_ycbcr


def patches(count):
    rng = np.random.default_rng(3)
    ramp = np.linspace(20, 200, 256)[:, None, None] + np.zeros((256, 256, 3))
    return [np.rint(ramp + rng.normal(0, 2, ramp.shape)).astype(np.uint8) for _ in range(count)]


@pytest.mark.parametrize(("vary", "back"), [(in_training, from_ycocg), (in_jpeg_training, None)])
def test_some_patches_are_varied_and_in_the_same_way_again(vary, back):
    clean = patches(12)
    values, again = vary(clean), vary(clean)
    assert all((a == b).all() for a, b in zip(values, again, strict=True))
    if back is not None:
        changed = sum(bool((a != back(b)).any()) for a, b in zip(clean, values, strict=True))
        assert 0 < changed < 12


def test_patches_of_the_jpeg_kind_are_in_its_colours():
    for values in in_jpeg_training(patches(3)):
        made = from_ycbcr(values).astype(np.uint8)
        assert (to_ycbcr(made) == values).mean() > 0.99


def test_integers_cost_about_what_the_float_network_does():
    torch.manual_seed(5)
    network = Pyramid((8, 8), (1, 1))
    shown = patches(2)
    values = torch.from_numpy(to_ycocg(np.stack(shown))).permute(0, 3, 1, 2).float()
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(8):
        optimiser.zero_grad()
        torch.stack(network(values)).sum().div(values.numel()).backward()
        optimiser.step()
    with torch.no_grad():
        floating = float(torch.stack(network(values)).sum())
        make_pyramid_exact(network, [to_ycocg(patch) for patch in shown])
        assert all(layer.exact for layer in exact_layers(network))
        exact = float(torch.stack(network(values)).sum())
    assert exact != floating
    assert abs(exact / floating - 1) < 0.02
