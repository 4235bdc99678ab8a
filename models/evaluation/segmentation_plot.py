"""Acceptance-ratio curves as a picture (figures 7 and 8 of the paper)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from models.evaluation.segmentation_acceptance import acceptance_curve
from models.evaluation.segmentation_markdown import TITLES

_MEASURES = {"accuracy": "accuracy", "recall": "recall", "f1": "F1-score"}
# Okabe and Ito's colours; black is the result.
_STYLES = {
    "network": ("#E69F00", "-"),
    "holes": ("#56B4E9", "-"),
    "forest_vote": ("#009E73", "-"),
    "final": ("black", "-"),
    "forest_alone": ("#CC79A7", "--"),
    "baseline": ("#D55E00", "--"),
}


def draw_acceptance(report: dict[str, Any], path: Path) -> None:
    """Write the curves of a report as PNG, one panel a measure, zoomed to where they differ."""
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(12, 4.2), layout="constrained")
        for axes, measure in zip(figure.subplots(1, len(_MEASURES)), _MEASURES, strict=True):
            _panel(axes, report, measure)
        figure.axes[0].legend(frameon=False, loc="lower left")
        images = report["images"]
        figure.suptitle(f"Share of {images['pictures']} pictures of {images['folder']} above …")
        # Without these the file would tell the version that drew it, and differ for nothing.
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _panel(axes: Axes, report: dict[str, Any], measure: str) -> None:
    place = report["columns"].index(measure)
    lowest = 1.0
    for row, (colour, style) in _STYLES.items():
        if row not in report["acceptance"]:
            continue
        values = [picture["rows"][row][place] for picture in report["pictures"].values()]
        known = [value for value in values if value is not None]
        if not known:
            continue
        curve = acceptance_curve(known)
        lowest = min(lowest, curve.thresholds[0])
        axes.step(
            [0.0, *curve.thresholds],
            curve.ratios,
            where="post",
            color=colour,
            linestyle=style,
            linewidth=2.2 if row == "final" else 1.3,
            label=TITLES[row],
        )
    axes.set_xlim(max(0.0, lowest - 0.02), 1.0)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(f"… this {_MEASURES[measure]}")
    axes.grid(alpha=0.3)
