"""What an index says of the JPEG whose coefficients a file holds (docs/FORMAT.md, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.container.fields import Reader
from service.errors import BadStream, UnsupportedStream

FREQUENCIES = 64
SAMPLINGS = ((1, 1), (2, 1), (2, 2))
"""Pixels of luma to a sample of chroma, across and down; a file holds the place plus 1, or 0."""
_LABELS = ("grey", "4:4:4", "4:2:2", "4:2:0")


@dataclass(frozen=True, eq=False)
class JpegSteps:
    """What turns the coefficients of a JPEG into samples.

    Attributes
    ----------
    sampling
        Pixels of luma to a sample of chroma, across and down: (1, 1), (2, 1) or (2, 2); (1, 1) of
        a grey picture.
    steps
        Steps of the quantiser, one (64,) array of 1 to 255 a component, by frequency (row-major);
        one component or three.
    """

    sampling: tuple[int, int]
    steps: tuple[NDArray[np.uint8], ...]

    def __post_init__(self) -> None:
        """Refuse (ValueError) what the format cannot say."""
        if len(self.steps) not in (1, 3):
            raise ValueError(f"a JPEG of {len(self.steps)} components")
        if self.sampling not in (SAMPLINGS[:1] if self.is_grey else SAMPLINGS):
            raise ValueError(f"a sampling of {self.sampling}")
        for steps in self.steps:
            if steps.shape != (FREQUENCIES,) or steps.dtype != np.uint8 or not steps.all():
                raise ValueError("steps are 64 integers from 1 to 255")

    @property
    def is_grey(self) -> bool:
        """Whether there is luma alone."""
        return len(self.steps) == 1

    @property
    def label(self) -> str:
        """Sampling in reports: ``grey``, ``4:4:4``, ``4:2:2`` or ``4:2:0``."""
        return _LABELS[self._code]

    @property
    def _code(self) -> int:
        return 0 if self.is_grey else SAMPLINGS.index(self.sampling) + 1

    def write(self) -> bytes:
        """Write the fields of the index."""
        luma, *chroma = (steps.tobytes() for steps in self.steps)
        fields = [bytes([self._code]), luma]
        if chroma:
            blue, red = chroma
            fields += [blue, b"\0" if red == blue else b"\1" + red]
        return b"".join(fields)


def read_jpeg_steps(reader: Reader) -> JpegSteps:
    """Read the fields that ``JpegSteps.write`` wrote.

    Raises
    ------
    BadStream
        A step is 0, or the fields are cut short.
    UnsupportedStream
        The sampling is none that is known.
    """
    code = reader.unsigned(1)
    if code >= len(_LABELS):
        raise UnsupportedStream(f"The file has a JPEG's coefficients in sampling {code}.")
    steps = [_steps(reader)]
    if code:
        steps.append(_steps(reader))
        own = reader.unsigned(1)
        if own > 1:
            raise BadStream(f"The steps of Cr are of kind {own}, which is none.")
        steps.append(_steps(reader) if own else steps[1])
    return JpegSteps(SAMPLINGS[max(code - 1, 0)], tuple(steps))


def _steps(reader: Reader) -> NDArray[np.uint8]:
    steps = np.frombuffer(bytes(reader.take(FREQUENCIES)), np.uint8)
    if not steps.all():
        raise BadStream("A JPEG has a step of 0.")
    return steps
