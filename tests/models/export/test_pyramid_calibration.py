import numpy as np
import torch

from models.export.pyramid_calibration import make_pyramid_exact, with_noise
from models.layers.exact import exact_layers
from models.layers.ycocg import to_ycocg
from models.networks.pyramid import Pyramid


def patches(count):
    rng = np.random.default_rng(3)
    ramp = np.linspace(20, 200, 256)[:, None, None] + np.zeros((256, 256, 3))
    return [np.rint(ramp + rng.normal(0, 2, ramp.shape)).astype(np.uint8) for _ in range(count)]


def test_some_patches_get_noise_and_the_same_ones_again():
    clean = patches(12)
    noisy, again = with_noise(clean), with_noise(clean)
    assert all((a == b).all() for a, b in zip(noisy, again, strict=True))
    changed = sum(bool((a != b).any()) for a, b in zip(clean, noisy, strict=True))
    assert 0 < changed < 12


def test_integers_cost_about_what_the_float_network_does():
    torch.manual_seed(5)
    network = Pyramid((8, 8), (1, 1))
    shown = patches(2)
    values = to_ycocg(torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float())
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(8):
        optimiser.zero_grad()
        torch.stack(network(values)).sum().div(values.numel()).backward()
        optimiser.step()
    with torch.no_grad():
        floating = float(torch.stack(network(values)).sum())
        make_pyramid_exact(network, shown)
        assert all(layer.exact for layer in exact_layers(network))
        exact = float(torch.stack(network(values)).sum())
    assert exact != floating
    assert abs(exact / floating - 1) < 0.02
