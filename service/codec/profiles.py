"""Profiles: named choices of the models that code a picture together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Profile = Literal["default", "roi-eml"]
PROFILES: tuple[Profile, ...] = get_args(Profile)


@dataclass(frozen=True)
class Chain:
    """Names of models in the zoo; None is the service's default.

    Attributes
    ----------
    model
        Codes the lossy layer.
    lossless_model
        Codes the exact blade.
    """

    model: str | None = None
    lossless_model: str | None = None


CHAINS: Mapping[Profile, Chain] = {
    "default": Chain(),
    # Paper roi-eml, figure 1 and section VI: HP+EASN-deep, and Bit-Swap with two levels of latents,
    # whose initial bits are the background's.
    "roi-eml": Chain("hp-easn-deep", "bitswap"),
}
