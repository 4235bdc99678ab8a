"""Measure: ``python -m models.evaluation rd --images DIR --out docs/results``."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

from models.evaluation import markdown
from models.evaluation.arguments import QUALITIES, Command, parser_of, qualities_of
from models.evaluation.environment import shown
from models.evaluation.report_file import read_json, write_json
from service.errors import BladestreamError
from service.settings import get_settings


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0; 1 where pictures, model or documents can't be used."""
    commands = (rd, exactness, bits_back, lossless, profiles, segmentation, autoregressive, tables)
    parser = parser_of({command.__name__: command for command in commands}, __doc__ or "")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    command: Command = options.run
    try:
        command(options)
    except (BladestreamError, ValueError, OSError) as error:
        print(f"evaluation: {error}", file=sys.stderr)
        return 1
    return 0


def rd(options: argparse.Namespace) -> None:
    """Bladestream and its peers on a folder of pictures: rd.json, rd.md, rd.png."""
    from models.evaluation.plot import draw
    from models.evaluation.rate_distortion import evaluate

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    report = evaluate(
        options.images,
        out / "peers",
        options.qualities,
        options.model,
        get_settings(),
        options.also,
        options.ms_ssim_model,
    )
    words = ["rd", "--images", shown(options.images), "--out", shown(out)]
    if options.model:
        words += ["--model", options.model]
    for name in options.also:
        words += ["--also", name]
    if options.ms_ssim_model:
        words += ["--ms-ssim-model", options.ms_ssim_model]
    report = {"command": _command(words, options.qualities), **report}
    _write(out, "rd", report, markdown.long(report))
    draw(report, out / "rd.png")


def exactness(options: argparse.Namespace) -> None:
    """What integer arithmetic costs a trained prior: exactness.json."""
    from models.evaluation.exactness import price

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    words = ["exactness", "--checkpoint", shown(options.checkpoint)]
    words += ["--images", shown(options.images)]
    if options.calibration:
        words += ["--calibration", shown(options.calibration)]
    words += ["--out", shown(out)]
    found = price(
        options.checkpoint, options.images, options.calibration, options.qualities, get_settings()
    )
    report = {"command": _command(words, options.qualities), **found}
    write_json(out / "exactness.json", report)
    print(markdown.exactness_table(report))


def bits_back(options: argparse.Namespace) -> None:
    """Initial bits, orders and models of lossless coding: bits_back.json, .md and .png."""
    from models.evaluation.bits_back import evaluate
    from models.evaluation.bits_back_report import draw, markdown

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    words = ["bits-back", "--images", shown(options.images), "--out", shown(out)]
    words += ["--side", str(options.side), "--model", options.model]
    words += ["--against", ",".join(options.against)]
    found = evaluate(options.images, options.side, options.model, options.against, get_settings())
    report = {"command": _command(words), **found}
    _write(out, "bits_back", report, markdown(report))
    draw(report, out / "bits_back.png")


def lossless(options: argparse.Namespace) -> None:
    """Blades bit for bit, beside lossless peers: lossless.json, .md and .png."""
    from models.evaluation.lossless import evaluate
    from models.evaluation.lossless_report import as_markdown, draw

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    words = ["lossless", "--images", shown(options.images)]
    if options.masks:
        words += ["--masks", shown(options.masks)]
    words += ["--out", shown(out)]
    found = evaluate(options.images, options.masks, get_settings())
    report = {"command": _command(words), **found}
    _write(out, "lossless", report, as_markdown(report))
    draw(report, out / "lossless.png")


def profiles(options: argparse.Namespace) -> None:
    """The paper's chain beside the default: profiles.json, .md and, of blades from near, .png."""
    from models.evaluation import profiles_report
    from models.evaluation.closeups import draw
    from models.evaluation.profiles import evaluate

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    words = ["profiles", "--images", shown(options.images), "--masks", shown(options.masks)]
    words += ["--out", shown(out)]
    found, closeups = evaluate(options.images, options.masks, get_settings())
    report = {"command": _command(words), **found}
    _write(out, "profiles", report, profiles_report.as_markdown(report))
    if closeups:
        draw(closeups, out / profiles_report.PICTURE)


def segmentation(options: argparse.Namespace) -> None:
    """Each step of the segmentation on pictures with true masks: segmentation.json, .md, .png.

    What was missed and what was mistaken is drawn into the pictures of ``overlays/``.
    """
    from models.evaluation.segmentation import evaluate
    from models.evaluation.segmentation_markdown import segmentation_page
    from models.evaluation.segmentation_plot import draw_acceptance

    out: Path = options.out
    found = evaluate(
        options.images,
        options.masks,
        options.index,
        out / "overlays",
        options.model,
        options.baseline,
        get_settings(),
    )
    words = ["segmentation"]
    for name in ("images", "masks", "index", "out", "baseline"):
        path: Path | None = getattr(options, name)
        if path is not None:
            words += [f"--{name}", shown(path)]
    if options.model:
        words += ["--model", options.model]
    report = {"command": _command(words), **found}
    _write(out, "segmentation", report, segmentation_page(report))
    draw_acceptance(report, out / "segmentation.png")


def autoregressive(options: argparse.Namespace) -> None:
    """Nested latents beside autoregressive models: autoregressive.json, .md and .png."""
    from models.evaluation.autoregressive import evaluate
    from models.evaluation.autoregressive_report import as_markdown, draw

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    report = {"command": _command(["autoregressive", "--out", shown(out)]), **evaluate()}
    _write(out, "autoregressive", report, as_markdown(report))
    draw(report, out / "autoregressive.png")


def tables(options: argparse.Namespace) -> None:
    """Put the results between the README's markers."""
    from models.evaluation import lossless_report, profiles_report, segmentation_markdown

    folder: Path = options.results
    report = read_json(folder / "rd.json")
    exact = folder / "exactness.json"
    exact_report = read_json(exact) if exact.exists() else None
    readme: Path = options.readme
    document = readme.read_text(encoding="utf-8")
    text = markdown.short(report, exact_report, folder.as_posix())
    exact_blades = folder / "lossless"
    found = [read_json(path) for path in sorted(exact_blades.glob("*/lossless.json"))]
    if found:
        text += "\n\n" + lossless_report.short(found, exact_blades.as_posix())
    blades = folder / "segmentation"
    if (blades / "segmentation.json").exists():
        found_blades = read_json(blades / "segmentation.json")
        text += "\n\n" + segmentation_markdown.short(found_blades, blades.as_posix())
    beside = folder / "profiles.json"
    if beside.exists():
        text += "\n\n" + profiles_report.short(read_json(beside), folder.as_posix())
    readme.write_text(markdown.put_between_markers(document, text), encoding="utf-8")


def _write(out: Path, name: str, report: dict[str, Any], page: str) -> None:
    """A report as JSON, and as the page that is printed, too."""
    write_json(out / f"{name}.json", report)
    (out / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)


def _command(words: list[str], qualities: list[float] | None = None) -> str:
    """The command as a document shows it; qualities for a verb that has them."""
    if qualities is not None and qualities != qualities_of(QUALITIES):
        words = [*words, "--qualities", ",".join(f"{quality:g}" for quality in qualities)]
    return shlex.join(["python", "-m", "models.evaluation", *words])


if __name__ == "__main__":
    sys.exit(main())
