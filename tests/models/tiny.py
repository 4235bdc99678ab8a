"""Networks small enough for a test, with weights that leave no part idle."""

import torch
from torch import nn

from models.layers.easn import EASN
from models.layers.exact import exact_layers, set_exact
from models.layers.periodic import PeriodicBias
from models.networks.bitswap import Bitswap
from models.networks.bitswap_layers import start_index
from models.networks.hyperprior import Hyperprior
from models.networks.hyperprior_easn import HyperpriorEASNDeep
from models.networks.lite import Lite
from models.networks.lite_transform import groups
from models.networks.standard import Standard
from models.networks.subband_prior import SubbandPrior, TopFeatures

FEATURES = 6
TOP_CHANNELS = 5


def scatter(module: nn.Module, seed: int, spread: float = 1.0) -> None:
    """Random weights of uneven size, so that every channel has a grid of its own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in exact_layers(module):
            fan = layer.weight[0].numel()
            size = torch.exp2(4 * torch.rand(len(layer.weight), generator=generator) - 2)
            weight = torch.randn(layer.weight.shape, generator=generator) * spread
            layer.weight.copy_(weight * size[:, None, None, None] * fan**-0.5)
            layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator) * spread)


def scatter_places(module: nn.Module, seed: int) -> None:
    """Random biases by position, about as large as what the layers before them answer."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, PeriodicBias):
                layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator))


def top(signed: bool = False, seed: int = 0) -> TopFeatures:
    network = TopFeatures(TOP_CHANNELS, 8, FEATURES, signed=signed)
    scatter(network, seed)
    set_exact(network, True)
    return network


def prior(seed: int = 0) -> SubbandPrior:
    network = SubbandPrior(FEATURES, (8, 6, 4), groups())
    scatter(network, seed)
    set_exact(network, True)
    return network


def symbols(patches: int, seed: int, largest: int = 9) -> list[torch.Tensor]:
    """Symbols of every group of ``prior``, (patches, n, 16 fold, 16 fold)."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randint(
            -largest,
            largest + 1,
            (patches, group.native, 16 * group.fold, 16 * group.fold),
            generator=generator,
        ).float()
        for group in groups()
    ]


def features(patches: int, seed: int) -> torch.Tensor:
    """Features as ``top`` makes them: multiples of 1/256."""
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randint(-2000, 2000, (patches, FEATURES, 16, 16), generator=generator)
    return whole / 256


def lite(seed: int = 0, architecture: type[Lite] = Lite) -> Lite:
    """A Lite, or what is derived from it, whose prior and restoration do something."""
    torch.manual_seed(seed)
    network = architecture((8, 6, 4), FEATURES, restoration_width=6, restoration_blocks=1)
    nn.init.normal_(network.restoration.leave.weight, std=0.02)
    scatter(network, seed)
    if network.top_prior is not None:
        scatter(network.top_prior, seed, spread=0.7)  # of nine groups' blocks
    return network


def standard(seed: int = 0) -> Standard:
    """A Standard likewise, whose means are not 0."""
    torch.manual_seed(seed)
    network = Standard((8, 6, 4), FEATURES, 6, 1, mean_widths=(5, 4, 4), mean_blocks=(1, 1, 1))
    nn.init.normal_(network.restoration.leave.weight, std=0.02)
    for level in network.detail.levels:
        for leave in level.leave:
            nn.init.normal_(leave.weight, std=0.2)
    scatter(network, seed, spread=0.7)  # of many groups' blocks, one behind another
    return network


def hp(seed: int = 0) -> Hyperprior:
    """A hyperprior likewise."""
    torch.manual_seed(seed)
    network = Hyperprior(N=6, M=10, width=8, features=FEATURES)
    scatter(network, seed)
    return network


def hp_easn_deep(seed: int = 0) -> HyperpriorEASNDeep:
    """A hyperprior with EASN that is a codec, and whose gates look as far as they can."""
    torch.manual_seed(seed)
    network = HyperpriorEASNDeep(
        N=8, M=24, width=8, features=FEATURES, fine=(6, 8), wavelet_start=True
    )
    for layer in network.modules():
        if isinstance(layer, EASN):
            nn.init.normal_(layer.mapping.weight, std=0.02)
            nn.init.normal_(layer.scaling[-1].weight, std=0.1)
    scatter(network, seed)
    return network


def bitswap(seed: int = 0, levels: int = 2, cell: int = 4, channels: int = 4) -> Bitswap:
    """An exact one, of four latent channels at a quarter of the resolution unless told."""
    torch.manual_seed(seed)
    network = Bitswap(levels, cell, channels, 8, 1, 6, 1, 8, 1, 8, 1)
    scatter(network, seed, spread=0.1)
    # Posteriors wide enough to have something to pop.
    start_index(network.inference.head, torch.tensor(1.5))
    for link in [*network.upwards, *network.downwards]:
        start_index(link.head, torch.tensor(3.0))
    set_exact(network, True)
    return network
