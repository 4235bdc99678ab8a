import pytest
import torch
from torch.nn.functional import interpolate, pixel_unshuffle

from models.export.bitswap_graphs import bitswap_graphs
from models.layers.density import deviation, index_of
from models.layers.exact import set_exact
from models.networks.bitswap import BLOCK, TOP_DEVIATION, Bitswap, standard_logistic, to_blocks
from models.networks.bitswap_layers import cell_weights, differences, predicted
from models.networks.registry import build
from models.training.recipe import RECIPES, read_recipe
from tests.models import tiny


def photograph(count=2, seed=1):
    """Smooth blocks with a little noise, YCoCg-R integers."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator) * 120 + 60
    smooth = interpolate(coarse, (BLOCK, BLOCK), mode="bicubic")
    noisy = smooth + 2 * torch.randn(smooth.shape, generator=generator)
    return torch.round(noisy.clamp(0, 255)) - torch.tensor([0.0, 128.0, 128.0])[:, None, None]


@pytest.mark.parametrize("cell", [2, 4])
@pytest.mark.parametrize("component", [0, 2])
def test_a_prediction_has_the_means_and_the_ramps_it_was_made_from(cell, component):
    latent = torch.randint(-255, 256, (2, 4, 7, 5)).float()
    pixels = torch.zeros(2, 3, 7 * cell, 5 * cell)
    pixels[:, component] = predicted(latent, component, cell)[:, 0]
    assert torch.equal(pixels * 16, torch.floor(pixels * 16))
    cells = pixel_unshuffle(pixels, cell)
    found = torch.einsum("kc,bchw->bkhw", cell_weights(cell, 4) / 16, cells)
    assert (found[:, component] - latent[:, component]).abs().max() < 2 / 16
    if component == 0:
        # 13 / 32 is not quite 16 / 40.
        assert (found[:, 3] - latent[:, 3]).abs().max() < 0.02 * 2 * 255 + 1 / 4


def test_a_slope_is_predicted_as_one():
    slope = torch.arange(8.0)[:, None].expand(8, 8) * 12
    latent = torch.stack([slope, slope * 0, slope * 0, torch.full((8, 8), 3.75)])[None]
    rows = predicted(latent, 0, 4)[0, 0, 8:24, 12]
    assert (rows[1:] - rows[:-1] - 3).abs().max() < 0.5


@pytest.mark.parametrize("cell", [2, 4])
def test_latents_start_as_means_and_ramp_of_a_cell(cell):
    weights = cell_weights(cell, 5) / 16
    flat = torch.stack([torch.full((cell, cell), v) for v in (7.0, -3.0, 11.0)]).flatten()
    assert (weights @ flat).tolist() == [7, -3, 11, 0, 0]
    ramp = torch.zeros(3, cell, cell)
    ramp[0] = torch.arange(cell)[:, None] + torch.arange(cell)
    assert (weights @ ramp.flatten())[3] > 0


def test_differences_are_zero_where_the_picture_ends():
    x = torch.randn(1, 2, 4, 5)
    across, down = differences(x).chunk(2, 1)
    assert torch.equal(across[..., :-1], x[..., 1:] - x[..., :-1])
    assert torch.equal(down[:, :, :-1], x[:, :, 1:] - x[:, :, :-1])
    assert not across[..., -1].any() and not down[:, :, -1].any()


def test_the_links_start_as_a_transform_and_its_inverse():
    network = Bitswap(levels=3, link_width=8, link_depth=1)
    latent = torch.randint(-3, 4, (2, 4, 16, 16)).float()
    with torch.no_grad():
        for level in (1, 2):
            up, _ = network.posterior(level + 1, latent)
            assert up.abs().max() < 127  # what the coarse features reach
            down, index = network.prior(level, up)
            assert (down - latent).abs().max() < 0.1
            assert index.std() < 1e-3


def test_a_constant_picture_is_one_coefficient_a_channel_and_cell():
    network = Bitswap(link_width=8, link_depth=1)
    with torch.no_grad():
        mean, _ = network.posterior(2, torch.full((1, 4, 16, 16), 20.0))
    folded = pixel_unshuffle(mean, 4).reshape(4, 16, 4, 4)
    assert (folded[:3, 0] > 1).all()
    assert folded[:, 1:].abs().max() < 1e-3


def test_before_training_it_is_a_codec():
    """Nobody has told it anything, and smooth blocks cost far less than their 24 bits a pixel."""
    network = Bitswap()
    with torch.no_grad():
        bits = network(photograph(4))
    total = sum(each.sum() * (-1 if name.startswith("q") else 1) for name, each in bits.items())
    assert total / (4 * BLOCK**2) < 16
    assert set(bits) == {"q1", "q2", "p1", "p2", "y", "co", "cg"}
    assert bits["q1"].shape == bits["p2"].shape == (4, 4, 16, 16)
    assert bits["co"].shape == (4, 1, BLOCK, BLOCK)


def test_pixels_pull_at_the_posterior_through_every_way():
    """What pixels cost must reach q(z1|x), by predictions as well as by features."""
    network = Bitswap(width=8, depth=1, fine_width=6, fine_depth=1, inference_width=8)
    for name in ("y", "co", "cg"):
        network.zero_grad()
        network(photograph())[name].sum().backward()
        gradient = network.inference.head.bias.grad
        channel = ("y", "co", "cg").index(name)
        assert gradient is not None
        assert gradient[channel] != 0 and gradient[4 + channel] != 0, name


def test_every_parameter_learns():
    network = tiny.bitswap()
    set_exact(network, False)
    rgb = torch.randint(0, 256, (1, 3, 128, 128)).float()
    loss, logs = network.rate_loss(rgb)
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    assert logs["bpp"] == pytest.approx(10 * loss.item(), rel=1e-5)
    parts = sum(logs[name] for name in ("y", "co", "cg", "z1", "z2"))
    assert parts == pytest.approx(logs["bpp"], rel=1e-5)


def test_samples_are_what_densities_say():
    noise = standard_logistic(torch.zeros(200_000))
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    assert deviation(index_of(torch.tensor(TOP_DEVIATION).log())) == pytest.approx(TOP_DEVIATION)


def test_blocks_are_in_raster_order():
    picture = torch.arange(3.0)[:, None] * torch.ones(1, 6)
    picture = (picture * 6 + torch.arange(6.0)).repeat_interleave(64, 0).repeat_interleave(64, 1)
    blocks = to_blocks(picture[None, None])
    assert blocks.shape == (18, 1, 64, 64)
    assert blocks[:, 0, 0, 0].tolist() == list(range(18))
    assert (blocks == blocks[:, :, :1, :1]).all()


@pytest.mark.parametrize(
    ("name", "side", "channels"), [("bitswap", 16, 4), ("bitswap-paper", 32, 8)]
)
def test_recipes_build(name, side, channels):
    recipe = read_recipe(RECIPES / f"{name}.toml")
    network = build(recipe.model.name, recipe.model.arguments)
    assert (network.levels, network.side, network.channels) == (2, side, channels)
    for stage in recipe.stages:
        assert stage.loss in network.losses()


def test_the_papers_size_runs():
    network = Bitswap(
        cell=2, channels=8, width=8, depth=1, fine_width=6, inference_width=8, link_width=8
    )
    with torch.no_grad():
        bits = network(photograph(1))
    assert bits["q1"].shape == bits["p2"].shape == (1, 8, 32, 32)
    assert bits["cg"].shape == (1, 1, BLOCK, BLOCK)


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"channels": 3}, {"cell": 8}])
def test_sizes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="bitswap"):
        Bitswap(**wrong)


@pytest.mark.parametrize("side", [32, 128])
def test_blocks_of_another_size_are_for_comparisons(side):
    network = Bitswap(2, 4, 4, 8, 1, 6, 1, 8, 1, 8, 1, block=side)
    pictures = torch.randint(0, 256, (1, 3, 128, 128)).float()
    blocks = to_blocks(pictures, side)
    assert torch.equal(blocks[-1], pictures[0, :, -side:, -side:])
    loss, logs = network.rate_loss(pictures)
    assert 0 < float(loss.detach()) * 10 == pytest.approx(logs["bpp"], rel=1e-5)
    # 16 latents' positions a side of 64, a standard deviation about 1: two bits each and more.
    positions = 4 * (side // 4) ** 2
    assert positions < logs["initial_bits"] < 4 * positions
    with pytest.raises(ValueError, match="blocks of 64"):
        bitswap_graphs(network, "integer")


def test_a_block_that_the_links_can_not_fold_is_refused():
    with pytest.raises(ValueError, match="multiples of 16"):
        Bitswap(block=40)
