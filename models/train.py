"""Train a recipe: ``python -m models.train models/recipes/lite.toml --data PICTURES``.

Run it again to go on where it stopped; Ctrl-C stops after the step and saves.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import torch

from models.training.recipe import find_recipe, read_recipe
from models.training.sources import open_source
from models.training.start import start_from
from models.training.trainer import DivergedError, Trainer


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done or stopped in good order, 1 a bad recipe, no data, or divergence."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if options.threads:
        torch.set_num_threads(options.threads)
    folder = options.out or Path("runs") / options.recipe.stem
    stop = StopRequest(options.minutes)
    try:
        recipe = read_recipe(find_recipe(options.recipe))
        if options.start is not None:
            start_from(options.start, recipe, folder)
        source = open_source(recipe.data, options.data, folder / "cache")
        torch.backends.cudnn.benchmark = True  # shapes stay as they are: find what is fastest once
        trainer = Trainer(recipe, source, folder, device_of(options.device), stop)
        done = trainer.run(options.stage)
    except (ValueError, OSError, DivergedError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    what = "weights.pt is there" if done else "saved; the same command goes on"
    print(f"{folder}: {what}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("recipe", type=Path, help="a TOML file, or a name in models/recipes/")
    parser.add_argument("--data", type=Path, default=Path("data"), help="pictures (data)")
    parser.add_argument("--out", type=Path, help="output folder (runs/NAME)")
    parser.add_argument("--start", type=Path, help="weights.pt of another run to begin with")
    parser.add_argument("--stage", help="run this stage alone")
    parser.add_argument("--minutes", type=float, help="stop and save after so long")
    parser.add_argument("--threads", type=int, help="threads of torch (all cores)")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    return parser


def device_of(name: str) -> torch.device:
    """A device by name; ``auto`` is CUDA where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class StopRequest:
    """True once the time is up or a signal asked to stop; a second signal interrupts at once.

    ``minutes`` is the time there is; None for any.
    """

    def __init__(self, minutes: float | None) -> None:
        self._end = None if minutes is None else time.monotonic() + 60 * minutes
        self._asked = False
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, self._ask)

    def __call__(self) -> bool:
        """Whether to stop now."""
        return self._asked or (self._end is not None and time.monotonic() >= self._end)

    def _ask(self, kind: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True


if __name__ == "__main__":
    sys.exit(main())
