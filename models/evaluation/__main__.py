"""Measure: ``python -m models.evaluation rd --images DIR --out docs/results``."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

from models.evaluation.arguments import QUALITIES, Command, parser_of, qualities_of
from models.evaluation.environment import shown
from models.evaluation.report_file import write_json
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
    """Bladestream and its peers on a folder of pictures: rd.json, .md and .png."""
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
    _publish(out / "rd.json", report)


def exactness(options: argparse.Namespace) -> None:
    """What integer arithmetic costs a trained prior: exactness.json and .md."""
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
    _publish(out / "exactness.json", {"command": _command(words, options.qualities), **found})


def bits_back(options: argparse.Namespace) -> None:
    """Initial bits, orders and models of lossless coding: bits_back.json, .md and .png."""
    from models.evaluation.bits_back import evaluate

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    words = ["bits-back", "--images", shown(options.images), "--out", shown(out)]
    words += ["--side", str(options.side), "--model", options.model]
    words += ["--against", ",".join(options.against)]
    found = evaluate(options.images, options.side, options.model, options.against, get_settings())
    _publish(out / "bits_back.json", {"command": _command(words), **found})


def lossless(options: argparse.Namespace) -> None:
    """Blades bit for bit, beside lossless peers: lossless.json, .md and .png."""
    from models.evaluation.lossless import evaluate

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    words = ["lossless", "--images", shown(options.images)]
    if options.masks:
        words += ["--masks", shown(options.masks)]
    words += ["--out", shown(out)]
    found = evaluate(options.images, options.masks, get_settings())
    _publish(out / "lossless.json", {"command": _command(words), **found})


def profiles(options: argparse.Namespace) -> None:
    """The paper's chain beside the default: profiles.json, .md and, of blades from near, .png."""
    from models.evaluation.closeups import draw
    from models.evaluation.profiles import evaluate
    from models.evaluation.profiles_report import PICTURE

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    words = ["profiles", "--images", shown(options.images), "--masks", shown(options.masks)]
    words += ["--out", shown(out)]
    found, closeups = evaluate(options.images, options.masks, get_settings())
    _publish(out / "profiles.json", {"command": _command(words), **found})
    if closeups:
        draw(closeups, out / PICTURE)


def segmentation(options: argparse.Namespace) -> None:
    """Each step of the segmentation on pictures with true masks: segmentation.json, .md, .png.

    What was missed and what was mistaken is drawn into the pictures of ``overlays/``.
    """
    from models.evaluation.segmentation import evaluate

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
    _publish(out / "segmentation.json", {"command": _command(words), **found})


def autoregressive(options: argparse.Namespace) -> None:
    """Nested latents beside autoregressive models: autoregressive.json, .md and .png."""
    from models.evaluation.autoregressive import evaluate

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    command = _command(["autoregressive", "--out", shown(out)])
    _publish(out / "autoregressive.json", {"command": command, **evaluate()})


def tables(options: argparse.Namespace) -> None:
    """Write every page and plot, and the README's results, from the JSON files alone."""
    from models.evaluation.markdown import put_between_markers
    from models.evaluation.pages import reports_in, write_page
    from models.evaluation.readme import results_of

    folder: Path = options.results
    for path in reports_in(folder):
        write_page(path)
    readme: Path = options.readme
    document = put_between_markers(readme.read_text(encoding="utf-8"), results_of(folder))
    readme.write_text(document, encoding="utf-8")


def _publish(path: Path, report: dict[str, Any]) -> None:
    """A report as JSON, and its page beside it, which is printed, too."""
    from models.evaluation.pages import write_page

    write_json(path, report)
    print(write_page(path))


def _command(words: list[str], qualities: list[float] | None = None) -> str:
    """The command as a document shows it; qualities for a verb that has them."""
    if qualities is not None and qualities != qualities_of(QUALITIES):
        words = [*words, "--qualities", ",".join(f"{quality:g}" for quality in qualities)]
    return shlex.join(["python", "-m", "models.evaluation", *words])


if __name__ == "__main__":
    sys.exit(main())
