"""The query parameters of each verb, checked before anything else of a request is read."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from service.codec.container.layout import Mode
from service.codec.options import CompressOptions, DecompressOptions
from service.codec.profiles import Profile
from service.errors import BadParameter
from service.pictures import MetadataPolicy, PictureFormat
from service.settings import Flips

_REGION = r"^(0|[1-9]\d{0,5}),(0|[1-9]\d{0,5}),[1-9]\d{0,5},[1-9]\d{0,5}$"
_MODEL = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"

# Names such as WT-07/blade B, suction side: no control characters, nothing to fill memory with.
Surface = Annotated[str, Field(pattern=r"^[\w][\w .,:/@#+-]{0,99}$", max_length=100)]
_Quality = Annotated[float, Field(ge=1, le=8, allow_inf_nan=False)]


class _Parameters(BaseModel):
    # A misspelt parameter is an error, not a default silently taken.
    model_config = ConfigDict(extra="forbid", frozen=True)


class CompressParameters(_Parameters):
    """Of POST /compress."""

    mode: Mode = Field(
        "lossless",
        description="`lossless`: the blade bit for bit, the background at `quality`. `roi-only`: "
        "the blade bit for bit and nothing else. `lossy`: a quality for each.",
    )
    quality: _Quality | None = Field(
        None, description="Quality of the background, in steps of 1/64; 3 if left out."
    )
    roi_quality: _Quality | None = Field(
        None,
        description="Quality of the blade in mode `lossy`, in steps of 1/64. Left out it is 6, or "
        "`quality` where that is higher or all of the picture is blade.",
    )
    target_bytes: int | None = Field(
        None,
        ge=1,
        le=2**40,
        description="Size of the whole file, met from below; the background gives way first, "
        "and an exact blade never.",
    )
    profile: Profile = Field(
        "default",
        description="Which models code: `default`, the service's own; `roi-eml`, the chain of the "
        "ROI paper: the background by `hp-easn-deep`, an exact blade by `bitswap` with bits back, "
        "which the background's streams are lent to. It takes no `model` and no `lossless_model`; "
        "all else goes with either.",
    )
    model: str | None = Field(
        None,
        pattern=_MODEL,
        description="A lossy model that GET /models lists; the service's default if left out.",
    )
    lossless_model: str | None = Field(
        None,
        pattern=_MODEL,
        description="A lossless model that GET /models lists. Left out it is `jpeg-dct` for a JPEG "
        "whose coefficients give its pixels to the bit, in fewer bytes, else the default; where it "
        "is named, `jpeg-dct` refuses other pictures.",
    )
    mask: Literal["full", "none"] | None = Field(
        None,
        description="Where the blade is when no mask is sent: everywhere or nowhere. Left out, the "
        "service finds the blade; in doubt it takes everything for blade.",
    )
    surface: Surface | None = Field(
        None,
        description="Name of the blade surface that the picture shows, when the service finds the "
        "blade: its pictures help each other from the fifth on.",
    )
    metadata: MetadataPolicy = Field(
        "keep", description="What becomes of EXIF, XMP and ICC; `geo-only` keeps the position."
    )
    convert: bool = Field(
        False,
        description="Accept a conversion that loses values (16 bits, transparency, CMYK).",
    )
    verify: bool = Field(True, description="Read the result back before it is answered.")
    progressive: bool = Field(
        False,
        description="Keep the whole lossy layer readable from the file's front: a lossless model "
        "with latents is then lent none of it, which costs some bytes.",
    )
    keep: bool = Field(
        False, description="Keep the file in the archive; the answer is then 201 with a Location."
    )

    def options(self, dilation: int) -> CompressOptions:
        """Say it in the codec's words; ``dilation`` is the margin around a mask, in pixels.

        Raises
        ------
        BadParameter
            The codec does not take them together.
        """
        options = CompressOptions(
            mode=self.mode,
            quality=self.quality,
            roi_quality=self.roi_quality,
            target_bytes=self.target_bytes,
            profile=self.profile,
            model=self.model,
            lossless_model=self.lossless_model,
            metadata=self.metadata,
            verify=self.verify,
            progressive=self.progressive,
            dilation=dilation,
        )
        options.validate()
        return options


class DecompressParameters(_Parameters):
    """Of POST /decompress and of GET /pictures/{id}."""

    region: str | None = Field(
        None,
        pattern=_REGION,
        description="Left, top, width, height in pixels; everything if left out.",
        examples=["2048,1024,1024,1024"],
    )
    format: PictureFormat = Field(
        "png", description="`ppm` is the fastest; grey comes as PGM. `png` and `ppm` lose nothing."
    )
    roi_only: bool = Field(False, description="Show the blade alone, the rest black.")
    strict: bool = Field(False, description="Refuse a file of which any part is damaged.")

    def options(self) -> DecompressOptions:
        """Say it in the codec's words."""
        region = None
        if self.region is not None:
            left, top, width, height = map(int, self.region.split(","))
            region = (left, top, width, height)
        return DecompressOptions(region=region, roi_only=self.roi_only, strict=self.strict)


class SegmentParameters(_Parameters):
    """Of POST /segment."""

    surface: Surface | None = Field(
        None,
        description="Name of the blade surface that the pictures show. It is remembered for a "
        "while, so that pictures may be posted one by one: from the fifth on a random forest "
        "learns from all of them. Pictures of one request are of one surface in any case.",
    )
    flips: Flips | None = Field(
        None,
        description="Flipped pictures that the network looks at: more take longer and are a "
        "little better. The service's setting if left out.",
    )


def single_values(request: Request) -> None:
    """Let a request pass that gives each parameter once.

    Raises
    ------
    BadParameter
        One is given twice: taking either would be a guess.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items())
    errors = [
        {"parameter": name, "message": "given more than once"}
        for name, count in counts.items()
        if count > 1
    ]
    if errors:
        names = ", ".join(error["parameter"] for error in errors)
        raise BadParameter(f"given more than once: {names}", errors=errors)


CompressQuery = Annotated[CompressParameters, Query()]
SegmentQuery = Annotated[SegmentParameters, Query()]
DecompressQuery = Annotated[DecompressParameters, Query()]
