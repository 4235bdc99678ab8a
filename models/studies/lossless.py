"""Lossless networks with latents, measured: -ELBO by part, and the bits that a first block takes.

No file is written: the bound is what bits-back coding spends, to 0.1 %, where a stack has bits to
begin with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.layers.ycocg import to_ycocg
from models.networks.bitswap import Bitswap, to_blocks
from models.studies.heldout import SIDE, Pictures, as_batch

COMPONENTS = ("y", "co", "cg")
SEED = 0  # of the latents drawn

DEFINITIONS = {
    "bpp": "-ELBO over pixels, latents drawn once: net bits of bits-back coding, three channels "
    "together",
    "parts": "bits a pixel of the components of the pixels, and of each level of latents (prior "
    "less posterior)",
    "initial_bits": "of one block, what it takes from below on its stack before it has pushed "
    "enough of its own, in Bit-Swap's order (paper roi-eml, section V-C)",
    "recursive_initial_bits": "likewise where all latents are taken before any is pushed",
    "alone_bpp": f"bpp, and the initial bits of one block for each patch of {SIDE}x{SIDE}: what a "
    "patch costs on a stack of its own that nobody lends to",
}


@torch.no_grad()
def measure(model: Bitswap, pictures: Pictures) -> dict[str, Any]:
    """Means over the pixels of all pictures; see ``DEFINITIONS``."""
    totals: dict[str, float] = {}
    blocks = initial = recursive = 0.0
    by_picture = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for name, pixels in pictures.items():
            cut = to_blocks(to_ycocg(as_batch(pixels)), model.block)
            bits = {key: each.flatten(1).sum(1) for key, each in model(cut).items()}
            parts = net_parts(bits, model.levels)
            for key, each in parts.items():
                totals[key] = totals.get(key, 0.0) + float(each.sum())
            whole = sum(float(each.sum()) for each in parts.values())
            by_picture[name] = round(whole * 3 / pixels.size, 4)
            blocks += len(cut)
            initial += float(first_bits(bits, model.levels).sum())
            recursive += sum(float(bits[f"q{k}"].sum()) for k in range(1, model.levels + 1))
    count = sum(pixels.size // 3 for pixels in pictures.values())
    bpp = sum(totals.values()) / count
    return {
        "bpp": round(bpp, 4),
        "parts": {key: round(value / count, 4) for key, value in totals.items()},
        "initial_bits": round(initial / blocks, 1),
        "recursive_initial_bits": round(recursive / blocks, 1),
        "alone_bpp": round(bpp + initial / blocks / SIDE**2, 4),
        "pictures": by_picture,
    }


def net_parts(bits: Mapping[str, Tensor], levels: int) -> dict[str, Tensor]:
    """Net bits of the components and of each level of latents, from those of the densities."""
    latents = {f"z{k}": bits[f"p{k}"] - bits[f"q{k}"] for k in range(1, levels + 1)}
    return {**{name: bits[name] for name in COMPONENTS}, **latents}


def first_bits(bits: Mapping[str, Tensor], levels: int) -> Tensor:
    """Initial bits of blocks in Bit-Swap's order (paper roi-eml, section V-C).

    -log q(z1|x) + sum over l of max(0, -log q(z_(l + 1)|z_l) + log p(z_(l - 1)|z_l)), z_0 = x.
    """
    needed = bits["q1"]
    pushed = bits["y"] + bits["co"] + bits["cg"]
    for level in range(1, levels):
        needed = needed + (bits[f"q{level + 1}"] - pushed).clamp_min(0)
        pushed = bits[f"p{level}"]
    return needed
