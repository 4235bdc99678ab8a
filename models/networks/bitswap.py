"""``bitswap``: a lossless network with a Markov chain of latents (Bit-Swap, Kingma et al. 2019).

    x -> q(z1|x) -> z1 -> q(z2|z1) -> z2 ...          inference
    x <- p(x|z1) <- z1 <- p(z1|z2) <- z2 <- p(zL)     generation

Blocks of 64x64 in YCoCg-R, each alone. Latents are integers; all densities are logistic ones over
bins of width one, p(zL) a standard one whose unit is ``TOP_UNIT`` bins. Three of z1's channels
start as the means of a cell of pixels, one as its ramp, and z2 as a cosine transform of z1: the
chain is a transform coder before its first step of training, and no latent begins empty.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.layers.density import deviation, logistic_bits
from models.layers.exact import round_through
from models.layers.ycocg import to_ycocg
from models.networks.bitswap_layers import FOLD, Density, Inference, Link, Pixels, start_index
from models.training.noise import with_sensor_noise

BLOCK = 64
COMPONENTS = 3
TOP_UNIT = 16  # bins: the top latents' grid is 1/16 of a standard logistic's unit
TOP_DEVIATION = TOP_UNIT * math.pi / math.sqrt(3)
NOISY_SHARE = 1 / 3
START_Z1 = 1.0  # deviations before training, in bins: of q(z1|x)
START_PRIOR = 2.5  # and of p(z1|z2)


class Bitswap(nn.Module):
    """L levels of latents over blocks of 64x64; see the module.

    Parameters
    ----------
    levels : L.
    cell : pixels on a side of a latent's position: 4 is a quarter of the resolution.
    channels : of each level, at least 4.
    width, depth : of p(x|z1) for Y, on the latents' grid: channels and residual blocks.
    fine_width, fine_depth : of Co and Cg, on a grid twice as fine.
    inference_width, inference_depth : of q(z1|x), on the latents' grid.
    link_width, link_depth : between levels of latents, on a grid four times coarser.
    block : pixels on a side of a block in training, a multiple of 4 ``cell``. Files have blocks of
        64; other sizes say what those cost.
    """

    def __init__(
        self,
        levels: int = 2,
        cell: int = 4,
        channels: int = 4,
        width: int = 96,
        depth: int = 4,
        fine_width: int = 48,
        fine_depth: int = 2,
        inference_width: int = 64,
        inference_depth: int = 2,
        link_width: int = 128,
        link_depth: int = 2,
        block: int = BLOCK,
    ) -> None:
        super().__init__()
        if levels < 1 or channels <= COMPONENTS or cell not in (2, 4):
            raise ValueError("bitswap: levels >= 1, channels >= 4, cells of 2 or 4 pixels")
        if block <= 0 or block % (FOLD * cell):
            raise ValueError(f"bitswap: blocks have sides of multiples of {FOLD * cell} pixels")
        self.block = block
        self.levels, self.cell, self.channels = levels, cell, channels
        self.inference = Inference(cell, channels, inference_width, inference_depth)
        start_index(self.inference.head, torch.tensor(START_Z1))
        self.pixels = Pixels(cell, channels, width, depth, fine_width, fine_depth)
        self.upwards = nn.ModuleList()
        self.downwards = nn.ModuleList()
        for level in range(1, levels):
            up, down = (Link(channels, link_width, link_depth) for _ in range(2))
            # Above the first level there is no spatial order left to transform.
            up.start(TOP_DEVIATION, spatial=level == 1)
            down.start_inverse(TOP_DEVIATION, START_PRIOR, spatial=level == 1)
            self.upwards.append(up)
            self.downwards.append(down)

    @property
    def side(self) -> int:
        """Positions of a latent on a side of a block."""
        return self.block // self.cell

    def posterior(self, level: int, below: Tensor) -> Density:
        """q(z_level | below), below being blocks (B, 3, 64, 64) or z_(level - 1)."""
        if level == 1:
            density: Density = self.inference(below)
            return density
        chosen: Density = self.upwards[level - 2](below)
        return chosen

    def prior(self, level: int, above: Tensor) -> Density:
        """p(z_level | z_(level + 1)), below the top."""
        density: Density = self.downwards[level - 1](above)
        return density

    def forward(self, blocks: Tensor) -> dict[str, Tensor]:
        """-log2 of every density of a sample of the latents, each (B, ...), by name.

        blocks : (B, 3, block, block) YCoCg-R integers. ``q1`` .. of latents given what is below,
        ``p1`` .. given what is above, ``y``, ``co``, ``cg`` of pixels.
        """
        bits: dict[str, Tensor] = {}
        latents: list[Tensor] = []
        for level in range(1, self.levels + 1):
            mean, index = self.posterior(level, latents[-1] if latents else blocks)
            scale = deviation(index)
            latents.append(round_through(mean + scale * standard_logistic(mean)))
            bits[f"q{level}"] = logistic_bits(latents[-1] - mean, scale)
        for level in range(1, self.levels):
            mean, index = self.prior(level, latents[level])
            bits[f"p{level}"] = logistic_bits(latents[level - 1] - mean, deviation(index))
        top = torch.full_like(latents[-1], TOP_DEVIATION)
        bits[f"p{self.levels}"] = logistic_bits(latents[-1], top)

        def code(component: int, density: Density) -> Tensor:
            values = blocks[:, component : component + 1]
            name = ("y", "co", "cg")[component]
            bits[name] = logistic_bits(values - density[0], deviation(density[1]))
            return values

        self.pixels(latents[0], code)
        return bits

    def losses(self) -> dict[str, Callable[[Tensor], tuple[Tensor, dict[str, float]]]]:
        """The loss that a recipe's stages name."""
        return {"rate": self.rate_loss}

    def rate_loss(self, rgb: Tensor) -> tuple[Tensor, dict[str, float]]:
        """-ELBO in bits a pixel; a share of the pictures gets a sensor's noise.

        For the log also each latent level's net cost, and the bits that a block's first pop needs.
        """
        blocks = to_blocks(to_ycocg(with_sensor_noise(rgb, NOISY_SHARE)), self.block)
        pixels = len(blocks) * self.block**2
        bits = {name: each.float().sum() for name, each in self(blocks).items()}
        logs = {name: float(bits[name].detach()) / pixels for name in ("y", "co", "cg")}
        total = bits["y"] + bits["co"] + bits["cg"]
        for level in range(1, self.levels + 1):
            net = bits[f"p{level}"] - bits[f"q{level}"]
            total = total + net
            logs[f"z{level}"] = float(net.detach()) / pixels
        logs["initial_bits"] = float(bits["q1"].detach()) / len(blocks)
        return total / pixels / 10, {"bpp": float(total.detach()) / pixels, **logs}


def to_blocks(values: Tensor, side: int = BLOCK) -> Tensor:
    """(B, C, side r, side c) to (B r c, C, side, side), raster order within a picture."""
    b, c, h, w = values.shape
    cut = values.reshape(b, c, h // side, side, w // side, side)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, c, side, side)


def standard_logistic(like: Tensor) -> Tensor:
    """Samples of mean 0 and deviation 1."""
    u = torch.rand_like(like).clamp(1e-6, 1 - 1e-6)
    return torch.logit(u) * (math.sqrt(3) / math.pi)
