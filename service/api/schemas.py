"""What the service answers as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Problem(BaseModel):
    """An error, as RFC 9457 has it; some codes carry further members, such as minimum_bytes."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Always about:blank: the code tells the kind.")
    title: str = Field(description="What the code means.")
    status: int
    detail: str = Field(description="What is wrong with this request, and what would help.")
    code: str = Field(description="Stable name of the kind of problem.")
    request_id: str


class _Report(BaseModel):
    # The codec may tell more than what is promised here.
    model_config = ConfigDict(extra="allow", ser_json_inf_nan="null")


class CompressReport(_Report):
    """In the header X-Bladestream-Report of POST /compress."""

    bytes: int
    bpp: float = Field(description="Bits per pixel.")
    width: int
    height: int
    mode: str
    profile: str = Field("default", description="Which choice of models was asked for.")
    model: str | None = Field(description="Of the lossy layer; null if there is none.")
    lossless_model: str | None = Field(None, description="Of the exact blade; null in mode lossy.")
    quality: float | None = Field(
        description="Of the background, as coded; null if it is left out."
    )
    roi_quality: float | None = Field(description="Of the blade, as coded; null if it is exact.")
    exact: bool = Field(
        False, description="Whether blade pixels were decoded again and found to be identical."
    )
    blade_bpp: float | None = Field(
        None, description="Bits per blade pixel; null where no blade is coded bit for bit."
    )
    raw_patches: int = Field(
        0, description="Blade patches stored as they are: nothing shrank them."
    )
    lent_patches: int = Field(
        0, description="Background patches whose streams the blade's stacks were lent, and hold."
    )
    lent_bytes: int = Field(0, description="Those streams; they count as background.")
    filler_bytes: int = Field(0, description="Initial bits of the blade's stacks that nobody lent.")
    blade_share: float = Field(description="Share of the patches that hold blade, 0 to 1.")
    mask_bytes: int
    mask: str = Field(
        "full", description="Where the blade was taken to be: found, given, full or none."
    )
    found_blade_share: float | None = Field(
        None, description="Share of the pixels that was found to be blade; null if nobody looked."
    )
    forest_used: bool = Field(False, description="Whether a surface's random forest had a vote.")
    seconds: dict[str, float] = Field(description="By stage.")
    conversions: list[str] = Field(description="What was converted on reading, in words.")
    source_bytes: int
    verified: bool
    warnings: list[str]
    larger_than_source: bool


class DecompressReport(_Report):
    """In the header X-Bladestream-Report of POST /decompress and GET /pictures/{id}.

    In the header a list has at most 256 members.
    """

    width: int = Field(description="Of what is shown.")
    height: int = Field(description="Of what is shown.")
    region: list[int] = Field(description="What is shown: left, top, width, height.")
    mode: str
    model: str | None = Field(description="Of the lossy layer; null if there is none.")
    lossless_model: str | None = Field(None, description="Of the exact blade; null in mode lossy.")
    quality: float | None = Field(description="Of the background; null if it is left out.")
    exact: bool = Field(
        description="Whether blade is shown, and each of its pixels bit for bit as it was: decoded "
        "without loss and verified by its checks."
    )
    damaged: list[int] = Field(description="Numbers of the patches shown that damage reaches.")
    damaged_count: int = Field(0, description="How many those are.")
    damaged_stacks: list[int] = Field(
        [], description="Numbers of the stacks that hold damaged patches; /inspect lists them."
    )
    truncated: bool = Field(description="Whether the file ends before its index says so.")
    seconds: dict[str, float] = Field(description="By stage.")


class SegmentReport(_Report):
    """Where the blade is in one picture; in a header without its outlines."""

    name: str = Field(description="Name of the picture's file.")
    width: int
    height: int
    blade_share: float = Field(description="Share of the pixels that is blade, 0 to 1.")
    steps: list[str] = Field(
        description="That had a say: network, holes, and with a forest forest_vote and final."
    )
    forest_used: bool = Field(description="Whether a random forest of the surface had a vote.")
    warnings: list[str] = Field(
        description="Such as that no blade was found, or nearly nothing else."
    )
    seconds: dict[str, float] = Field(description="By stage.")


class RunLengths(BaseModel):
    """A mask as COCO's uncompressed run lengths."""

    size: list[int] = Field(description="Height and width.")
    counts: list[int] = Field(
        description="Lengths of runs, column by column, background and blade in turn."
    )


