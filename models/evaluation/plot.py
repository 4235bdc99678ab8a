"""Rate-distortion curves as a picture."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from models.evaluation.summary import Measure, in_decibels

# Okabe and Ito's colours, which the colour-blind can tell apart; black, blue and grey are ours.
OURS = ("black", "#0072B2", "#666666")
THEIRS = {
    "jpeg": "#E69F00",
    "jpeg2000": "#56B4E9",
    "webp": "#009E73",
    "avif": "#D55E00",
    "jpegxl": "#CC79A7",
}
# Bits a pixel; beyond, few would compress at all, and the rest would be drawn smaller for it.
HIGHEST_RATE = 3.0


def draw(report: dict[str, Any], path: Path) -> None:
    """Write the averaged curves of a report as PNG: PSNR, and MS-SSIM where there is any.

    MS-SSIM is shown as -10 log10(1 - MS-SSIM), which spreads what crowds at 1.
    """
    codecs = report["codecs"]
    has_structure = any(any(codec["curve"]["ms_ssim"]) for codec in codecs.values())
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11 if has_structure else 6, 4.8), layout="constrained")
        axes = figure.subplots(1, 2 if has_structure else 1, squeeze=False)[0]
        _panel(axes[0], report, "psnr", "PSNR in dB (RGB)")
        if has_structure:
            _panel(axes[1], report, "ms_ssim", "MS-SSIM (RGB) in dB")
        axes[0].legend(frameon=False)
        count, folder = len(report["images"]["pictures"]), report["images"]["folder"]
        figure.suptitle(f"Mean over {count} pictures of {folder}, whole files")
        # Without these the file would tell the version that drew it, and differ for nothing.
        figure.savefig(path, dpi=120, metadata={"Software": None})


def _panel(axes: Axes, report: dict[str, Any], measure: Measure, label: str) -> None:
    colours = THEIRS | dict(zip(report["models"], cycle(OURS), strict=False))
    for key, codec in report["codecs"].items():
        rates, values = _shown(codec["curve"], measure)
        ours = key in report["models"]
        axes.plot(
            rates,
            values,
            color=colours[key],
            linewidth=2.2 if ours else 1.3,
            marker="o",
            markersize=4.5 if ours else 2.5,
            zorder=3 if ours else 2,
            label=codec["title"],
        )
    if measure == "psnr":
        for style, curve in zip(("--", ":", "-."), report["published"].values(), strict=False):
            rates, values = _shown(curve["curve"], measure)
            axes.plot(
                rates,
                values,
                color="0.45",
                linewidth=1.2,
                linestyle=style,
                zorder=1,
                label=f"published: {curve['title']}",
            )
    axes.set_xscale("log")
    axes.set_xticks([0.0625, 0.125, 0.25, 0.5, 1, 2])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:.3g}"))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("bits a pixel")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)


def _shown(
    curve: dict[str, list[float | None]], measure: Measure
) -> tuple[list[float], list[float]]:
    rates, values = [], []
    for rate, value in sorted(zip(curve["bpp"], curve[measure], strict=True)):
        shown = in_decibels(measure, value)
        if rate is None or shown is None or rate > HIGHEST_RATE:
            continue
        rates.append(rate)
        values.append(shown)
    return rates, values
