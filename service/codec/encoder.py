"""From a picture to a `.blade` file: split by the mask, code blade and background, pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.codec.blade_layer import NO_BLADE, encode_blade, verify_blade
from service.codec.container.layout import LosslessStream, Stream
from service.codec.container.parser import parse
from service.codec.exact_source import ExactSource, choose_exact
from service.codec.grid import Grid
from service.codec.jobs import Frame, LossyJob, reference_to
from service.codec.lossy import analyse
from service.codec.options import (
    QUALITY_STEPS,
    Checkpoint,
    CompressOptions,
    Mask,
    no_checkpoint,
)
from service.codec.patch_mask import blade_patches, encode_mask
from service.codec.rate_control import Rate, meet_target
from service.codec.timing import Stages
from service.errors import BadMask, BadStream, ModelUnavailable, UnknownModel, WorkerFailed
from service.pictures import Picture, select_metadata
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo


@dataclass(frozen=True)
class Compressed:
    """A file, and a JSON-able report of how it came about."""

    data: bytes
    report: dict[str, object]


class Encoder:
    """Compresses pictures with the models of a zoo; safe to share between threads."""

    def __init__(self, zoo: Zoo) -> None:
        self._zoo = zoo

    def compress(
        self,
        picture: Picture,
        mask: Mask,
        options: CompressOptions,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Compressed:
        """Compress one picture.

        Parameters
        ----------
        picture
            As ``read_picture`` gives it.
        mask
            (H, W) bool, true for blade; or ``full`` or ``none``.
        options
            Checked before any work.
        checkpoint
            Called between tiles.

        Raises
        ------
        BadParameter, BadMask, UnknownModel, ModelUnavailable
            Before any work.
        TargetUnreachable
            ``target_bytes`` is below what the lowest qualities, or an exact blade, need.
        WorkerFailed
            ``verify``, and the file that was made does not decode to what went in.
        """
        options.validate()
        mode = options.mode
        grid = Grid(picture.width, picture.height)
        patches = patch_mask(picture, mask, grid, options.dilation)
        stages = Stages()
        model, exact = self._models(options, picture, grid, patches, checkpoint, stages)
        lossless, blocks = exact or (None, None)
        frame = Frame(
            grid=grid,
            grey=picture.is_grey,
            mode=mode,
            mask=patches,
            metadata=select_metadata(picture.metadata, options.metadata),
            lossless_model=None if lossless is None else reference_to(lossless.card),
            blade=NO_BLADE,
        )

        def with_blade(lossy: Sequence[Stream] = ()) -> Frame:
            if lossless is None:
                return frame
            with stages.stage("lossless"):
                pixels = picture.pixels
                # A JPEG's own blocks begin at its first pixel; others may be pieces of one.
                start = (0, 0) if picture.source_format == "jpeg" else None
                blade = encode_blade(
                    lossless, pixels, grid, patches, checkpoint, lossy, start, blocks
                )
            return replace(frame, blade=blade)

        rate = Rate(*options.qualities64(patches, mode))
        used: LossyModel | None
        lossy: list[Stream] = []
        try:
            if mode == "roi-only" or (mode == "lossless" and patches.all()):
                used = None
                frame = with_blade()
                with stages.stage("pack"):
                    data = frame.pack_alone(options.target_bytes)
            else:
                used = model
                with stages.stage("analysis"):
                    y = analyse(model, picture.pixels, grid, checkpoint)
                if options.target_bytes is None:
                    job = LossyJob(model, frame, y, options.verify, stages)
                    layer = job.layer(rate, checkpoint)
                    lossy = layer.patches
                    frame = with_blade(() if options.progressive else lossy)
                    data = job.pack(layer, frame)
                else:  # the blade comes first, and its size must not hang on what is searched for
                    frame = with_blade()
                    job = LossyJob(model, frame, y, options.verify, stages)
                    rate, data = meet_target(
                        job, rate, patches, options.target_bytes, checkpoint, frame.blade.bytes
                    )
            if options.verify and lossless is not None:
                with stages.stage("verify"):
                    blade = parse(data, max_pixels=picture.width * picture.height)
                    verify_blade(lossless, blade, grid, picture.pixels, checkpoint, lossy)
        except BadStream as error:  # nothing but verification reads a stream here
            raise WorkerFailed(f"The file that was made cannot be read back. {error}") from error
        return Compressed(data, _report(picture, options, frame, used, rate, data, stages))

    def _models(
        self,
        options: CompressOptions,
        picture: Picture,
        grid: Grid,
        patches: NDArray[np.bool_],
        checkpoint: Checkpoint,
        stages: Stages,
    ) -> tuple[LossyModel, ExactSource | None]:
        """The models of the lossy layer and of the exact blade; None where none is exact.

        A model that the caller named and that is not here is the caller's error; one that a
        profile needs is this service's.
        """
        chain = options.chain
        try:
            model = self._zoo.by_name(chain.model)
            exact = None
            if options.mode != "lossy":
                exact = choose_exact(
                    self._zoo, chain.lossless_model, picture, grid, patches, checkpoint, stages
                )
        except UnknownModel as error:
            if options.profile == "default":
                raise
            raise ModelUnavailable(
                f"Profile {options.profile} cannot be used here. {error.detail}"
            ) from error
        return model, exact


def _report(
    picture: Picture,
    options: CompressOptions,
    frame: Frame,
    model: LossyModel | None,
    rate: Rate,
    data: bytes,
    stages: Stages,
) -> dict[str, object]:
    larger = len(data) > picture.source_bytes > 0
    warnings = []
    if larger:
        warnings.append("The file is larger than the picture that was given.")
    lossy_blade = frame.mode == "lossy"
    blade = frame.blade
    reference = frame.lossless_model
    return {
        "bytes": len(data),
        "bpp": round(8 * len(data) / (picture.width * picture.height), 4),
        "width": picture.width,
        "height": picture.height,
        "mode": frame.mode,
        "profile": options.profile,
        "model": f"{model.card.name}/{model.card.version}" if model else None,
        "lossless_model": f"{reference.name}/{reference.version}" if reference else None,
        "quality": rate.background64 / QUALITY_STEPS if model else None,
        "roi_quality": rate.blade64 / QUALITY_STEPS if lossy_blade else None,
        "exact": bool(blade.streams) and options.verify,
        "blade_share": round(float(frame.mask.mean()), 4),
        "blade_bytes": blade.bytes,
        "blade_bpp": round(8 * blade.bytes / blade.pixels, 4) if blade.pixels else None,
        "raw_patches": sum(isinstance(s, LosslessStream) and s.raw for s in blade.streams),
        "lent_patches": len(blade.lent),
        "lent_bytes": blade.lent_bytes,
        "filler_bytes": blade.filler,
        "mask_bytes": len(encode_mask(frame.mask)),
        "conversions": list(picture.conversions),
        "source_bytes": picture.source_bytes,
        "larger_than_source": larger,
        "verified": options.verify,
        "warnings": warnings,
        "seconds": stages.report(),
    }


def patch_mask(picture: Picture, mask: Mask, grid: Grid, dilation: int) -> NDArray[np.bool_]:
    """Blade patches, (rows, columns), from a caller's mask.

    Raises
    ------
    BadMask
        The mask has another size than the picture, or a name that is none.
    """
    if isinstance(mask, str):
        if mask not in ("full", "none"):
            raise BadMask(f"A mask is a picture, full or none, not {mask!r}.")
        return np.full((grid.rows, grid.columns), mask == "full")
    if mask.shape != (picture.height, picture.width):
        raise BadMask(
            f"The mask has {mask.shape[1]}x{mask.shape[0]} pixels, "
            f"the picture {picture.width}x{picture.height}."
        )
    return blade_patches(mask, dilation)
