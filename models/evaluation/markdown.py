"""Results as Markdown: a short form for the README, a long one beside the figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from models.evaluation.summary import TUNED

Report = dict[str, Any]

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


def short(report: Report, exactness: Report | None, folder: str) -> str:
    """What the README shows; ``folder`` is where the figures lie, seen from there."""
    parts = [
        "### Lossy: rate and distortion",
        _introduction(report),
        _against(report),
        *_our_points(report),
        f"![Rate-distortion curves]({folder}/rd.png)",
        f"The other codecs' points are in [{folder}/rd.md]({folder}/rd.md), those of every picture "
        f"in [{folder}/rd.json]({folder}/rd.json).",
        made_by(report),
    ]
    if exactness is not None:
        parts += [_exactness_sentence(exactness), made_by(exactness)]
    return "\n\n".join(parts)


def long(report: Report) -> str:
    """The short form's tables with all points of all codecs."""
    parts = ["# Rate and distortion", _introduction(report), _against(report)]
    parts += ["![Rate-distortion curves](rd.png)"]
    for key, codec in report["codecs"].items():
        parts += [f"## {codec['title']} ({codec['version']})", _points(report, key)]
    parts += ["## Definitions", _definitions(report), made_by(report)]
    return "\n\n".join(parts) + "\n"


def exactness_table(report: Report) -> str:
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
    machine, model = report["machine"], report["model"]
    tuned = report["ms_ssim_model"]
    named = f"Model `{model['name']}/{model['version']}`"
    if tuned:
        named += f", in MS-SSIM `{tuned['name']}/{tuned['version']}`,"
    text = (
        f"{named} on {count} pictures of `{folder}`: whole files through the real encoder "
        f"and decoder, the other codecs on the same pictures as Pillow runs them, on "
        f"{machine['cores']} cores of {machine['processor']} (networks on {model['provider']})."
    )
    for title, reason in report["peers_left_out"].items():
        text += f" {title} is left out: {reason}."
    return text


def _against(report: Report) -> str:
    in_psnr, in_ms_ssim = report["bd_rate"], report["bd_rate_ms_ssim"]
    rows = []
    for key, codec in report["codecs"].items():
        seconds = codec["seconds_a_megapixel"]
        rows.append(
            (
                codec["title"],
                *_both_means(in_psnr.get(key)),
                *_both_means(in_ms_ssim.get(key)),
                f"{seconds['encode']:.2f}",
                f"{seconds['decode']:.2f}",
            )
        )
    for key, curve in report["published"].items():
        rate = _percent(in_psnr[key]["of_curves"])
        rows.append((f"{curve['title']}, published", rate, "", "", "", "", ""))
    head = ["codec", "BD-rate, PSNR", "of pictures", "BD-rate, MS-SSIM", "of pictures"]
    head += ["encode, s/MP", "decode, s/MP"]
    note = (
        "BD-rate: how many bits Bladestream needs more (+) or less (−) than that codec for the "
        "same PSNR, or the same MS-SSIM, once on the curves averaged over pictures, once as the "
        "mean of every picture's own figure. Seconds a megapixel are means over all settings."
    )
    if report["ms_ssim_model"]:
        note += (
            " In PSNR it is the default model that is compared, in MS-SSIM the one for MS-SSIM; "
            "between the two, each in what it is for."
        )
    return f"{table(head, rows)}\n\n{note}"


def _both_means(rate: Report | None) -> tuple[str, str]:
    if rate is None:
        return "", ""
    return _percent(rate["of_curves"]), _percent(rate["of_pictures"])


def _our_points(report: Report) -> list[str]:
    """Our points of each model."""
    if not report["ms_ssim_model"]:
        return [_points(report, "bladestream")]
    found = []
    for key in ("bladestream", TUNED):
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
    return (
        f"The price of exactness: against the same network (`{report['network']}`) in float, "
        f"integer arithmetic changes the bits that the entropy model spends by "
        f"{_percent(report['price_of_integers'], 2)}; with each scale cut to one of its "
        f"{report['tables']} tables, too, by {_percent(report['price_of_tables'], 2)} "
        f"({report['pictures']} pictures of `{report['folder']}`, all qualities together)."
    )


def _percent(value: float | None, digits: int = 1) -> str:
    return "no shared range" if value is None else f"{value:+.{digits}f} %".replace("-", "−")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: the first column to the left, the others to the right."""
    lines = [" | ".join(head), " | ".join(["---"] + ["--:"] * (len(head) - 1))]
    lines += [" | ".join(row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)
