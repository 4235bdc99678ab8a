"""The README's results: a section for each report that a folder holds."""

from __future__ import annotations

from pathlib import Path

from models.evaluation import lossless_report, markdown, profiles_report, segmentation_markdown
from models.evaluation.report_file import read_json


def results_of(folder: Path) -> str:
    """What stands between the README's markers; ``folder`` is named in it as it is given.

    Raises
    ------
    ValueError
        The folder has none of these reports.
    """
    rates, exactness = folder / "rd.json", folder / "exactness.json"
    profiles = folder / "profiles.json"
    lossless = sorted(folder.glob("lossless/*/lossless.json"))
    segmentation = folder / "segmentation" / "segmentation.json"
    parts, place = [], folder.as_posix()
    if rates.exists():
        parts.append(markdown.short(read_json(rates), place))
    if exactness.exists():
        parts.append(markdown.exactness_short(read_json(exactness), place))
    if lossless:
        reports = [read_json(path) for path in lossless]
        parts.append(lossless_report.short(reports, f"{place}/lossless"))
    if segmentation.exists():
        report = read_json(segmentation)
        parts.append(segmentation_markdown.short(report, f"{place}/segmentation"))
    if profiles.exists():
        parts.append(profiles_report.short(read_json(profiles), place))
    if not parts:
        raise ValueError(f"{folder}: no results")
    return "\n\n".join(parts)
