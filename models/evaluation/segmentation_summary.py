"""From scores of single pictures to the tables: means, tags, acceptance curves, the worst."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from models.evaluation.segmentation_acceptance import acceptance_curve
from models.evaluation.segmentation_metrics import Confusion, Patches
from models.evaluation.segmentation_scores import PictureScore, RowScore

MEASURES = ("accuracy", "recall", "f1", "miou")
LEAST_BLADE = 0.05
"""Share of blade from which a picture counts as one of a blade, not of a landscape."""
COLUMNS = (
    *("patches_blade", "patches_found", "patches_kept"),
    *MEASURES,
    *(f"inner_{measure}" for measure in MEASURES),
)
PAPER = {
    "network": {"accuracy": 0.9682, "recall": 0.9641, "f1": 0.9560},
    "holes": {"accuracy": 0.9698, "recall": 0.9661, "f1": 0.9572},
    "forest_vote": {"accuracy": 0.9754, "recall": 0.9754, "f1": 0.9644},
    "final": {"accuracy": 0.9761, "recall": 0.9767, "f1": 0.9650, "miou": 0.9458},
    "forest_alone": {"accuracy": 0.9728, "recall": 0.9385, "f1": 0.9511},
    "baseline": {"accuracy": 0.8624, "recall": 0.6893, "f1": 0.7795, "miou": 0.7594},
}
"""Tables I and II of the paper and its section VII-B, on other pictures."""


def summary(scores: Sequence[PictureScore], rows: Sequence[str]) -> dict[str, object]:
    """What a report says of its pictures, JSON-able.

    Parameters
    ----------
    scores
        At least one.
    rows
        Steps, and what stands beside them.

    Returns
    -------
    dict
        ``groups`` and ``tags`` with their means, ``acceptance`` with areas and values,
        ``seconds``, ``pictures`` with the worst first, ``paper``.
    """
    blades = [score for score in scores if score.blade_share >= LEAST_BLADE]
    groups = {"all": scores, "blade": blades}
    tags = sorted({tag for score in scores for tag in score.tags})
    stages = {stage for score in scores for stage in score.seconds}
    return {
        "groups": {name: means(group, rows) for name, group in groups.items() if group},
        "tags": {
            tag: means([score for score in scores if tag in score.tags], ["final"]) for tag in tags
        },
        "acceptance": {row: _areas(scores, row) for row in rows},
        "seconds": {
            stage: round(fmean(score.seconds.get(stage, 0.0) for score in scores), 4)
            for stage in sorted(stages)
        },
        "columns": list(COLUMNS),
        "pictures": {
            score.name: _described(score, rows) for score in sorted(scores, key=_goodness)
        },
        "paper": PAPER,
    }


def means(scores: Sequence[PictureScore], rows: Sequence[str]) -> dict[str, object]:
    """Means of a group of pictures by row; patches are counted together."""
    found: dict[str, object] = {
        "pictures": len(scores),
        "compressed": _of_patches([score.compressed for score in scores]),
    }
    for row in rows:
        each = [score.rows[row] for score in scores]
        recalls = [score.inner.recall for score in each if score.inner.recall is not None]
        found[row] = {
            **_of_patches([score.patches for score in each]),
            **{measure: _mean([score.whole for score in each], measure) for measure in MEASURES},
            "inner": {
                measure: _mean([score.inner for score in each], measure) for measure in MEASURES
            },
            "least_recall": round(min(recalls), 5) if recalls else None,
        }
    return found


def _mean(confusions: Sequence[Confusion], measure: str) -> float | None:
    values = [value for each in confusions if (value := getattr(each, measure)) is not None]
    return round(fmean(values), 5) if values else None


def _of_patches(each: Sequence[Patches]) -> dict[str, float | None]:
    blade = sum(patches.blade for patches in each)
    if not blade:
        return {"patch_recall": None, "kept_patches": None}
    return {
        "patch_recall": round(sum(patches.found for patches in each) / blade, 5),
        "kept_patches": round(sum(patches.kept for patches in each) / blade, 3),
    }


def _areas(scores: Sequence[PictureScore], row: str) -> dict[str, float]:
    areas = {}
    for measure in ("accuracy", "recall", "f1"):
        values = [getattr(score.rows[row].whole, measure) for score in scores]
        known = [value for value in values if value is not None]
        if known:
            areas[measure] = round(acceptance_curve(known).area, 5)
    return areas


def _goodness(score: PictureScore) -> tuple[float, float]:
    final = score.rows["final"]
    patch_recall = 1.0 if final.patches.recall is None else final.patches.recall
    return patch_recall, final.inner.accuracy if final.inner.f1 is None else final.inner.f1


def _described(score: PictureScore, rows: Sequence[str]) -> dict[str, object]:
    told: dict[str, object] = {
        "height": score.size[0],
        "width": score.size[1],
        "blade_share": round(score.blade_share, 4),
        "forest_used": score.forest_used,
    }
    if score.surface:
        told["surface"] = score.surface
    if score.tags:
        told["tags"] = list(score.tags)
    if score.warnings:
        told["warnings"] = list(score.warnings)
    told["rows"] = {row: _numbers(score.rows[row]) for row in rows}
    return told


def _numbers(score: RowScore) -> list[float | None]:
    counts = [score.patches.blade, score.patches.found, score.patches.kept]
    values = [getattr(each, name) for each in (score.whole, score.inner) for name in MEASURES]
    return [*counts, *(None if value is None else round(value, 4) for value in values)]
