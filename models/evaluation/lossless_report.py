"""What ``models.evaluation.lossless`` found, as Markdown and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from models.evaluation.lossless import MODEL_PREFIX
from models.evaluation.markdown import made_by, table


def as_markdown(report: dict[str, Any]) -> str:
    """A table of codecs, and one of pictures."""
    images, machine = report["images"], report["machine"]
    pictures = images["pictures"]
    what = "their blade patches" if images["masks"] else "all of it blade"
    introduction = (
        f"{len(pictures)} pictures of `{images['folder']}`, {what}: whole files through the real "
        f"encoder and decoder, every pixel compared, on {machine['cores']} cores of "
        f"{machine['processor']}; the other codecs on the same pixels as Pillow runs them."
    )
    parts = ["# Lossless", introduction, _codecs(report), "![Bits a pixel](lossless.png)"]
    parts += ["## Pictures", _pictures(report)]
    definitions = "\n".join(f"- `{key}`: {text}" for key, text in report["definitions"].items())
    return "\n\n".join([*parts, "## Definitions", definitions, made_by(report)]) + "\n"


def short(reports: Sequence[dict[str, Any]], folder: str) -> str:
    """What the README shows of several measurements, one a column; ``folder`` holds theirs.

    The codecs of the first measurement, its smallest files first.
    """
    rows = [
        (
            _versioned(title, codec),
            *(_total(report, title) for report in reports),
        )
        for title, codec in _by_rate(reports[0])
    ]
    names = [report["images"]["folder"] for report in reports]
    introduction = (
        "Bits a pixel of whole files over all pictures of a folder: "
        f"{', '.join(_counted(report) for report in reports)}. Seconds, and what every picture "
        f"comes to, are in {', '.join(f'[{name}]({folder}/{name}/lossless.md)' for name in names)}."
    )
    return "\n\n".join(
        [
            "### Exact pixels",
            introduction,
            table(("codec", *(f"`{name}`" for name in names)), rows),
            *_smaller_as_posted(reports),
            made_by(*reports),
        ]
    )


def _total(report: dict[str, Any], title: str) -> str:
    """Bits a pixel; empty where a codec could not take all pictures."""
    codec = report["codecs"].get(title)
    return "" if codec is None else f"{codec['total_bpp']:.2f}"


def _smaller_as_posted(reports: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence on pictures whose own files, JPEGs mostly, are smaller than any exact pixels."""
    found = []
    for report in reports:
        pictures = report["images"]["pictures"].values()
        pixels = sum(told["width"] * told["height"] for told in pictures)
        rate = 8 * sum(told["posted_bytes"] for told in pictures) / pixels
        if rate < min(codec["total_bpp"] for codec in report["codecs"].values()):
            found.append(f"`{report['images']['folder']}` {rate:.2f}")
    if not found:
        return []
    return [
        "Exact pixels take more than the lossy files that they were decoded from, which, whole, "
        f"have a rate of: {', '.join(found)} bits a pixel."
    ]


def _versioned(title: str, codec: dict[str, Any]) -> str:
    return f"{title} ({codec['version']})" if title.startswith(MODEL_PREFIX) else title


def _counted(report: dict[str, Any]) -> str:
    images = report["images"]
    what = "their blade patches" if images["masks"] else "all of each"
    return f"{len(images['pictures'])} of `{images['folder']}` ({what})"


def _codecs(report: dict[str, Any]) -> str:
    rows = []
    for title, codec in _by_rate(report):
        ours, operations = title.startswith(MODEL_PREFIX), codec.get("kilo_multiply_adds")
        rows.append(
            (
                _versioned(title, codec),
                f"{codec['total_bpp']:.3f}",
                f"{codec['total_model_bpp']:.3f}" if ours else "",
                f"{codec['mean_bpp']:.3f}",
                f"{operations:g}" if operations else "",
                f"{codec['encode_seconds_a_megapixel']:.2f}",
                f"{codec['decode_seconds_a_megapixel']:.2f}",
            )
        )
    head = (
        "codec",
        "bits a pixel, all together",
        "as the model says",
        "mean of pictures",
        "k multiply-adds a pixel",
        "encode, s/MP",
        "decode, s/MP",
    )
    return table(head, rows)


def _pictures(report: dict[str, Any]) -> str:
    codecs = _by_rate(report)
    rows = []
    for number, (name, told) in enumerate(report["images"]["pictures"].items()):
        posted = 8 * told["posted_bytes"] / (told["width"] * told["height"])
        rates = [f"{codec['bpp'][number]:.3f}" for _, codec in codecs]
        rows.append((name, f"{told['pixels'] / 1e6:.2f}", f"{posted:.3f}", *rates))
    titles = [title for title, _ in codecs]
    return table(("picture", "MP", "posted file, bits a pixel", *titles), rows)


def _by_rate(report: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Codecs, the smallest files first."""
    return sorted(report["codecs"].items(), key=lambda item: float(item[1]["total_bpp"]))


def draw(report: dict[str, Any], path: Path) -> None:
    """Write bits a pixel as PNG: a bar a codec for all pictures together, a dot a picture."""
    codecs = _by_rate(report)[::-1]
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7, 0.6 + 0.42 * len(codecs)), layout="constrained")
        axes = figure.subplots()
        for place, (title, codec) in enumerate(codecs):
            ours = title.startswith(MODEL_PREFIX)
            axes.barh(place, codec["total_bpp"], color="0.25" if ours else "0.75", height=0.6)
            axes.plot(
                codec["bpp"],
                [place] * len(codec["bpp"]),
                linestyle="none",
                marker="o",
                markersize=3,
                color="#D55E00",
                alpha=0.7,
            )
        axes.set_yticks(range(len(codecs)), [title for title, _ in codecs])
        count, folder = len(report["images"]["pictures"]), report["images"]["folder"]
        axes.set_xlabel(f"bits a pixel, {count} pictures of {folder}: together (bar) and each")
        axes.grid(alpha=0.3, axis="x")
        # Without these the file would tell the version that drew it, and differ for nothing.
        figure.savefig(path, dpi=120, metadata={"Software": None})
