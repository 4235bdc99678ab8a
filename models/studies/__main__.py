"""Compare at equal budget: ``python -m models.studies nested --data PICTURES --images HELD_OUT``.

Run it again to go on where it stopped; Ctrl-C stops after the step and saves. ``tables`` writes
pages and plots anew from what is in the JSON files.
"""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import torch

from models.evaluation.environment import shown
from models.evaluation.report_file import read_json, write_json
from models.studies.compare import by_group
from models.studies.heldout import read_heldout
from models.studies.page import index, page
from models.studies.plot import draw
from models.studies.report import Report, head, rows
from models.studies.runs import StoppedError
from models.studies.study import names, read_study
from models.train import StopRequest, device_of
from models.training.sources import open_source
from models.training.trainer import DivergedError
from service.errors import BladestreamError
from service.settings import get_settings

RESULTS = Path("docs/results/studies")
INDEX = "README.md"


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0; 1 where a study, its data or its training can't be used, or a signal came."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        options.run(options)
    except (BladestreamError, ValueError, OSError, DivergedError, StoppedError) as error:
        print(f"studies: {error}", file=sys.stderr)
        return 1
    return 0


def run(options: argparse.Namespace) -> None:
    """Train and measure the variants of a study; its page grows with every one."""
    # One thread: seconds of networks then don't depend on the machine's other work.
    torch.set_num_threads(1)
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    name: str = options.name
    study = read_study(name).scaled(options.steps)
    settings = get_settings()
    folders = {folder.resolve().name: read_heldout(folder, settings) for folder in options.images}
    if len(folders) < len(options.images):
        raise ValueError("two folders of pictures have the same name")
    cache = options.runs / f"pictures-{options.data.resolve().name}"
    source = open_source(study.data, options.data, cache)
    report = {"command": _command(options), "name": name, **head(study, folders), "variants": []}
    stop, device = StopRequest(None), device_of(options.device)
    for row in rows(study, folders, source, options.runs, device, stop):
        logging.getLogger(__name__).info("%s: %s done", name, row["title"])
        report["variants"] = by_group([*report["variants"], row])
        if len(report["variants"]) > 1:
            write_json(out / f"{name}.json", report)
            _show(report, _reports(out), out)
    # What this study tells about seeds stands on the pages of the others, too.
    write_pages(out)


def tables(options: argparse.Namespace) -> None:
    """Write pages, plots and their index from the results, without training."""
    options.results.mkdir(parents=True, exist_ok=True)
    write_pages(options.results)


def write_pages(folder: Path) -> None:
    """Write page and plot of every study that has results in a folder, and what leads to them."""
    reports = _reports(folder)
    for report in reports.values():
        _show(report, reports, folder)
    studies = {name: read_study(name) for name in names()}
    (folder / INDEX).write_text(index(studies, reports), encoding="utf-8")


def _reports(folder: Path) -> dict[str, Report]:
    return {path.stem: read_json(path) for path in sorted(folder.glob("*.json"))}


def _show(report: Report, reports: Mapping[str, Report], folder: Path) -> None:
    (folder / f"{report['name']}.md").write_text(page(report, reports), encoding="utf-8")
    draw(report, folder / f"{report['name']}.png")


def _command(options: argparse.Namespace) -> str:
    words = ["python", "-m", "models.studies", options.name, "--data", shown(options.data)]
    words += ["--images", *(shown(folder) for folder in options.images)]
    if options.steps is not None:
        words += ["--steps", str(options.steps)]
    return shlex.join(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.studies", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="STUDY|tables")
    for name in names():
        question = read_study(name).question
        study = verbs.add_parser(name, help=question, description=question)
        study.add_argument("--data", type=Path, required=True, help="pictures to learn from")
        study.add_argument(
            "--images", type=Path, required=True, nargs="+", help="folders of held-out pictures"
        )
        study.add_argument("--out", type=Path, default=RESULTS, help=f"({RESULTS})")
        study.add_argument(
            "--runs", type=Path, default=Path("runs/studies"), help="checkpoints (runs/studies)"
        )
        study.add_argument("--steps", type=int, help="of every variant, in place of the study's")
        study.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
        study.set_defaults(run=run, name=name)
    again = verbs.add_parser("tables", help=tables.__doc__, description=tables.__doc__)
    again.add_argument("--results", type=Path, default=RESULTS)
    again.set_defaults(run=tables)
    return parser


if __name__ == "__main__":
    sys.exit(main())
