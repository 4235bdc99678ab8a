"""The comparisons of ``bits_back`` as Markdown and as a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from models.evaluation.markdown import table

Report = dict[str, Any]

WAYS = {"sequential": "#D55E00", "alone": "#56B4E9", "lent": "black"}
TITLES = {
    "sequential": "sequential chaining",
    "alone": "a stack a patch, filler",
    "lent": "a stack a patch, lent background",
}


def sums(report: Report) -> dict[tuple[float, str], dict[str, float]]:
    """Arrangements by share and way, summed over pictures."""
    found: dict[tuple[float, str], dict[str, float]] = {}
    for row in report["arrangements"]:
        total = found.setdefault((row["share"], row["way"]), {})
        for key, value in row.items():
            if key not in ("picture", "way", "share"):
                total[key] = total.get(key, 0) + value
    return found


def markdown(report: Report) -> str:
    """All tables, and what they mean."""
    model, machine = report["model"], report["machine"]
    count = len(report["pictures"])
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    parts = [
        "# Bits back",
        f"Model `{model['name']}/{model['version']}` ({report['latents']} levels of latents), "
        f"background `{report['lossy_model']}` at quality 3, on {count} pictures of "
        f"`{report['folder']}` cut to {report['side']} pixels a side, on {machine['cores']} cores "
        f"of {machine['processor']}. Sums over the pictures; everything was decoded and compared.",
        "## Who pays for the first bits",
        _arrangements(report),
        "![Overhead, time and calls](bits_back.png)",
        "## In which order",
        "What a block of 64x64 takes from below its own bits, and what it adds. Only the first "
        "block of a stack pays the former; the latter is the same by construction, but for chance.",
        _orders(report),
        "## Against other models",
        "Whole pictures, every pixel of which is blade, through real files; -ELBO with latents "
        "drawn at random.",
        _models(report),
        "## Definitions",
        "\n".join(f"- `{name}`: {text}" for name, text in report["definitions"].items()),
        f"Made by\n\n```\n{report['command']}\n```\n\nwith {versions}.",
    ]
    return "\n\n".join(parts) + "\n"


def _arrangements(report: Report) -> str:
    rows = []
    for (_, way), row in sums(report).items():
        rows.append(
            (
                f"{row['patches']:g}",
                TITLES[way],
                f"{row['stacks']:g}",
                f"{row['file_bytes']:,.0f}",
                f"{row['blade_bits'] / row['pixels']:.4f}",
                f"{row['filler_bits'] / 1000:.1f}",
                f"{row['lent_bits'] / 1000:.1f}",
                f"{row['encode_seconds']:.2f}",
                f"{row['decode_seconds']:.2f}",
                f"{row['encode_calls']:g}",
                f"{row['decode_calls']:g}",
            )
        )
    first = ("blade patches", "initial bits", "stacks", "files, bytes", "blade, bits a pixel")
    last = ("filler, kbit", "lent, kbit", "encode, s", "decode, s", "calls", "calls back")
    return table((*first, *last), rows)


def _orders(report: Report) -> str:
    rows = []
    for row in report["orders"]:
        for order, title in (("bit_swap", "Bit-Swap"), ("recursive", "plain recursive")):
            found = row[order]
            rows.append(
                (
                    row["picture"],
                    title,
                    f"{found['initial_bits_mean']:,.0f}",
                    f"{found['initial_bits_largest']:,.0f}",
                    f"{found['net_bits_mean']:,.0f}",
                )
            )
    head = ("picture", "order", "initial bits, mean", "largest", "net bits, mean")
    return table(head, rows)


def _models(report: Report) -> str:
    names = list(dict.fromkeys(row["model"] for row in report["models"]))
    rows = []
    for name in names:
        own = [row for row in report["models"] if row["model"] == name]
        pixels = sum(row["pixels"] for row in own)
        bound = sum(row.get("bound_bits", 0) for row in own)
        rows.append(
            (
                f"`{name}`",
                f"{sum(row['file_bits'] for row in own) / pixels:.4f}",
                f"{bound / pixels:.4f}" if bound else "",
                f"{_mean(own, 'encode_seconds_a_megapixel'):.2f}",
                f"{_mean(own, 'decode_seconds_a_megapixel'):.2f}",
            )
        )
    head = ("model", "files, bits a pixel", "-ELBO", "encode, s/MP", "decode, s/MP")
    return table(head, rows)


def _mean(rows: list[Report], key: str) -> float:
    return float(sum(row[key] * row["pixels"] for row in rows) / sum(row["pixels"] for row in rows))


def draw(report: Report, path: Path) -> None:
    """Overhead, time and calls over the share of blade, a line a way, as PNG."""
    found = sums(report)
    panels: tuple[tuple[str, Callable[[dict[str, float]], float]], ...] = (
        ("filler, % of the blade's bits", lambda row: 100 * row["filler_bits"] / row["blade_bits"]),
        ("encode and decode, s", lambda row: row["encode_seconds"] + row["decode_seconds"]),
        ("network calls", lambda row: row["encode_calls"] + row["decode_calls"]),
    )
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(12, 3.6), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for panel, (label, value) in zip(axes, panels, strict=True):
            for way, colour in WAYS.items():
                shares = [share for share, other in found if other == way]
                values = [value(found[share, way]) for share in shares]
                panel.plot(
                    shares, values, color=colour, marker="o", markersize=3, label=TITLES[way]
                )
            panel.set_xlabel("share of patches that are blade")
            panel.xaxis.set_major_formatter(PercentFormatter(1))
            panel.set_ylabel(label)
            panel.set_ylim(bottom=0)
            panel.grid(alpha=0.3)
        axes[0].legend(frameon=False)
        figure.savefig(path, dpi=120, metadata={"Software": None})
