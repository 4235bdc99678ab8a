"""The architectures by name, and what the trainer asks of one.

To add one: a class with ``losses`` below, a line in ``ARCHITECTURES``, a recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from torch import Tensor, nn

from models.networks.bitswap import Bitswap
from models.networks.bls2017 import Bls2017
from models.networks.bunet import BUNet
from models.networks.hyperprior import Hyperprior
from models.networks.hyperprior_easn import HyperpriorEASN, HyperpriorEASNDeep
from models.networks.jpeg_dct import JpegDct
from models.networks.lite import Lite
from models.networks.masked_lite import MaskedLite
from models.networks.nested import Nested
from models.networks.pyramid import Pyramid
from models.networks.standard import Standard
from models.networks.unet import UNet

Loss = Callable[[Tensor], tuple[Tensor, dict[str, float]]]


class Trainable(Protocol):
    """A network that knows its own losses."""

    def losses(self) -> Mapping[str, Loss]:
        """Losses by name, one for each kind of stage.

        Each takes pictures (B, 3, H, W), float32 RGB 0..255, sides multiples of 256, or pairs
        (B, 4, H, W), whose fourth channel is the share of blade 0..255, and returns the scalar to
        minimise and figures for the log.
        """
        ...


class Pretrainable(Protocol):
    """A network that can begin with published weights."""

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """Take what it has a place for."""
        ...


ARCHITECTURES: dict[str, type[nn.Module]] = {
    "bitswap": Bitswap,
    "bls2017": Bls2017,
    "bunet": BUNet,
    "hp": Hyperprior,
    "hp-easn": HyperpriorEASN,
    "hp-easn-deep": HyperpriorEASNDeep,
    "jpeg-dct": JpegDct,
    "lite": Lite,
    "lite-ms-ssim": MaskedLite,
    "nested": Nested,
    "pyramid": Pyramid,
    "standard": Standard,
    "unet": UNet,
}


def build(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A network with fresh weights; ValueError when there is no architecture of that name."""
    if name not in ARCHITECTURES:
        raise ValueError(f"no architecture {name!r}; there are {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[name](**arguments)


def losses_of(model: nn.Module) -> Mapping[str, Loss]:
    """The losses of a network that ``build`` made."""
    return cast(Trainable, model).losses()
