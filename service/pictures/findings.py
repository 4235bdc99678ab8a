"""What a file's own structure says and a decoder keeps to itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.pictures.metadata import Metadata


@dataclass(frozen=True)
class Findings:
    """Result of looking through a file before it is decoded.

    Attributes
    ----------
    losses
        What 8-bit decoding would lose without a word, such as bits of a sample.
    metadata
        Blocks found; one that is None is taken from the decoder.
    """

    losses: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)


def bit_losses(bits: int) -> tuple[str, ...]:
    """Name the loss of samples of so many bits; nothing up to 8."""
    return (f"{bits} bits a sample cut to the upper 8",) if bits > 8 else ()
