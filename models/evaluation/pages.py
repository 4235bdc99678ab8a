"""A page a report: Markdown beside its JSON file and, where figures alone can tell it, a plot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.evaluation import (
    autoregressive_report,
    bits_back_report,
    lossless_report,
    markdown,
    plot,
    profiles_report,
    segmentation_markdown,
    segmentation_plot,
)
from models.evaluation.report_file import read_json

Report = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """What is made of one kind of report; ``draw`` writes its plot, a PNG, to a path."""

    text: Callable[[Report], str]
    draw: Callable[[Report, Path], None] | None = None


PAGES = {
    "rd": Page(markdown.long, plot.draw),
    "exactness": Page(markdown.exactness_page),
    "lossless": Page(lossless_report.as_markdown, lossless_report.draw),
    # Its picture shows pieces of photographs, which a report does not hold.
    "profiles": Page(profiles_report.as_markdown),
    "segmentation": Page(
        segmentation_markdown.segmentation_page, segmentation_plot.draw_acceptance
    ),
    "bits_back": Page(bits_back_report.markdown, bits_back_report.draw),
    "autoregressive": Page(autoregressive_report.as_markdown, autoregressive_report.draw),
}
"""By the name of the JSON file."""


def reports_in(folder: Path) -> Iterator[Path]:
    """The JSON files below a folder that have a page, by kind and path."""
    for kind in PAGES:
        yield from sorted(folder.glob(f"**/{kind}.json"))


def write_page(path: Path) -> str:
    """Write page and plot beside a JSON file of ``PAGES``; what the page says."""
    report, page = read_json(path), PAGES[path.stem]
    text = page.text(report)
    path.with_suffix(".md").write_text(text, encoding="utf-8")
    if page.draw is not None:
        page.draw(report, path.with_suffix(".png"))
    return text
