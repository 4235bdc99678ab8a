"""What ``models.evaluation.profiles`` found, as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.evaluation.markdown import made_by, table

Report = dict[str, Any]

PICTURE = "profiles.png"
_WORDS = (
    "Background and blade are counted in patches. Upper levels are those latents that tell how the "
    "others are distributed; below the blade lies the lossy layer of the exact patches; lent are "
    "background streams that bits-back coding of the blade starts from, and filler is what it "
    "starts from where nobody lends."
)


def as_markdown(report: Report) -> str:
    """Totals, seconds by stage, close-ups, and a row a picture."""
    parts = ["# Profiles", _introduction(report), _totals(report)]
    parts += ["## Seconds a megapixel, by stage", _stages(report)]
    if report["closeups"]:
        parts += ["## Close-ups", _closeups(report, PICTURE)]
    parts += ["## Pictures", _pictures(report)]
    definitions = "\n".join(f"- `{key}`: {text}" for key, text in report["definitions"].items())
    return "\n\n".join([*parts, "## Definitions", definitions, made_by(report)]) + "\n"


def short(report: Report, folder: str) -> str:
    """What the README shows; ``folder`` is where the figures lie, seen from there."""
    parts = ["### Profiles", _introduction(report), _totals(report), _WORDS]
    if report["closeups"]:
        parts.append(_closeups(report, f"{folder}/{PICTURE}"))
    parts.append(
        f"Layers, stages and each picture are in [{folder}/profiles.md]({folder}/profiles.md)."
    )
    return "\n\n".join([*parts, made_by(report)])


def _introduction(report: Report) -> str:
    images, machine = report["images"], report["machine"]
    return (
        f"The profiles beside each other on {len(images['pictures'])} pictures of "
        f"`{images['folder']}`, an exact blade in a lossy background: whole files through the real "
        f"encoder and decoder, every blade pixel compared, on {machine['cores']} cores of "
        f"{machine['processor']} (networks on {report['provider']})."
    )


def _totals(report: Report) -> str:
    profiles = report["profiles"]
    rows: list[tuple[str, Callable[[Report], str]]] = [
        ("models", lambda each: ", ".join(each["models"])),
        ("background, bits a background pixel", lambda each: _number(each["background_bpp"], 3)),
        ("its PSNR, dB", lambda each: _number(each["background_psnr"], 2)),
        ("blade, bits a blade pixel", lambda each: _number(each["blade_bpp"], 3)),
        ("whole file, bits a pixel", lambda each: _number(each["bpp"], 3)),
        ("background, bytes", lambda each: f"{each['layers']['background']:,}"),
        ("of it lent to the blade", lambda each: f"{_sum(each, 'lent_bytes'):,}"),
        ("upper levels, bytes", lambda each: f"{each['layers']['upper levels']:,}"),
        ("below the blade, bytes", lambda each: f"{each['layers']['below the exact blade']:,}"),
        ("blade, bytes", lambda each: f"{each['layers']['blade']:,}"),
        ("of it filler", lambda each: f"{_sum(each, 'filler_bytes'):,}"),
        ("index and the rest, bytes", lambda each: f"{each['layers']['index and the rest']:,}"),
        ("encode with verification, s/MP", lambda each: _seconds(each, "encode")),
        ("decode, s/MP", lambda each: _seconds(each, "decode")),
    ]
    body = [(name, *(figure(each) for each in profiles.values())) for name, figure in rows]
    return table(("", *(f"`{profile}`" for profile in profiles)), body)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _sum(profile: Report, key: str) -> int:
    return sum(row[key] for row in profile["pictures"])


def _seconds(profile: Report, verb: str) -> str:
    return f"{profile['seconds_a_megapixel'][verb]['total']:.2f}"


def _stages(report: Report) -> str:
    profiles = report["profiles"].values()
    rows = []
    for verb in ("encode", "decode"):
        found = [profile["seconds_a_megapixel"][verb] for profile in profiles]
        stages = dict.fromkeys(stage for each in found for stage in each if stage != "total")
        for stage in (*stages, "total"):
            figures = (f"{each[stage]:.3f}" if stage in each else "" for each in found)
            rows.append((f"{verb}: {stage}", *figures))
    return table(("", *(f"`{profile}`" for profile in report["profiles"])), rows)


def _closeups(report: Report, picture: str) -> str:
    side = report["closeups"][0]["side"]
    return (
        f"![Pieces of blade]({picture})\n\nPieces of {side}x{side} pixels where the blade has its "
        "finest detail, enlarged, in grey, spread from black to white: as photographed, lossily by "
        "`hp-easn-deep` at two qualities, and exact by `bitswap`. Bits are those of all blade "
        "patches of the picture."
    )


def _pictures(report: Report) -> str:
    profiles = report["profiles"]
    rows = []
    for number, (name, told) in enumerate(report["images"]["pictures"].items()):
        pixels = told["width"] * told["height"]
        cells = [f"{told['blade_pixels'] / pixels:.0%}"]
        for profile in profiles.values():
            row = profile["pictures"][number]
            cells += [
                _number(row["background_bpp"], 3),
                _number(row["background_psnr"], 2),
                _number(row["blade_bpp"], 3),
                f"{8 * row['bytes'] / pixels:.3f}",
            ]
        rows.append((name, *cells))
    head = ["picture", "blade patches"]
    for profile in profiles:
        head += [f"{profile}: background", "PSNR, dB", "blade", "whole"]
    return table(head, rows)
