"""Where the blade is: every step of the segmentation against true masks (paper, section VII)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.evaluation import environment
from models.evaluation.segmentation_metrics import band_of, confusion, off_boundary, patches
from models.evaluation.segmentation_overlays import write_overlay
from models.evaluation.segmentation_pictures import LabelledPicture, by_surface, labelled
from models.evaluation.segmentation_scores import PictureScore, RowScore
from models.evaluation.segmentation_summary import summary
from service.pictures import Limits
from service.runtime.card import SegmentationModelCard, read_card
from service.runtime.segmentation_model import SegmentationModel
from service.runtime.zoo import Zoo
from service.segmentation.framing import certainty, to_picture_size
from service.segmentation.pipeline import NEARLY_ALL, STEPS, Segmented, Segmenter
from service.settings import Settings

FOREST_ALONE = "forest_alone"
BASELINE = "baseline"
_ROWS = (*STEPS, FOREST_ALONE, BASELINE)
_SURE = 0.5  # of the forest, which balances its classes

DEFINITIONS = {
    "patch_recall": "share of the 256x256 patches with blade pixels in truth that are blade "
    "patches, all pictures together, with the service's margin around the found mask",
    "compressed": "the last step as /compress takes it: where it finds no blade or nearly nothing "
    "else, all of the picture is kept as blade",
    "kept_patches": "blade patches for each patch with blade pixels in truth: 1 is the least that "
    "loses nothing",
    "accuracy": "share of pixels that are right, at the picture's own size; this and the "
    "following are means over pictures",
    "recall": "share of the blade's pixels that are found; pictures without blade do not count",
    "f1": "harmonic mean of precision and recall; pictures without blade do not count",
    "miou": "intersection over union, mean of blade and background",
    "inner": "the same without the pixels that have one of the other kind within 4 rows and "
    "columns, 8 in pictures of more than 8 megapixels: no label is certain there",
    "least_recall": "inner recall of the worst picture",
    "acceptance": "area under the acceptance-ratio curve, which is the mean",
    "forest_alone": "the forest's own opinion without the network's vote, from 0.5; the holes "
    "step where the forest was not heard",
    "seconds": "a picture, by stage: resizing, network, forest (its training shared out), holes",
}


def evaluate(
    images: Path,
    masks: Path,
    index: Path | None,
    overlays: Path,
    model: str | None,
    baseline: Path | None,
    settings: Settings,
) -> dict[str, object]:
    """Segment a folder of pictures and compare each step with the truth.

    Parameters
    ----------
    images, masks, index
        See `labelled`; pictures of one surface are segmented together.
    overlays
        Folder for pictures with what was missed and what was taken for blade by mistake.
    model
        Name in the zoo; None is the default.
    baseline
        Folder of a model to stand beside it, its network alone.

    Returns
    -------
    dict
        JSON-able.

    Raises
    ------
    ValueError
        Pictures, masks and index do not fit together.
    BladestreamError
        A picture cannot be read, or a model cannot run.
    """
    pictures = labelled(images, masks, index)
    zoo = Zoo.open(settings)
    network = zoo.segmentation(model)
    segmenter = Segmenter(network, settings.flips, settings.threads)
    other = _baseline(baseline, zoo, settings) if baseline else None
    limits = Limits.from_settings(settings)
    scores: list[PictureScore] = []
    with tqdm(total=len(pictures), desc="pictures", unit="", disable=None) as progress:
        for surface in by_surface(pictures):
            found = _segment(surface, segmenter, other, limits)
            for picture, (segmented, alone) in zip(surface, found, strict=True):
                named = dict(_masks(segmented, alone))
                scores.append(
                    _score(picture, segmented, named, limits, settings.dilation_pixels, overlays)
                )
                progress.update()
    return {
        "definitions": DEFINITIONS,
        "images": {"folder": _called(images), "pictures": len(scores)},
        "model": _described(network.card),
        "baseline": _described(other[1]) if other else None,
        "flips": settings.flips,
        "dilation_pixels": settings.dilation_pixels,
        "machine": environment.machine(),
        "versions": environment.versions(),
        **summary(scores, [row for row in _ROWS if row in scores[0].rows]),
    }


def _baseline(
    folder: Path, zoo: Zoo, settings: Settings
) -> tuple[Segmenter, SegmentationModelCard]:
    card = read_card(folder)
    if not isinstance(card, SegmentationModelCard):
        raise ValueError(f"{folder}: no model that finds the blade")
    model = SegmentationModel(folder, card, zoo.device)
    return Segmenter(model, settings.flips, settings.threads), card


def _segment(
    surface: Iterable[LabelledPicture],
    segmenter: Segmenter,
    other: tuple[Segmenter, SegmentationModelCard] | None,
    limits: Limits,
) -> list[tuple[Segmented, Segmented | None]]:
    """Each picture's result and that of the baseline; one picture's pixels at a time."""
    prepared, alone = [], []
    for picture in surface:
        pixels = picture.read(limits).pixels
        prepared.append(segmenter.prepare(pixels))
        alone.append(other[0].segment([pixels])[0] if other else None)
    return list(zip(segmenter.finish(prepared), alone, strict=True))


def _masks(
    segmented: Segmented, alone: Segmented | None
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for step in STEPS:
        yield step, segmented.at_picture_size(step)
    opinion = segmented.forest_probability
    if opinion is None:
        yield FOREST_ALONE, segmented.at_picture_size("holes")
    else:
        yield (
            FOREST_ALONE,
            to_picture_size(certainty(opinion >= _SURE, opinion, _SURE), segmented.size),
        )
    if alone:
        yield BASELINE, alone.at_picture_size("network")


def _score(
    picture: LabelledPicture,
    segmented: Segmented,
    named: Mapping[str, NDArray[np.bool_]],
    limits: Limits,
    dilation: int,
    overlays: Path,
) -> PictureScore:
    truth = picture.read_truth(segmented.size, limits)
    counted = off_boundary(truth, band_of(segmented.size))
    if not counted.any():
        counted[:] = True  # A picture that is nothing but boundary.
    rows = {
        name: RowScore(
            confusion(mask, truth), confusion(mask, truth, counted), patches(mask, truth, dilation)
        )
        for name, mask in named.items()
    }
    write_overlay(
        overlays / f"{picture.name}.jpg", picture.read(limits).pixels, named["final"], truth
    )
    in_doubt = segmented.blade_share == 0 or segmented.blade_share > NEARLY_ALL
    return PictureScore(
        name=picture.name,
        surface=picture.surface,
        tags=picture.tags,
        size=segmented.size,
        blade_share=float(truth.mean()),
        forest_used=segmented.forest_used,
        warnings=segmented.warnings,
        seconds=segmented.seconds,
        rows=rows,
        compressed=rows["final"].patches.all_kept() if in_doubt else rows["final"].patches,
    )


def _called(images: Path) -> str:
    """What a folder of pictures is called: beside one of masks it is named by the folder above."""
    folder = images.resolve()
    return folder.parent.name if folder.name == "images" else folder.name


def _described(card: SegmentationModelCard) -> dict[str, object]:
    return {"name": card.name, "version": card.version, "digest": card.digest.hex()}
