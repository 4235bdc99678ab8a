"""Studies as Markdown: a page each, and one that leads to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import fmean

from models.evaluation.markdown import MEASURES, made_by, table
from models.studies.compare import (
    Report,
    against,
    group_first,
    label,
    level_rates,
    loss_changes,
    second_seeds,
    seconds_trained,
)
from models.studies.study import Study

CAUTION = (
    "So small a budget shows which variant learns faster at first and what its parts cost. It "
    "does not show which is best at the end: the literature trains wider networks for a million "
    "steps and more, and an order of variants may turn around on the way."
)

TRIED = "TRIED.md"
"""Written by hand, beside the pages."""


def page(report: Report, reports: Mapping[str, Report]) -> str:
    """A study's question, tables and plot, from its results.

    ``reports`` are those of all studies by name: another may know how far two seeds lie apart.
    """
    parts = [f"# {report['title']}", report["question"], f"> {report['claim']}", _trained(report)]
    sections = _lossy if report["kind"] == "lossy" else _lossless
    parts += [
        CAUTION,
        _seeds(report, reports),
        *sections(report),
        f"![{report['title']}]({report['name']}.png)",
    ]
    definitions = [f"- `{name}`: {text}" for name, text in report["definitions"].items()]
    parts += ["## Definitions", "\n".join(definitions), made_by(report)]
    return "\n\n".join(parts) + "\n"


def index(studies: Mapping[str, Study], reports: Mapping[str, Report]) -> str:
    """What every study asks, what its paper says, and what came out here, by their names."""
    parts = ["# Studies", "The papers' questions at equal, small budget. " + CAUTION]
    if spreads := _spreads(reports):
        parts.append(" ".join([*spreads, "The other studies have one seed a network."]))
    parts.append(f"What else was tried, what was kept and what lost: [{TRIED}]({TRIED}).")
    for name, study in studies.items():
        if name in reports:
            report = reports[name]
            title = f"[{report['title']}]({name}.md)"
            found = [f"Here, {report['steps']} steps:", _found(report)]
        else:
            title, found = study.title, ["Here: not run yet."]
        parts += [f"## {title}", study.question, f"> {study.claim}", *found]
    return "\n\n".join(parts) + "\n"


def _trained(report: Report) -> str:
    data, machine = report["data"], report["machine"]
    stages = ", ".join(_stage(stage) for stage in report["stages"])
    folders = " and ".join(
        f"{len(pictures)} pictures of `{name}`" for name, pictures in report["folders"].items()
    )
    start = (
        ", from transforms that begin as one and the same linear codec, a wavelet packet"
        if report["wavelet_start"]
        or all(v["model"]["arguments"].get("wavelet_start") for v in report["variants"])
        else ""
    )
    return (
        f"Each variant: {report['steps']} steps ({stages}) of {data['batch']} crops of "
        f"{data['crop'][0]}x{data['crop'][1]}, the same crops in the same order{start}. Steps are "
        f"equal, not minutes: seconds of training were taken beside other work on the same cores, "
        f"and variants cannot be compared by them. Measured on {folders}, which no "
        f"variant learnt from, cut to multiples of 256 pixels, on {machine['cores']} cores of "
        f"{machine['processor']}."
    )


def _stage(stage: Report) -> str:
    words = f"{stage['steps']} with loss `{stage['loss']}`"
    if stage.get("parts"):
        words += f" of {', '.join(f'`{part}`' for part in stage['parts'])} alone"
    return words


def _seeds(report: Report, reports: Mapping[str, Report]) -> str:
    """What of a study's differences may be chance, as far as that was measured."""
    if second_seeds(report["variants"]):
        return _spread(report)
    text = "No network here was trained from a second seed, so that what chance does is not known."
    return " ".join([text, *_spreads(reports)])


def _spreads(reports: Mapping[str, Report]) -> list[str]:
    return [_spread(each) for each in reports.values() if second_seeds(each["variants"])]


def _spread(report: Report) -> str:
    """How far the seeds of a study lie apart."""
    texts = []
    for first, other in second_seeds(report["variants"]):
        figures = []
        for folder in report["folders"]:
            one, two = first["measured"][folder], other["measured"][folder]
            if report["kind"] == "lossless":
                figures.append(f"{abs(two['bpp'] - one['bpp']):.3f} bits a pixel on `{folder}`")
                continue
            rates = [(name, against(two, one, measure)) for measure, name in MEASURES.items()]
            shared = [f"{abs(rate):.1f} % in {name}" for name, rate in rates if rate is not None]
            figures.append(f"a BD-rate of {' and '.join(shared)} on `{folder}`")
        texts.append(f"{label(first)} by {', '.join(figures)}")
    return (
        f"Two seeds of the same network lie apart in [{report['title']}]({report['name']}.md), "
        f"{report['steps']} steps: {'; '.join(texts)}. Smaller differences after so few steps do "
        "not tell which network is better."
    )