class OutlinedSegment(SegmentReport):
    """Where the blade is in one picture, with its outlines."""

    polygons: list[list[list[tuple[float, float]]]] = Field(
        description="One for each piece of blade: rings of points (x, y) in pixels, the outer ring "
        "first, then one for each hole."
    )
    run_lengths: RunLengths


class SegmentProblem(BaseModel):
    """A picture among several that cannot be read, and why."""

    class Reason(BaseModel):
        """As a problem would say it."""

        code: str
        title: str
        detail: str
        status: int

    name: str
    problem: Reason


class SegmentedSurface(BaseModel):
    """Several pictures of one surface, in the order in which they were sent."""

    surface: str | None
    pictures: list[OutlinedSegment | SegmentProblem]


class ModelUse(_Report):
    """A model that a file was coded with."""

    name: str
    version: str
    digest: str
    known: bool = Field(description="Whether this service can decode it.")


class PatchKind(_Report):
    """The patches of one kind: blade or background."""

    count: int
    bytes: int
    largest: int = Field(description="Bytes of the largest.")


class Patches(_Report):
    """The grid of patches, and where its bytes are."""

    rows: int
    columns: int
    blade: PatchKind
    background: PatchKind


class LosslessStack(_Report):
    """A stack of a lossless model with latents."""

    patches: list[int] = Field(description="Blade patches; a reader finds the last one first.")
    bytes: int = Field(description="All of it, what it was lent included.")
    donors: list[int] = Field(description="Background patches whose streams it holds.")
    lent_bytes: int = Field(description="Those streams.")
    filler_bytes: int = Field(description="Initial bits that nobody lent: pure overhead.")


class LosslessStreams(PatchKind):
    """The lossless streams of the blade patches; without what was lent to them."""

    raw: int = Field(description="Patches stored as they are: nothing shrank them.")
    jpeg: str | None = Field(
        None,
        description="Sampling of the JPEG whose coefficients they hold: `4:2:0`, `4:2:2`, `4:4:4` "
        "or `grey`; null if they hold pixels.",
    )
    blade_pixels: int
    blade_bpp: float = Field(description="Bits per blade pixel.")
    lent_patches: int = Field(0, description="Background patches whose streams stacks hold.")
    lent_bytes: int = Field(0, description="Those streams; they count as background.")
    filler_bytes: int = Field(0, description="Initial bits that nobody lent.")
    stacks: list[LosslessStack] = Field([], description="Empty if the model has no latents.")


class InspectReport(_Report):
    """What a ``.blade`` file is and where its bytes go."""

    width: int
    height: int
    mode: str
    models: list[ModelUse]
    quality: float | None = Field(description="Of the background; null if it is left out.")
    roi_quality: float | None = Field(description="Of the blade; null if it is exact.")
    bytes: int = Field(description="As the index says.")
    bpp: float = Field(description="Bits per pixel.")
    chunks: dict[str, int] = Field(description="Bytes by chunk.")
    patches: Patches = Field(description="Of the lossy layer; all 0 if there is none.")
    lossless: LosslessStreams | None = Field(None, description="Null where no blade is exact.")
    mask_bytes: int
    truncated: bool = Field(description="Whether the file ends before its index says so.")
    damaged_chunks: list[str] = Field(description="Chunks cut off or with a wrong check.")


class ModelInfo(_Report):
    """A model of the zoo."""

    name: str
    version: str
    digest: str


class Models(BaseModel):
    """What this service can code with."""

    provider: str = Field(description="Where networks run: cpu or cuda.")
    default: str
    models: list[ModelInfo]


class Alive(BaseModel):
    """The event loop turns."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether new work is welcome."""

    status: Literal["ready", "not-ready"]
    reasons: list[str] = Field(description="Why not; empty when ready.")


class QueueHealth(BaseModel):
    """The place where requests wait."""

    depth: int = Field(description="Requests waiting or running.")
    capacity: int


class WorkerHealth(BaseModel):
    """The process that codes."""

    state: Literal["starting", "ready", "failed"]
    restarts: int
    provider: str | None
    zoo: dict[str, JsonValue] = Field(description="What the zoo tells of itself.")


class MemoryHealth(BaseModel):
    """Resident memory in bytes; 0 where the system does not tell."""

    service_bytes: int
    worker_bytes: int


class Health(Readiness):
    """Liveness and readiness with their details."""

    version: str
    uptime_seconds: float
    queue: QueueHealth
    worker: WorkerHealth
    memory: MemoryHealth
    models: list[ModelInfo]
    archive: bool = Field(description="Whether pictures can be kept.")
