"""What a caller may ask of the codec, and the callable by which it asks back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.codec.container.layout import MODES, Mode
from service.codec.profiles import CHAINS, PROFILES, Chain, Profile
from service.errors import BadParameter

MetadataPolicy = Literal["keep", "strip", "geo-only"]
Mask = NDArray[np.bool_] | Literal["full", "none"]

LOWEST_QUALITY, HIGHEST_QUALITY = 1.0, 8.0
QUALITY_STEPS = 64
BASE_QUALITY64 = 0
"""Quality of blade patches below their lossless streams: enough for the borders of others."""
DEFAULT_QUALITY, DEFAULT_ROI_QUALITY = 3.0, 6.0

Checkpoint = Callable[[str, int, int], None]
"""Called between tiles with (stage, done, total); may raise Cancelled or DeadlineExceeded."""


def no_checkpoint(stage: str, done: int, total: int) -> None:
    """Nobody watches, nobody cancels."""


@dataclass(frozen=True)
class CompressOptions:
    """How to compress.

    Attributes
    ----------
    mode
        ``lossless`` keeps the blade's pixels bit for bit and the background at ``quality``;
        ``roi-only`` keeps the blade's alone; ``lossy`` has a quality for each.
    quality, roi_quality
        1 to 8 for background and blade, in steps of 1/64. None chooses: 3 and 6; a picture that
        is blade all over takes ``quality`` where ``roi_quality`` is not given. ``roi_quality`` is
        for ``lossy`` alone.
    target_bytes
        Size of the whole file, to be met from below within 3 %. An exact blade never gives way.
    profile
        Models that belong together: ``default`` are the service's own, ``roi-eml`` the chain of
        the ROI paper. Mode, mask and qualities go with either.
    model, lossless_model
        Names of models in the zoo; None is the default. For the profile ``default`` alone.
    metadata
        What happens to EXIF, XMP and ICC.
    verify
        Whether the answer is decoded to symbols and compared before it is given.
    progressive
        Whether the whole lossy layer is to be readable from the file's front, so that a lossless
        model with latents is lent none of it. So it is without such a model, and where
        ``target_bytes`` is given.
    dilation
        Safety margin around the mask in pixels: a patch this near to blade is a blade patch.
    """

    mode: Mode = "lossless"
    quality: float | None = None
    roi_quality: float | None = None
    target_bytes: int | None = None
    profile: Profile = "default"
    model: str | None = None
    lossless_model: str | None = None
    metadata: MetadataPolicy = "keep"
    verify: bool = True
    progressive: bool = False
    dilation: int = 16

    def validate(self) -> None:
        """Refuse nonsense before any work.

        Raises
        ------
        BadParameter
            A value is out of range or not a number, or two contradict each other.
        """
        for name, value in (("quality", self.quality), ("roi_quality", self.roi_quality)):
            if value is None:
                continue
            if not math.isfinite(value) or not LOWEST_QUALITY <= value <= HIGHEST_QUALITY:
                raise BadParameter(f"{name} must be between 1 and 8, not {value}.")
        if self.target_bytes is not None and not self.target_bytes >= 1:  # NaN too
            raise BadParameter(f"target_bytes must be at least 1, not {self.target_bytes}.")
        if not 0 <= self.dilation <= 1024:
            raise BadParameter(f"dilation must be 0 to 1024 pixels, not {self.dilation}.")
        if self.mode not in MODES:
            raise BadParameter(f"There is no mode {self.mode!r}.")
        if self.mode in ("lossless", "roi-only") and self.roi_quality is not None:
            raise BadParameter(
                f"In mode {self.mode} the blade is exact and takes no roi_quality; "
                "mode lossy has one."
            )
        if self.mode == "lossy" and self.lossless_model is not None:
            raise BadParameter("In mode lossy no lossless_model is used.")
        if self.profile not in PROFILES:
            raise BadParameter(f"There is no profile {self.profile!r}.")
        for name, model in (("model", self.model), ("lossless_model", self.lossless_model)):
            if self.profile != "default" and model is not None:
                raise BadParameter(
                    f"Profile {self.profile} names its own models: it takes no {name}."
                )

    @property
    def chain(self) -> Chain:
        """The models that code: the profile's, or those that were named."""
        if self.profile == "default":
            return Chain(self.model, self.lossless_model)
        return CHAINS[self.profile]

    def qualities64(self, mask: NDArray[np.bool_], mode: Mode = "lossy") -> tuple[int, int]:
        """Qualities of background and blade in steps of 1/64, for a patch mask."""
        background = DEFAULT_QUALITY if self.quality is None else self.quality
        if mode != "lossy":
            return to_steps(background), BASE_QUALITY64
        if self.roi_quality is not None:
            blade = self.roi_quality
        elif self.quality is not None and mask.all():
            blade = self.quality
        else:
            blade = max(DEFAULT_ROI_QUALITY, background)
        return to_steps(background), to_steps(blade)


def to_steps(quality: float) -> int:
    """Nearest multiple of 1/64."""
    return math.floor(quality * QUALITY_STEPS + 0.5)


@dataclass(frozen=True)
class DecompressOptions:
    """How to decompress.

    Attributes
    ----------
    region
        x, y, width, height in pixels; None is the whole picture.
    roi_only
        Show blade patches alone; the rest is left black.
    strict
        Refuse a file with any damage, rather than show what there is.
    """

    region: tuple[int, int, int, int] | None = None
    roi_only: bool = False
    strict: bool = False
