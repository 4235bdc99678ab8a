"""Measure: ``python -m models.evaluation rd --images DIR --out docs/results``."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.evaluation import markdown
from models.evaluation.environment import shown
from models.evaluation.report_file import write_json as _write_json
from service.errors import BladestreamError
from service.settings import get_settings

QUALITIES = "1,2,3,4,5,6,7,8"


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0; 1 where pictures, model or documents can't be used."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    command: Callable[[argparse.Namespace], None] = options.run
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
        options.images, out / "peers", options.qualities, options.model, get_settings()
    )
    words = ["rd", "--images", shown(options.images), "--out", shown(out)]
    if options.model:
        words += ["--model", options.model]
    report = {"command": _command(words, options.qualities), **report}
    _write_json(out / "rd.json", report)
    text = markdown.long(report)
    (out / "rd.md").write_text(text, encoding="utf-8")
    draw(report, out / "rd.png")
    print(text)


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
    _write_json(out / "exactness.json", report)
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
    _write_json(out / "bits_back.json", report)
    text = markdown(report)
    (out / "bits_back.md").write_text(text, encoding="utf-8")
    draw(report, out / "bits_back.png")
    print(text)


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
    _write_json(out / "lossless.json", report)
    text = as_markdown(report)
    (out / "lossless.md").write_text(text, encoding="utf-8")
    draw(report, out / "lossless.png")


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
    _write_json(out / "segmentation.json", report)
    text = segmentation_page(report)
    (out / "segmentation.md").write_text(text, encoding="utf-8")
    draw_acceptance(report, out / "segmentation.png")
    print(text)


def autoregressive(options: argparse.Namespace) -> None:
    """Nested latents beside autoregressive models: autoregressive.json, .md and .png."""
    from models.evaluation.autoregressive import evaluate
    from models.evaluation.autoregressive_report import as_markdown, draw

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    report = {"command": _command(["autoregressive", "--out", shown(out)]), **evaluate()}
    _write_json(out / "autoregressive.json", report)
    text = as_markdown(report)
    (out / "autoregressive.md").write_text(text, encoding="utf-8")
    draw(report, out / "autoregressive.png")
    print(text)


def tables(options: argparse.Namespace) -> None:
    """Put the results between the README's markers."""
    from models.evaluation import lossless_report

    folder: Path = options.results
    report = _read_json(folder / "rd.json")
    exact = folder / "exactness.json"
    exact_report = _read_json(exact) if exact.exists() else None
    readme: Path = options.readme
    document = readme.read_text(encoding="utf-8")
    text = markdown.short(report, exact_report, folder.as_posix())
    exact_blades = folder / "lossless"
    found = [_read_json(path) for path in sorted(exact_blades.glob("*/lossless.json"))]
    if found:
        text += "\n\n" + lossless_report.short(found, exact_blades.as_posix())
    readme.write_text(markdown.put_between_markers(document, text), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.evaluation", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    rd_ = verbs.add_parser("rd", help=rd.__doc__, description=rd.__doc__)
    rd_.add_argument("--images", type=Path, required=True, help="folder of pictures")
    rd_.add_argument("--out", type=Path, required=True, help="folder for the results")
    rd_.add_argument("--model", help="name in the zoo; the service's default otherwise")
    rd_.set_defaults(run=rd)
    exact = verbs.add_parser("exactness", help=exactness.__doc__, description=exactness.__doc__)
    exact.add_argument("--checkpoint", type=Path, required=True, help="weights.pt of a training")
    exact.add_argument("--images", type=Path, required=True, help="folder of pictures")
    exact.add_argument(
        "--calibration",
        type=Path,
        help="folder of training pictures, for weights whose integer steps are not settled yet",
    )
    exact.add_argument("--out", type=Path, required=True, help="folder for the results")
    exact.set_defaults(run=exactness)
    for verb in (rd_, exact):
        verb.add_argument("--qualities", type=_qualities, default=QUALITIES, help="with commas")
    stacks = verbs.add_parser("bits-back", help=bits_back.__doc__, description=bits_back.__doc__)
    stacks.add_argument("--images", type=Path, required=True, help="folder of pictures")
    stacks.add_argument("--out", type=Path, required=True, help="folder for the results")
    stacks.add_argument(
        "--side", type=int, default=1536, help="pixels a side that pictures are cut to"
    )
    stacks.add_argument("--model", default="bitswap", help="a lossless model with latents")
    stacks.add_argument(
        "--against", type=lambda text: text.split(","), default=["pyramid"], help="with commas"
    )
    stacks.set_defaults(run=bits_back)
    exact_blade = verbs.add_parser("lossless", help=lossless.__doc__, description=lossless.__doc__)
    exact_blade.add_argument("--images", type=Path, required=True, help="folder of pictures")
    exact_blade.add_argument("--masks", type=Path, help="folder of masks; all is blade without")
    exact_blade.add_argument("--out", type=Path, required=True, help="folder for the results")
    exact_blade.set_defaults(run=lossless)
    where = verbs.add_parser(
        "segmentation", help="each step of the segmentation", description=segmentation.__doc__
    )
    where.add_argument("--images", type=Path, required=True, help="folder of pictures")
    where.add_argument("--masks", type=Path, required=True, help="folder of masks of their names")
    where.add_argument("--index", type=Path, help="surfaces and tags, as models.scenes writes them")
    where.add_argument("--out", type=Path, required=True, help="folder for the results")
    where.add_argument("--model", help="name in the zoo; the service's default otherwise")
    where.add_argument("--baseline", type=Path, help="folder of a model to stand beside it")
    where.set_defaults(run=segmentation)
    chain = verbs.add_parser(
        "autoregressive", help="nested latents on known sources", description=autoregressive.__doc__
    )
    chain.add_argument("--out", type=Path, required=True, help="folder for the results")
    chain.set_defaults(run=autoregressive)
    readme = verbs.add_parser("tables", help=tables.__doc__, description=tables.__doc__)
    readme.add_argument("--results", type=Path, default=Path("docs/results"))
    readme.add_argument("--readme", type=Path, default=Path("README.md"))
    readme.set_defaults(run=tables)
    return parser


def _qualities(text: str) -> list[float]:
    try:
        found = sorted({float(word) for word in text.split(",")})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers") from error
    if not all(1 <= quality <= 8 for quality in found):
        raise argparse.ArgumentTypeError("a quality is 1 to 8")
    return found


def _command(words: list[str], qualities: list[float] | None = None) -> str:
    """The command as a document shows it; qualities for a verb that has them."""
    if qualities is not None and qualities != _qualities(QUALITIES):
        words = [*words, "--qualities", ",".join(f"{quality:g}" for quality in qualities)]
    return shlex.join(["python", "-m", "models.evaluation", *words])


def _read_json(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


if __name__ == "__main__":
    sys.exit(main())