def _found(report: Report) -> str:
    """The main figures of every variant; of lossy ones against the first."""
    variants, folders = report["variants"], list(report["folders"])
    if report["kind"] == "lossless":
        head = ["variant", *(f"bits a pixel on `{folder}`" for folder in folders)]
        rows = [
            [label(v), *(f"{v['measured'][folder]['bpp']:.2f}" for folder in folders)]
            for v in variants
        ]
        return table(head, rows)
    first, *others = variants
    columns = [(folder, measure) for folder in folders for measure in report["plotted"]]
    head = [f"against {label(first)}"]
    for folder, measure in columns:
        head.append(f"BD-rate in {MEASURES[measure]} on `{folder}`")
    rows = []
    for variant in others:
        rates = [
            against(variant["measured"][folder], first["measured"][folder], measure)
            for folder, measure in columns
        ]
        rows.append([label(variant), *(_percent(rate) for rate in rates)])
    return table(head, rows)


# -- lossy ------------------------------------------------------------------------------------


def _lossy(report: Report) -> list[str]:
    parts = []
    for folder in report["folders"]:
        if len(report["folders"]) > 1:
            parts.append(f"## On `{folder}`")
        first = label(report["variants"][0])
        parts += [
            f"BD-rate and loss are against {first}: more (+) or less (−). The loss is the mean "
            "over the eight qualities of its change.",
            _variants(report, folder),
            f"Loss by quality, against {first}:",
            _by_quality(report, lambda v, w: loss_changes(v, w), folder),
            "Bits a pixel of each level, means over the eight qualities:",
            _levels(report, folder),
            "Bits a pixel and PSNR in dB by quality:",
            _points(report, folder),
        ]
    return parts


def _variants(report: Report, folder: str) -> str:
    variants = report["variants"]
    first = variants[0]["measured"][folder]
    grouped = any(variant["group"] for variant in variants)
    rows = []
    for variant in variants:
        found, seconds = variant["measured"][folder], _seconds(variant, folder)
        cells = [label(variant)]
        cells += [_percent(against(found, first, measure)) for measure in ("psnr", "ms_ssim")]
        if grouped:
            own = group_first(variants, variant)["measured"][folder]
            cells.append(_percent(against(found, own, "psnr")))
        cells.append(_percent(fmean(loss_changes(found, first))))
        cells += [f"{variant['parameters'] / 1000:,.0f}", f"{seconds_trained(variant):,.0f}"]
        rows.append([*cells, *seconds])
    head = ["variant", "BD-rate, PSNR", "BD-rate, MS-SSIM"]
    head += ["in its group, PSNR"] if grouped else []
    head += ["loss", "thousand parameters", "training, s", "encode, s/MP", "decode, s/MP"]
    return table(head, rows)


def _seconds(variant: Report, folder: str) -> list[str]:
    seconds = variant["measured"][folder]["seconds_a_megapixel"]
    return [f"{seconds[way]:.2f}" for way in ("encode", "decode")]


def _by_quality(
    report: Report, changes: Callable[[Report, Report], list[float]], folder: str
) -> str:
    variants = report["variants"]
    first = variants[0]["measured"][folder]
    rows = [
        [label(v), *(_percent(each) for each in changes(v["measured"][folder], first))]
        for v in variants[1:]
    ]
    return table(["variant", *(f"q = {quality}" for quality in first["quality"])], rows)


def _levels(report: Report, folder: str) -> str:
    rates = [level_rates(variant["measured"][folder]) for variant in report["variants"]]
    names = list(dict.fromkeys(name for each in rates for name in each))
    rows = []
    for variant, each in zip(report["variants"], rates, strict=True):
        cells = [f"{each[name]:.4f}" if name in each else "" for name in names]
        rows.append([label(variant), f"{sum(each.values()):.3f}", *cells])
    return table(["variant", "all", *(f"`{name}`" for name in names)], rows)


def _points(report: Report, folder: str) -> str:
    rows = []
    for variant in report["variants"]:
        found = variant["measured"][folder]
        pairs = zip(found["bpp"], found["psnr"], strict=True)
        rows.append([label(variant), *(f"{bpp:.2f}, {psnr:.1f}" for bpp, psnr in pairs)])
    qualities = report["variants"][0]["measured"][folder]["quality"]
    return table(["variant", *(f"q = {quality}" for quality in qualities)], rows)


# -- lossless ---------------------------------------------------------------------------------


def _lossless(report: Report) -> list[str]:
    parts = []
    for folder in report["folders"]:
        parts += [f"## On `{folder}`", _bits(report, folder)]
    return parts


def _bits(report: Report, folder: str) -> str:
    found = [variant["measured"][folder] for variant in report["variants"]]
    names = list(dict.fromkeys(name for each in found for name in each["parts"]))
    rows = []
    for variant, each in zip(report["variants"], found, strict=True):
        parts = [f"{each['parts'][name]:.3f}" if name in each["parts"] else "" for name in names]
        rows.append(
            [
                label(variant),
                f"{each['bpp']:.3f}",
                *parts,
                f"{each['initial_bits']:,.0f}",
                f"{each['recursive_initial_bits']:,.0f}",
                f"{each['alone_bpp']:.3f}",
                f"{variant['parameters'] / 1000:,.0f}",
                f"{seconds_trained(variant):,.0f}",
            ]
        )
    head = ["variant", "bits a pixel", *(f"`{name}`" for name in names), "initial bits"]
    head += ["recursive order", "patch alone", "thousand parameters", "training, s"]
    return table(head, rows)


def _percent(value: float | None) -> str:
    return "no shared range" if value is None else f"{value:+.1f} %".replace("-", "−")
