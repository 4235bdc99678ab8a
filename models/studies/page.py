"""Studies as Markdown: a page each, and one that leads to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import fmean

from models.evaluation.markdown import made_by, table
from models.studies.compare import (
    Report,
    against,
    group_first,
    label,
    level_rates,
    loss_changes,
    seconds_trained,
)
from models.studies.study import Study

CAUTION = (
    "So small a budget shows which variant learns faster at first and what its parts cost. It "
    "does not show which is best at the end: the literature trains wider networks for a million "
    "steps and more, and an order of variants may turn around on the way. Differences as small as "
    "that between two seeds, where a study has two, mean nothing."
)


def page(report: Report) -> str:
    """A study's question, tables and plot, from its results."""
    parts = [f"# {report['title']}", report["question"], f"> {report['claim']}", _trained(report)]
    sections = _lossy if report["kind"] == "lossy" else _lossless
    parts += [CAUTION, *sections(report), f"![{report['title']}]({report['name']}.png)"]
    definitions = [f"- `{name}`: {text}" for name, text in report["definitions"].items()]
    parts += ["## Definitions", "\n".join(definitions), made_by(report)]
    return "\n\n".join(parts) + "\n"


def index(studies: Mapping[str, Study], reports: Mapping[str, Report]) -> str:
    """What every study asks, what its paper says, and what came out here, by their names."""
    parts = ["# Studies", "The papers' questions at equal, small budget. " + CAUTION]
    for name, study in studies.items():
        if name in reports:
            report = reports[name]
            title = f"[{report['title']}]({name}.md)"
            found = f"Here, {report['steps']} steps: {_found(report)}."
        else:
            title, found = study.title, "Here: not run yet."
        parts += [f"## {title}", study.question, f"- {study.claim}\n- {found}"]
    return "\n\n".join(parts) + "\n"


def _trained(report: Report) -> str:
    data, machine = report["data"], report["machine"]
    stages = ", ".join(
        f"{stage['steps']} with loss `{stage['loss']}`" for stage in report["stages"]
    )
    folders = " and ".join(
        f"{len(pictures)} pictures of `{name}`" for name, pictures in report["folders"].items()
    )
    start = (
        ", from transforms that begin as one and the same linear codec, a wavelet packet"
        if report["wavelet_start"]
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


def _found(report: Report) -> str:
    """The main figure of every variant in one sentence."""
    variants, texts = report["variants"], []
    for folder in report["folders"]:
        if report["kind"] == "lossless":
            figures = [f"{label(v)} {v['measured'][folder]['bpp']:.2f}" for v in variants]
            texts.append(f"bits a pixel on `{folder}`: {', '.join(figures)}")
            continue
        first = variants[0]["measured"][folder]
        for measure in report["plotted"]:
            figures = [
                f"{label(v)} {_percent(against(v['measured'][folder], first, measure))}"
                for v in variants[1:]
            ]
            name = "PSNR" if measure == "psnr" else "MS-SSIM"
            texts.append(f"BD-rate in {name} against {label(variants[0])}: {', '.join(figures)}")
    return "; ".join(texts)


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
