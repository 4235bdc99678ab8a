"""A model's card: what ``model.json`` says, checked when it is read."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from service.errors import ModelUnavailable

DIGEST_BYTES = 16

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]+$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GroupCard(_Frozen):
    """Channels of y that are coded in one step.

    ``channels`` count on the 1/16 grid; the exact network sees ``channels / fold^2`` of them on a
    grid ``fold`` times finer.
    """

    name: str
    channels: int = Field(ge=1, le=4096)
    fold: int = Field(ge=1, le=8)


class LossyCard(_Frozen):
    """Anatomy of a lossy model."""

    channels: int = Field(ge=1, le=4096, description="channels of y, 1/16 of the picture's size")
    top_channels: int = Field(ge=1, le=1024, description="channels of z, 1/64 of its size")
    hyper_channels: int = Field(ge=1, description="channels of y that hyper-analysis reads")
    mean_channels: int = Field(ge=0, description="channels of y whose mean z predicts")
    groups: tuple[GroupCard, ...] = Field(min_length=1, max_length=15)
    top_groups: tuple[GroupCard, ...] = Field(
        default=(), max_length=15, description="groups of z; none means static tables"
    )
    top_differences: int = Field(
        default=0, ge=0, description="first channels of z coded as differences along columns"
    )
    analysis_halo: int = Field(ge=0, multiple_of=16, description="pixels")
    synthesis_halo: int = Field(
        ge=0, le=256, multiple_of=16, description="pixels: damage goes to a patch's neighbours only"
    )
    rate_weight: float = Field(
        ge=0, le=1, description="squared steps that a bit is worth when an encoder quantises"
    )
    quantiser: Literal["scalar", "trellis"] = Field(default="scalar", description="of y")

    @model_serializer(mode="wrap")
    def _without_scalar(self, serialise: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Say nothing of a scalar quantiser: older cards, and their digests, do not either."""
        content: dict[str, object] = serialise(self)
        if self.quantiser == "scalar":
            del content["quantiser"]
        return content


class PredictedLossyCard(LossyCard):
    """Anatomy of a lossy model that predicts means of y's groups from the groups before them.

    Each has a float network ``detail_means_G``, which may hand the next group's a state.
    """

    predicted_groups: tuple[int, ...] = Field(min_length=1, max_length=14)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        groups = self.predicted_groups
        ascending = all(before < after for before, after in pairwise(groups))
        if not (ascending and groups[0] >= 0 and groups[-1] < len(self.groups)):
            raise ValueError(f"predicted groups {groups} of {len(self.groups)}")
        # Of the groups before them z may tell means, and of the first it always may.
        before = sum(group.channels for group in self.groups[: groups[0]])
        if groups[0] == 0 or before < self.mean_channels:
            raise ValueError(f"z tells means of {self.mean_channels} channels, networks too")
        return self


class LosslessCard(_Frozen):
    """Anatomy of a lossless model: a pyramid of levels over a patch.

    ``networks`` counts the networks, finest level first; the last one serves all coarser levels.
    """

    networks: int = Field(ge=1, le=6)

    @property
    def latents(self) -> int:
        """Levels of latents: none."""
        return 0


class JpegLosslessCard(LosslessCard):
    """Anatomy of two pyramids: one for all patches, one for those in the colours of a JPEG.

    ``jpeg_networks`` counts the networks of the second, as ``networks`` those of the first.
    """

    jpeg_networks: int = Field(ge=1, le=6)


class LatentCard(_Frozen):
    """Anatomy of a lossless model with latents: a Markov chain over blocks of 64x64.

    Every level has ``channels`` channels on ``side`` x ``side`` positions a block.
    """

    latents: int = Field(ge=1, le=8, description="levels")
    side: int = Field(ge=1, le=64, description="positions on a side of a block")
    channels: int = Field(ge=1, le=64, description="of each level")


class JpegGroupCard(_Frozen):
    """Coefficients of a JPEG that are coded in one step, as channels on the grid of cells."""

    name: str
    channels: int = Field(ge=1, le=768)


class JpegCard(_Frozen):
    """Anatomy of a lossless model of a JPEG's coefficients; the tables name the channels."""

    jpeg_groups: tuple[JpegGroupCard, ...] = Field(min_length=1, max_length=768)

    @property
    def latents(self) -> int:
        """Levels of latents: none."""
        return 0


class SegmentationCard(_Frozen):
    """Anatomy of a network that finds the blade: the size of the picture that it takes."""

    height: Literal[512] = 512
    width: Literal[768] = 768


class Card(_Frozen):
    """What ``model.json`` says of any model; ``kind`` tells which anatomy comes with it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=32)
    version: str = Field(pattern=r"^[0-9]+$", max_length=8)
    kind: Literal["lossy", "lossless", "segmentation"]
    description: str
    licence: str
    files: dict[_FileName, _Sha256]
    training: dict[str, object]
    quality: dict[str, object]
    weaknesses: tuple[str, ...]

    def pinned(self, folder: Path, name: str) -> Path:
        """Path of one of the files; ModelUnavailable if no digest vouches for it."""
        if name not in self.files:
            raise ModelUnavailable(f"The card of {self.name} names no digest for {name}.")
        return folder / name

    @property
    def digest(self) -> bytes:
        """What identifies the model in a file: SHA-256 of all that decoding depends on, cut short.

        The list of file digests and the anatomy, as canonical JSON; not the prose.
        """
        content = self.model_dump(mode="json", include={"files", self.kind})
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).digest()[:DIGEST_BYTES]


class LossyModelCard(Card):
    """``model.json`` of a lossy model."""

    kind: Literal["lossy"]
    lossy: LossyCard | PredictedLossyCard


class LosslessModelCard(Card):
    """``model.json`` of a lossless model."""

    kind: Literal["lossless"]
    lossless: LosslessCard | JpegLosslessCard | LatentCard | JpegCard


class SegmentationModelCard(Card):
    """``model.json`` of a model that finds the blade."""

    kind: Literal["segmentation"]
    segmentation: SegmentationCard


AnyCard = LossyModelCard | LosslessModelCard | SegmentationModelCard
_ANY_CARD: TypeAdapter[AnyCard] = TypeAdapter(Annotated[AnyCard, Field(discriminator="kind")])


def read_card(folder: Path) -> AnyCard:
    """Read and check ``folder/model.json``; the files' digests are checked too.

    Raises
    ------
    ModelUnavailable
        The card is missing, malformed, or a file is not the one that it names.
    """
    try:
        card = _ANY_CARD.validate_json((folder / "model.json").read_bytes())
        for name, expected in card.files.items():
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            if found != expected:
                raise ModelUnavailable(f"{folder.name}/{name} is not the file its card names.")
    except (OSError, ValidationError) as error:
        raise ModelUnavailable(f"The model in {folder} cannot be read: {error}") from error
    return card
