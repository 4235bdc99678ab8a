"""Results of the segmentation as Markdown, in the layout of the paper's Table I."""

from __future__ import annotations

from typing import Any

from models.evaluation.markdown import made_by, table

Report = dict[str, Any]

TITLES = {
    "network": "network",
    "holes": "fill holes",
    "forest_vote": "random forest",
    "final": "fill holes 2",
    "forest_alone": "forest without the network's vote",
    "baseline": "U-Net, cross-entropy",
}
"""Of the columns; Table I calls the network BU-Netv2."""
_MEASURES = {"accuracy": "Accuracy", "recall": "Recall", "f1": "F1-score", "miou": "mIoU"}
_GROUPS = {"all": "All pictures", "blade": "Pictures with at least 5 % blade"}
_TIMES = {1: "once", 2: "twice (as it is and mirrored)", 4: "four times (with all flips)"}
_WORST = 12


def segmentation_page(report: Report) -> str:
    """The whole page; the plot lies beside it."""
    groups = report["groups"]
    parts = ["# Segmentation", _introduction(report), _patches(report)]
    for name, title in _GROUPS.items():
        if name in groups:
            count = groups[name]["pictures"]
            parts += [f"## {title} ({count})", _steps(report, groups[name])]
    parts += ["## Acceptance-ratio curves", "![Acceptance-ratio curves](segmentation.png)"]
    parts += ["## The paper's figures, on other pictures", _paper(report)]
    if report["tags"]:
        parts += ["## By what makes a picture hard", _tags(report)]
    parts += ["## The worst pictures first", _worst(report)]
    definitions = [f"- `{name}`: {text}" for name, text in report["definitions"].items()]
    parts += ["## Definitions", "\n".join(definitions), made_by(report)]
    return "\n\n".join(parts) + "\n"


def short(report: Report, folder: str) -> str:
    """What the README shows; ``folder`` is where the page lies, seen from there."""
    large = report["groups"].get("blade", report["groups"]["all"])
    columns = _columns(report, large)
    rows = [("Patch recall [%]", *(_percent(large[row]["patch_recall"]) for row in columns))]
    for measure in ("recall", "f1", "miou"):
        values = (_percent(large[row]["inner"][measure]) for row in columns)
        rows.append((f"{_MEASURES[measure]} off the boundary [%]", *values))
    whole = report["groups"]["all"]
    return "\n\n".join(
        [
            "### Masks",
            f"Where the blade is: `{report['model']['name']}/{report['model']['version']}` on "
            f"{report['images']['pictures']} photographs with masks that it never learnt from; "
            f"{large['pictures']} of them with at least 5 % blade:",
            table(("after each step", *(TITLES[row] for row in columns)), rows),
            "Patch recall is the share of the patches with blade that are coded as blade; off the "
            "boundary is without the few pixels at a blade's edge, where no label is certain. "
            + _forest(report),
            f"In all {whole['pictures']} pictures together, those with less blade too, "
            f"{_percent(whole['final']['patch_recall'])} % of the patches with blade are kept; F1 "
            f"off the boundary is {_percent(whole['final']['inner']['f1'])} % there. All "
            f"figures, what makes a picture hard, the worst ones, and the paper's figures: "
            f"[{folder}/segmentation.md]({folder}/segmentation.md).",
            made_by(report),
        ]
    )


def _introduction(report: Report) -> str:
    model, machine, images = report["model"], report["machine"], report["images"]
    stages = ", ".join(f"{stage} {seconds:.3f} s" for stage, seconds in report["seconds"].items())
    return (
        f"Model `{model['name']}/{model['version']}` on "
        f"{images['pictures']} pictures of `{images['folder']}`, each step at the picture's own "
        f"size. A picture took {sum(report['seconds'].values()):.2f} s ({stages}) on "
        f"{machine['cores']} cores of {machine['processor']}."
    )


