"""What a lossy network would spend on pictures, and what it would show for it.

A stand-in for files where there are none yet: the comparison of networks in training. Figures of
models that ship come from the bytes of real files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor


@dataclass(frozen=True)
class Measurement:
    """One quality each of B pictures.

    Attributes
    ----------
    bits
        Level name to bits a picture, (B,), top level last, counted on rounded symbols: what a file
        would spend but for its container.
    picture
        (B, 3, H, W), RGB 0..255, not clipped.
    """

    bits: dict[str, Tensor]
    picture: Tensor


@runtime_checkable
class Measurable(Protocol):
    """A network of the lossy family."""

    def measure(self, rgb: Tensor, quality: Tensor) -> Measurement:
        """Code pictures at a quality each, without a gradient.

        rgb (B, 3, H, W), 0..255, sides multiples of 256; quality (B,), real, 0..8.
        """
        ...
