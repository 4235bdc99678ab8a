"""A study as a picture."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from models.studies.compare import Report, curve, label, level_rates

# Okabe and Ito's, which the colour-blind can tell apart.
COLOURS = ("black", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2", "#999999")
LABELS = {"psnr": "PSNR in dB (RGB)", "ms_ssim": "MS-SSIM (RGB) in dB"}
WIDTH, HEIGHT = 5.2, 4.2


def draw(report: Report, path: Path) -> None:
    """Write a study's plot as PNG.

    Lossy: rate-distortion curves, a column a group of variants, a row a measure; then, where some
    variant has more than two levels of latents, the share of bits above the lowest. Lossless: bits
    a pixel by part, a column a folder of pictures.
    """
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = _lossy(report) if report["kind"] == "lossy" else _lossless(report)
        figure.suptitle(f"{report['title']} ({report['steps']} steps each)")
        # Without these the file would tell the version that drew it, and differ for nothing.
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _lossy(report: Report) -> Figure:
    variants, folders = report["variants"], list(report["folders"])
    groups = list(dict.fromkeys(variant["group"] for variant in variants))
    titles = list(dict.fromkeys(variant["title"] for variant in variants))
    colours = {title: COLOURS[n % len(COLOURS)] for n, title in enumerate(titles)}
    deep = any(len(v["measured"][folders[0]]["levels"]) > 2 for v in variants)
    panels = [(folder, measure) for folder in folders for measure in report["plotted"]]
    # A single group leaves the columns to the measures.
    across = len(groups) == 1
    rows, columns = (1, len(panels)) if across else (len(panels), len(groups))
    rows += deep
    figure = Figure(figsize=(max(1.3, columns) * WIDTH, rows * HEIGHT), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey="row" if not across else False)
    for number, (folder, measure) in enumerate(panels):
        for column, group in enumerate(groups):
            panel = axes[0][number] if across else axes[number][column]
            own = [variant for variant in variants if variant["group"] == group]
            for variant in own:
                _curve(panel, variant, folder, measure, colours[variant["title"]])
            _rate_axis(panel)
            panel.set_title(group)
            panel.set_ylabel(f"{LABELS[measure]}, {folder}")
            panel.legend(frameon=False)
    if deep:
        for column, group in enumerate(groups):
            own = [variant for variant in variants if variant["group"] == group]
            _shares(axes[-1][column], own, folders[0])
        for unused in axes[-1][len(groups) :]:
            unused.set_axis_off()
    return figure


def _curve(panel: Axes, variant: Report, folder: str, measure: str, colour: str) -> None:
    points = curve(variant["measured"][folder], "psnr" if measure == "psnr" else "ms_ssim")
    rates, values = zip(*points, strict=True)
    panel.plot(
        rates, values, color=colour, marker="o", markersize=3, linewidth=1.4, label=variant["title"]
    )


def _rate_axis(panel: Axes) -> None:
    panel.set_xscale("log")
    panel.set_xticks([0.0625, 0.125, 0.25, 0.5, 1, 2, 4])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:.3g}"))
    panel.set_xlabel("bits a pixel")
    panel.grid(alpha=0.3)


def _shares(panel: Axes, variants: list[Report], folder: str) -> None:
    """Share of the bits that each level above the lowest takes, in percent, a bar a variant."""
    rates = [level_rates(variant["measured"][folder]) for variant in variants]
    upper = list(dict.fromkeys(name for each in rates for name in list(each)[1:]))
    bottom = [0.0] * len(rates)
    for number, name in enumerate(upper):
        values = [100 * each.get(name, 0.0) / sum(each.values()) for each in rates]
        panel.bar(range(len(rates)), values, bottom=bottom, color=COLOURS[number + 1], label=name)
        bottom = [low + value for low, value in zip(bottom, values, strict=True)]
    panel.set_xticks(range(len(rates)), [variant["title"] for variant in variants])
    panel.set_ylabel("upper levels' share of the bits, %")
    panel.margins(y=0.25)
    panel.grid(alpha=0.3, axis="y")
    panel.legend(frameon=False)


def _lossless(report: Report) -> Figure:
    variants, folders = report["variants"], list(report["folders"])
    figure = Figure(figsize=(len(folders) * 1.2 * WIDTH, HEIGHT), layout="constrained")
    axes = figure.subplots(1, len(folders), squeeze=False)[0]
    for panel, folder in zip(axes, folders, strict=True):
        found = [variant["measured"][folder] for variant in variants]
        names = list(dict.fromkeys(name for each in found for name in each["parts"]))
        left = [0.0] * len(found)
        for number, name in enumerate(names):
            values = [each["parts"].get(name, 0.0) for each in found]
            colour = COLOURS[(number + 1) % len(COLOURS)]
            panel.barh(range(len(found)), values, left=left, color=colour, label=name)
            left = [low + value for low, value in zip(left, values, strict=True)]
        alone = [each["alone_bpp"] - each["bpp"] for each in found]
        panel.barh(
            range(len(found)),
            alone,
            left=left,
            color="white",
            edgecolor="black",
            hatch="////",
            label="initial bits, patch alone",
        )
        for row, each in enumerate(found):
            panel.annotate(f" {each['bpp']:.2f}", (each["alone_bpp"], row), va="center", fontsize=8)
        panel.set_yticks(range(len(found)), [label(variant) for variant in variants])
        panel.invert_yaxis()
        panel.set_xlabel(f"bits a pixel, {folder}")
        panel.set_xlim(0, 1.12 * max(each["alone_bpp"] for each in found))
        panel.grid(alpha=0.3, axis="x")
    axes[0].legend(frameon=False, fontsize=7, loc="lower left")
    return figure