def _patches(report: Report) -> str:
    rows = []
    for name, title in _GROUPS.items():
        group = report["groups"].get(name)
        if group is None:
            continue
        last, compressed = group["final"], group["compressed"]
        rows.append(
            (
                title,
                str(group["pictures"]),
                _percent(last["patch_recall"]),
                _percent(compressed["patch_recall"]),
                _ratio(compressed["kept_patches"]),
                _percent(last["least_recall"]),
            )
        )
    head = (
        *("", "pictures", "patch recall", "patch recall in /compress"),
        *("patches kept for each with blade", "recall of the worst picture"),
    )
    note = (
        f"Patch recall is with the margin of {report['dilation_pixels']} pixels. /compress keeps "
        "all of a picture where no blade is found or nearly nothing else. " + _forest(report)
    )
    return f"{table(head, rows)}\n\n{note}"


def _heard(report: Report) -> int:
    """In how many pictures the forest had a vote."""
    return sum(picture["forest_used"] for picture in report["pictures"].values())


def _forest(report: Report) -> str:
    heard = _heard(report)
    text = f"The random forest had a vote in {heard} of {len(report['pictures'])} pictures; "
    if not heard:
        return text + "from there on the columns show what the step before had found."
    return text + "in the others its columns show what the step before had found."


def _columns(report: Report, group: Report) -> list[str]:
    """The rows of a group that tell something: no opinion of a forest that nobody heard."""
    silent = {"forest_alone"} if not _heard(report) else set()
    return [row for row in TITLES if row in group and row not in silent]


def _steps(report: Report, group: Report) -> str:
    columns = _columns(report, group)
    rows = [("Patch recall [%]", *(_percent(group[row]["patch_recall"]) for row in columns))]
    for measure, title in _MEASURES.items():
        rows.append((f"{title} [%]", *(_percent(group[row][measure]) for row in columns)))
    for measure, title in _MEASURES.items():
        values = (_percent(group[row]["inner"][measure]) for row in columns)
        rows.append((f"{title} off the boundary [%]", *values))
    return table(("Performance metric", *(TITLES[row] for row in columns)), rows)


def _paper(report: Report) -> str:
    paper = report["paper"]
    columns = [row for row in TITLES if row in paper]
    rows = [
        (f"{title} [%]", *(_percent(paper[row].get(measure)) for row in columns))
        for measure, title in _MEASURES.items()
    ]
    return table(("Performance metric", *(TITLES[row] for row in columns)), rows)


def _tags(report: Report) -> str:

    def goodness(tag: str) -> tuple[float, str]:
        patch_recall = report["tags"][tag]["final"]["patch_recall"]
        return (1.0 if patch_recall is None else patch_recall), tag

    tagged = [(tag, report["tags"][tag]) for tag in sorted(report["tags"], key=goodness)]
    rows = [
        (
            tag,
            str(group["pictures"]),
            _percent(group["final"]["patch_recall"]),
            _percent(group["final"]["accuracy"]),
            *(_percent(group["final"]["inner"][name]) for name in ("recall", "f1", "miou")),
            _percent(group["final"]["least_recall"]),
        )
        for tag, group in tagged
    ]
    head = ("tag", "pictures", "patch recall", "accuracy", "recall", "F1", "mIoU", "least recall")
    return f"{table(head, rows)}\n\nRecall, F1 and mIoU are off the boundary."


def _worst(report: Report) -> str:
    place = {name: number for number, name in enumerate(report["columns"])}
    rows = []
    for name, picture in list(report["pictures"].items())[:_WORST]:
        final = picture["rows"]["final"]
        blade, found = final[place["patches_blade"]], final[place["patches_found"]]
        rows.append(
            (
                name,
                ", ".join(picture.get("tags", [])),
                _percent(picture["blade_share"]),
                f"{found} of {blade}",
                *(_percent(final[place[f"inner_{name}"]]) for name in ("recall", "f1")),
                " ".join(picture.get("warnings", [])),
            )
        )
    return table(("picture", "tags", "blade", "patches found", "recall", "F1", "warnings"), rows)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
