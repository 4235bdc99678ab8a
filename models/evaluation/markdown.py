"""Results as Markdown: a short form for the README, a long one beside the figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from models.evaluation.summary import Measure

Report = dict[str, Any]

MEASURES: dict[Measure, str] = {"psnr": "PSNR", "ms_ssim": "MS-SSIM"}
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def put_between_markers(document: str, text: str) -> str:
    """``document`` with ``text`` in place of what stands between the markers.

    Raises
    ------
    ValueError
        The markers are not there, once each and in order.
    """
    before, begin, rest = document.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in old + after or END in after:
        raise ValueError(f"the document needs {BEGIN} and {END}, once each and in this order")
    return f"{before}{BEGIN}\n{text.strip()}\n{END}{after}"


def short(report: Report, folder: str) -> str:
    """What the README shows; ``folder`` is where the figures lie, seen from there."""
    return "\n\n".join(
        [
            "### Lossy: rate and distortion",
            _introduction(report),
            _against(report),
            *_our_points(report),
            f"![Rate-distortion curves]({folder}/rd.png)",
            f"The other codecs' points are in [{folder}/rd.md]({folder}/rd.md), those of every "
            f"picture in [{folder}/rd.json]({folder}/rd.json).",
            made_by(report),
        ]
    )


def long(report: Report) -> str:
    """The short form's tables with all points of all codecs."""
    parts = ["# Rate and distortion", _introduction(report), _against(report)]
    parts += ["![Rate-distortion curves](rd.png)"]
    for key, codec in report["codecs"].items():
        parts += [f"## {codec['title']} ({codec['version']})", _points(report, key)]
    parts += ["## Definitions", _definitions(report), made_by(report)]
    return "\n\n".join(parts) + "\n"


def exactness_short(report: Report, folder: str) -> str:
    """What the README shows; ``folder`` is where the figures lie, seen from there."""
    page = f"{folder}/exactness.md"
    return f"{_exactness_sentence(report)} By quality: [{page}]({page}).\n\n{made_by(report)}"


def exactness_page(report: Report) -> str:
    """The price of exactness, and its table."""
    parts = ["# Exactness", _exactness_sentence(report), _exactness_table(report)]
    return "\n\n".join([*parts, made_by(report)]) + "\n"


def _exactness_table(report: Report) -> str:
    """Rate of the prior in float and in integers, by quality."""
    rows = [
        (
            f"{row['quality']:g}",
            f"{row['float_bpp']:.4f}",
            f"{row['exact_bpp']:.4f}",
            _percent(row["price_of_integers"], 2),
            f"{row['tables_bpp']:.4f}",
            _percent(row["price_of_tables"], 2),
        )
        for row in report["qualities"]
    ]
    head = ("q", "float, bpp", "integers, bpp", "price", "integers and whole tables, bpp", "price")
    return table(head, rows)


def _introduction(report: Report) -> str:
    count, folder = len(report["images"]["pictures"]), report["images"]["folder"]
    machine, models = report["machine"], report["models"].values()
    named = ", ".join(f"`{model['name']}/{model['version']}`" for model in models)
    text = (
        f"{'Models' if len(models) > 1 else 'Model'} {named} on {count} pictures of `{folder}`: "
        f"whole files through the real encoder and decoder, the other codecs on the same pictures "
        f"as Pillow runs them, on "
        f"{machine['cores']} cores of {machine['processor']} (networks on {report['provider']})."
    )
    for title, reason in report["peers_left_out"].items():
        text += f" {title} is left out: {reason}."
    return text


def _against(report: Report) -> str:
    comparisons, empty = report["comparisons"], {"encode": None, "decode": None}
    head, rows = ["codec"], []
    for each in comparisons:
        name, measure = report["models"][each["codec"]]["name"], MEASURES[each["measure"]]
        head += [f"BD-rate of `{name}`, {measure}", "of pictures"]
    for key, codec in {**report["codecs"], **report["published"]}.items():
        rates = [_both_means(each["bd_rate"].get(key)) for each in comparisons]
        seconds = codec.get("seconds_a_megapixel", empty).values()
        rows.append(
            (
                codec["title"] + (", published" if key in report["published"] else ""),
                *(cell for pair in rates for cell in pair),
                *("" if value is None else f"{value:.2f}" for value in seconds),
            )
        )
    note = (
        "BD-rate: how many bits that model of ours needs more (+) or less (−) than the codec of "
        "the row for the same PSNR, or the same MS-SSIM, once on the curves averaged over "
        "pictures, once as the mean of every picture's own figure. Seconds a megapixel are means "
        "over all settings."
    )
    return f"{table([*head, 'encode, s/MP', 'decode, s/MP'], rows)}\n\n{note}"


def _both_means(rate: Report | None) -> tuple[str, str]:
    if rate is None:
        return "", ""
    # What was published is an average only.
    each = _percent(rate["of_pictures"]) if "of_pictures" in rate else ""
    return _percent(rate["of_curves"]), each


def _our_points(report: Report) -> list[str]:
    """Our points of each model."""
    found = []
    for key in report["models"]:
        found += [f"`{report['codecs'][key]['version']}`:", _points(report, key)]
    return found


def _points(report: Report, key: str) -> str:
    codec = report["codecs"][key]
    curve = codec["curve"]
    columns = zip(codec["settings"], curve["bpp"], curve["psnr"], curve["ms_ssim"], strict=True)
    rows = [
        (
            f"{setting:g}",
            f"{bpp:.3f}",
            "" if psnr is None else f"{psnr:.2f}",
            "" if structure is None else f"{structure:.4f}",
        )
        for setting, bpp, psnr, structure in columns
    ]
    return table((codec["setting"], "bits a pixel", "PSNR, dB", "MS-SSIM"), rows)


def _definitions(report: Report) -> str:
    return "\n".join(f"- `{name}`: {text}" for name, text in report["definitions"].items())


def made_by(*reports: Report) -> str:
    """The commands that made reports, and the versions that they ran with; like ones together."""
    commands: dict[str, list[str]] = {}
    for report in reports:
        versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
        commands.setdefault(versions, []).append(report["command"])
    return "\n\n".join(
        "\n".join(["Made by\n\n```", *lines, f"```\n\nwith {versions}."])
        for versions, lines in commands.items()
    )


def _exactness_sentence(report: Report) -> str:
    most = max(report["qualities"], key=lambda row: float(row["price_of_tables"]))
    return (
        f"The price of exactness: against the same network (`{report['network']}`) in float, "
        f"integer arithmetic changes the bits that the entropy model spends by "
        f"{_percent(report['price_of_integers'], 2)}; with each index cut to one of its "
        f"{report['tables']} tables, too, by {_percent(report['price_of_tables'], 2)} "
        f"({report['pictures']} pictures of `{report['folder']}`, all qualities together; at most, "
        f"at quality {most['quality']:g}, by {_percent(most['price_of_tables'], 2)})."
    )


def _percent(value: float | None, digits: int = 1) -> str:
    return "no shared range" if value is None else f"{value:+.{digits}f} %".replace("-", "−")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: the first column to the left, the others to the right."""
    lines = [" | ".join(head), " | ".join(["---"] + ["--:"] * (len(head) - 1))]
    lines += [" | ".join(row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)
