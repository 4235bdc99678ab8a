"""What ``python -m models.evaluation`` takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

QUALITIES = "1,2,3,4,5,6,7,8"

Command = Callable[[argparse.Namespace], None]


def parser_of(commands: Mapping[str, Command], description: str) -> argparse.ArgumentParser:
    """Of ``python -m models.evaluation``: a verb for each command, whose docstring tells of it."""
    parser = argparse.ArgumentParser(prog="python -m models.evaluation", description=description)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    rd_ = verbs.add_parser("rd", help=commands["rd"].__doc__, description=commands["rd"].__doc__)
    rd_.add_argument("--images", type=Path, required=True, help="folder of pictures")
    rd_.add_argument("--out", type=Path, required=True, help="folder for the results")
    rd_.add_argument("--model", help="name in the zoo; the service's default otherwise")
    rd_.add_argument(
        "--also", action="append", default=[], help="another, judged in PSNR, too; repeatable"
    )
    rd_.add_argument("--ms-ssim-model", help="another, judged in MS-SSIM in place of the first")
    rd_.set_defaults(run=commands["rd"])
    exact = verbs.add_parser(
        "exactness", help=commands["exactness"].__doc__, description=commands["exactness"].__doc__
    )
    exact.add_argument("--checkpoint", type=Path, required=True, help="weights.pt of a training")
    exact.add_argument("--images", type=Path, required=True, help="folder of pictures")
    exact.add_argument(
        "--calibration",
        type=Path,
        help="folder of training pictures, for weights whose integer steps are not settled yet",
    )
    exact.add_argument("--out", type=Path, required=True, help="folder for the results")
    exact.set_defaults(run=commands["exactness"])
    for verb in (rd_, exact):
        verb.add_argument("--qualities", type=qualities_of, default=QUALITIES, help="with commas")
    stacks = verbs.add_parser(
        "bits-back", help=commands["bits_back"].__doc__, description=commands["bits_back"].__doc__
    )
    stacks.add_argument("--images", type=Path, required=True, help="folder of pictures")
    stacks.add_argument("--out", type=Path, required=True, help="folder for the results")
    stacks.add_argument(
        "--side", type=int, default=1536, help="pixels a side that pictures are cut to"
    )
    stacks.add_argument("--model", default="bitswap", help="a lossless model with latents")
    stacks.add_argument(
        "--against", type=lambda text: text.split(","), default=["pyramid"], help="with commas"
    )
    stacks.set_defaults(run=commands["bits_back"])
    exact_blade = verbs.add_parser(
        "lossless", help=commands["lossless"].__doc__, description=commands["lossless"].__doc__
    )
    exact_blade.add_argument("--images", type=Path, required=True, help="folder of pictures")
    exact_blade.add_argument("--masks", type=Path, help="folder of masks; all is blade without")
    exact_blade.add_argument("--out", type=Path, required=True, help="folder for the results")
    exact_blade.set_defaults(run=commands["lossless"])
    chains = verbs.add_parser(
        "profiles", help=commands["profiles"].__doc__, description=commands["profiles"].__doc__
    )
    chains.add_argument("--images", type=Path, required=True, help="folder of pictures")
    chains.add_argument(
        "--masks",
        type=Path,
        required=True,
        help="folder of masks: NAME.png for a picture NAME, or NAME.mask.png",
    )
    chains.add_argument("--out", type=Path, required=True, help="folder for the results")
    chains.set_defaults(run=commands["profiles"])
    where = verbs.add_parser(
        "segmentation",
        help="each step of the segmentation",
        description=commands["segmentation"].__doc__,
    )
    where.add_argument("--images", type=Path, required=True, help="folder of pictures")
    where.add_argument("--masks", type=Path, required=True, help="folder of masks of their names")
    where.add_argument("--index", type=Path, help="surfaces and tags, as models.scenes writes them")
    where.add_argument("--out", type=Path, required=True, help="folder for the results")
    where.add_argument("--model", help="name in the zoo; the service's default otherwise")
    where.add_argument("--baseline", type=Path, help="folder of a model to stand beside it")
    where.set_defaults(run=commands["segmentation"])
    chain = verbs.add_parser(
        "autoregressive",
        help="nested latents on known sources",
        description=commands["autoregressive"].__doc__,
    )
    chain.add_argument("--out", type=Path, required=True, help="folder for the results")
    chain.set_defaults(run=commands["autoregressive"])
    readme = verbs.add_parser(
        "tables", help=commands["tables"].__doc__, description=commands["tables"].__doc__
    )
    readme.add_argument("--results", type=Path, default=Path("docs/results"))
    readme.add_argument("--readme", type=Path, default=Path("README.md"))
    readme.set_defaults(run=commands["tables"])
    return parser


def qualities_of(text: str) -> list[float]:
    """Numbers with commas between them, sorted; ArgumentTypeError unless each is 1 to 8."""
    try:
        found = sorted({float(word) for word in text.split(",")})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers") from error
    if not all(1 <= quality <= 8 for quality in found):
        raise argparse.ArgumentTypeError("a quality is 1 to 8")
    return found
