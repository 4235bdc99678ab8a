import pytest
import torch
from torch import nn

from models.networks.restoration import FOLD, Restoration


def trained(**arguments):
    """As if trained: no layer is silent."""
    torch.manual_seed(0)
    network = Restoration(6, 2, coarse_width=6, **arguments)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.3)
    return network.eval()


def test_a_fresh_one_shows_the_linear_path():
    rgb, quality = torch.rand(1, 3, 32, 48) * 255, torch.full((1, 2, 3), 3.0)
    assert torch.equal(Restoration(6, 2, 6, 2)(rgb, quality), rgb)


@torch.no_grad()
def test_a_fresh_detour_changes_nothing():
    rgb, quality = torch.rand(1, 3, 32, 48) * 255, torch.full((1, 2, 3), 3.0)
    without, fresh = trained(), Restoration(6, 2, 6, 2).eval()
    fresh.load_state_dict({**fresh.state_dict(), **without.state_dict()})
    assert torch.equal(fresh(rgb, quality), without(rgb, quality))


@torch.no_grad()
@pytest.mark.parametrize("coarse_blocks", [0, 1, 3])
def test_it_reaches_as_far_as_it_says(coarse_blocks):
    network = trained(coarse_blocks=coarse_blocks)
    reach = (1 + 2) * FOLD + 2 * FOLD * coarse_blocks
    rgb, quality = torch.rand(1, 3, 32, 256) * 255, torch.full((1, 2, 16), 3.0)
    changed = rgb.clone()
    changed[..., 128] += 50
    moved = (network(changed, quality) != network(rgb, quality)).any(1).any(1)[0].nonzero()[:, 0]
    far = max(128 - int(moved.min()), int(moved.max()) - 128)
    assert reach - 2 * FOLD < far < reach + 2 * FOLD
