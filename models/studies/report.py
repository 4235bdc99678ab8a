"""All results of a study in one JSON-able report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from models.evaluation import environment
from models.networks.bitswap import Bitswap
from models.studies import lossless, lossy
from models.studies.heldout import Pictures
from models.studies.runs import Trained, Training, trained
from models.studies.study import Study
from models.training.sources import Source

Report = dict[str, Any]


def head(study: Study, folders: dict[str, Pictures]) -> Report:
    """What all variants share."""
    return {
        **study.model_dump(mode="json", exclude={"data", "stages", "variants"}),
        "data": study.data.model_dump(mode="json"),
        "stages": [stage.model_dump(mode="json", exclude_defaults=True) for stage in study.stages],
        "steps": study.steps,
        "folders": {name: list(pictures) for name, pictures in folders.items()},
        "definitions": lossy.DEFINITIONS if study.kind == "lossy" else lossless.DEFINITIONS,
        "machine": environment.machine(),
        "versions": {**environment.versions(), "torch": str(torch.__version__)},
    }


def rows(
    study: Study,
    folders: dict[str, Pictures],
    source: Source,
    runs: Path,
    device: torch.device,
    stop: Callable[[], bool],
) -> Iterator[Report]:
    """Train and measure one variant after another; those of an earlier run are only read.

    Raises
    ------
    StoppedError
        ``stop`` said so; the same call goes on.
    DivergedError, RecipeError, ValueError
        A variant can't be trained.
    """
    for variant in study.variants:
        training = Training(study.recipe(variant), study.wavelet_start)
        done = trained(training, source, runs, device, stop)
        yield {
            **variant.model_dump(mode="json"),
            "digest": training.digest(),
            "parameters": done.parameters,
            "training": done.record,
            "measured": {
                name: _kept(done, pictures, training.folder(runs) / f"measured-{name}.json")
                for name, pictures in folders.items()
            },
        }


def _kept(done: Trained, pictures: Pictures, path: Path) -> Report:
    """A network's figures on a folder, measured once."""
    if path.exists():
        kept: Report = json.loads(path.read_text(encoding="utf-8"))
        if list(kept["pictures"]) == list(pictures):
            return kept
    if isinstance(done.model, Bitswap):
        found = lossless.measure(done.model, pictures)
    else:
        found = lossy.measure(done.model, pictures)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(found), encoding="utf-8")
    beside.replace(path)
    return found
