"""What the HTTP process and the worker say to each other.

Each message is followed by its bytes (files, pictures), which travel as they are, not pickled.
Both ends are the same program, started together, so messages need no versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BladestreamError
from service.pictures import PictureFormat

SegmentAnswer = Literal["mask", "overlay", "report"]


@dataclass(frozen=True)
class Compress:
    """Picture bytes in, ``.blade`` bytes out.

    ``mask`` says where the blade is; ``given`` means that the mask's file follows the picture's,
    ``found`` that the worker looks for the blade, among what it remembers of ``surface``.
    """

    options: CompressOptions
    mask: Literal["full", "none", "given", "found"]
    convert: bool
    surface: str | None = None


@dataclass(frozen=True)
class Decompress:
    """``.blade`` bytes in, picture bytes out."""

    options: DecompressOptions
    format: PictureFormat


@dataclass(frozen=True)
class Inspect:
    """``.blade`` bytes in, nothing but a report out."""


@dataclass(frozen=True)
class Segment:
    """Picture bytes in, masks out; ``names`` tells the pictures of one surface apart.

    ``answer`` is what comes for one picture: a ``mask`` or an ``overlay`` with a report, or just
    a ``report`` with the outlines in it. For more than one it is a ``report``.
    """

    names: tuple[str, ...]
    answer: SegmentAnswer
    flips: int | None
    surface: str | None


Task = Compress | Decompress | Inspect | Segment


@dataclass(frozen=True)
class Job:
    """One task, numbered so that it can be cancelled; ``parts`` byte strings follow."""

    number: int
    request_id: str
    task: Task
    parts: int


@dataclass(frozen=True)
class Started:
    """The worker's first word when its models are loaded and have passed their known answers."""

    provider: str
    models: list[dict[str, object]]
    health: Mapping[str, object]


@dataclass(frozen=True)
class Failed:
    """The start or the job failed; nothing follows."""

    error: BladestreamError


@dataclass(frozen=True)
class Done:
    """The job is done; one byte string follows, empty for a task that answers a report only."""

    report: Mapping[str, object]
    media_type: str
    health: Mapping[str, object]
