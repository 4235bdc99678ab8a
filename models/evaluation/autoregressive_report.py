"""The rates of ``autoregressive`` as Markdown and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from models.evaluation.markdown import made_by, table

Report = dict[str, Any]

ORDERS = {"one_after_another": "one after another", "coarse_to_fine": "coarse to fine"}
COLOURS = {"one_after_another": "#0072B2", "coarse_to_fine": "#D55E00"}
FORMS = {False: "scales only", True: "scales and means"}
STYLES = {False: "-", True: "--"}


def curve(source: Report, order: str, free_means: bool) -> tuple[list[int], list[float]]:
    """Levels and bits a symbol of one order and form."""
    runs = [
        run for run in source["runs"] if (run["order"], run["free_means"]) == (order, free_means)
    ]
    return [run["levels"] for run in runs], [run["bits"] for run in runs]


def share_gained(source: Report, bits: float) -> float:
    """How much of what lies between a factorized model and the source's own rate is gained."""
    factorized = next(run["bits"] for run in source["runs"] if run["levels"] == 1)
    return float((factorized - bits) / (factorized - source["entropy_rate"]))


def as_markdown(report: Report) -> str:
    """A table a source, and what they mean."""
    length = f"{report['length']:,}"
    parts = [
        "# Nested latents in place of an autoregressive model",
        "A small numerical demonstration of the nested paper's section 2.4: a chain of latents "
        "whose every level holds what the level above held, and more. A copy costs nothing, so "
        "with a level a component the chain is the autoregressive model; here it has far fewer. "
        f"Two sources whose entropy rate is known, {length} whole numbers to fit conditionals to, "
        f"another {length} to count bits on. A symbol is predicted from the {report['context']} "
        f"nearest known ones on each side, by the autoregressive model from the {report['past']} "
        "before it.",
        "Levels are decoded one after another, the symbols of a level all at once. With one level "
        "the model is factorized; with two it is a checkerboard. In brackets: percent of the way "
        "from the factorized model to the source's entropy rate.",
        "![Bits a symbol over levels](autoregressive.png)",
    ]
    for source in report["sources"]:
        parts += [f"## {source['title']}", _rates(source, report["length"])]
    parts += [
        "Neighbours of the Gaussian source tell where a symbol lies: zero-mean levels, which learn "
        "only how large it is, stay far from the optimum there, with the autoregressive model of "
        "that kind. An analysis transform has to take such dependence away first. Neighbours of "
        "the ARCH source tell the scale and nothing else, as latents behind a good transform do: "
        "there zero-mean levels are enough. Coarse to fine, its upper levels lie too "
        "far apart to tell each other anything, and a Gaussian of learnt scale fits such heavy "
        "tails worse than the trained density of the topmost level: levels beyond the reach of "
        "the dependence cost a little again.",
        made_by(report),
    ]
    return "\n\n".join(parts) + "\n"


def _rates(source: Report, length: int) -> str:
    rows = []
    for order, title in ORDERS.items():
        levels, scales = curve(source, order, False)
        _, both = curve(source, order, True)
        for number, pair in zip(levels, zip(scales, both, strict=True), strict=True):
            if number > 1:
                rows.append(_row(source, title, number, number, pair))
    pair = (source["runs"][0]["bits"],) * 2
    first = _row(source, "factorized", 1, 1, pair)
    own = source["autoregressive"]
    pair = own["zero_means"], own["free_means"]
    last = _row(source, "autoregressive", "", length, pair)
    rate = f"{source['entropy_rate']:.3f}"
    entropy = ("entropy rate", "", "", rate, rate)
    head = ("decoded", "levels", "steps", *(f"bits, {form}" for form in FORMS.values()))
    return table(head, [first, *rows, last, entropy])


def _row(
    source: Report, title: str, levels: int | str, steps: int, bits: tuple[float, ...]
) -> tuple[str, ...]:
    shown = (f"{one:.3f} ({100 * share_gained(source, one):.0f})" for one in bits)
    return title, str(levels), f"{steps:,}", *shown


def draw(report: Report, path: Path) -> None:
    """Bits a symbol over the number of levels, a panel a source, as PNG."""
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 4.2), layout="constrained")
        panels = figure.subplots(1, len(report["sources"]), squeeze=False)[0]
        for axes, source in zip(panels, report["sources"], strict=True):
            for order, title in ORDERS.items():
                for free_means, form in FORMS.items():
                    levels, bits = curve(source, order, free_means)
                    axes.plot(
                        levels,
                        bits,
                        color=COLOURS[order],
                        linestyle=STYLES[free_means],
                        marker="o",
                        markersize=3.5,
                        label=f"{title}, {form}",
                    )
            steps = f"{report['length']:,} steps"
            axes.axhline(
                source["autoregressive"]["zero_means"],
                color="0.45",
                linewidth=1,
                label=f"autoregressive, scales only: {steps}",
            )
            axes.axhline(
                source["autoregressive"]["free_means"],
                color="black",
                linestyle="--",
                linewidth=1,
                label=f"autoregressive, scales and means: {steps}",
            )
            axes.set_title(f"{source['title']}, entropy rate {source['entropy_rate']:.2f}")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlabel("levels, each one step of decoding")
            axes.set_ylabel("bits a symbol")
            axes.grid(alpha=0.3)
        panels[0].legend(frameon=False, fontsize=8)
        figure.savefig(path, dpi=120, metadata={"Software": None})
