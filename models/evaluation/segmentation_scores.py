"""What is known of one picture after its segmentation was compared with the truth."""

from __future__ import annotations

from dataclasses import dataclass

from models.evaluation.segmentation_metrics import Confusion, Patches


@dataclass(frozen=True)
class RowScore:
    """One step on one picture: all pixels, pixels off the boundary, patches."""

    whole: Confusion
    inner: Confusion
    patches: Patches


@dataclass(frozen=True)
class PictureScore:
    """All steps on one picture.

    Attributes
    ----------
    size
        Rows and columns.
    blade_share
        Share of blade in truth.
    rows
        By step of `service.segmentation.pipeline`; ``forest_alone``, and ``baseline`` if there is
        one.
    compressed
        The patches of the last step as /compress takes them: all where it is in doubt.
    """

    name: str
    surface: str
    tags: tuple[str, ...]
    size: tuple[int, int]
    blade_share: float
    forest_used: bool
    warnings: tuple[str, ...]
    seconds: dict[str, float]
    rows: dict[str, RowScore]
    compressed: Patches
