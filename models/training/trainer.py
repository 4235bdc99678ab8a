"""One trainer for every network: the stages of a recipe, one after another, resumable."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

from models.layers.exact import exact_layers, set_exact
from models.networks.registry import Loss, Pretrainable, build, losses_of
from models.training import checkpoints
from models.training.averages import WeightAverage
from models.training.batches import batch_size, batches, to_device
from models.training.calibration import calibrate
from models.training.metrics import Means, Metrics
from models.training.pretrained import pretrained_weights
from models.training.recipe import Recipe, RecipeError, Stage
from models.training.schedule import learning, rate_at, rate_groups, share_done
from models.training.sources import Source
from models.training.throughput import Throughput, in_words

log = logging.getLogger(__name__)

LOG_EVERY = 50  # steps
SAVE_EVERY = 500  # steps; a multiple of LOG_EVERY, so that no line of metrics is cut in two
CALIBRATION_BATCHES = 16
LARGEST_NORM = 1.0
PATIENCE = 20  # non-finite steps in a row


class DivergedError(RuntimeError):
    """The loss was not finite for too many steps in a row."""


class Trainer:
    """Trains one recipe into one folder.

    The folder holds ``checkpoint.pt`` (everything that a run goes on from), ``metrics.jsonl``
    (losses, and what was got out of the device) and, after the last stage, ``weights.pt``: the
    recipe, the weights and a record of the training.

    Parameters
    ----------
    recipe, source : what to train, and on what.
    folder : output; an existing checkpoint in it is gone on from.
    device : where to compute.
    stop : asked after each step; true means save and return.
    """

    def __init__(
        self,
        recipe: Recipe,
        source: Source,
        folder: Path,
        device: torch.device,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._recipe, self._source, self._folder, self._device = recipe, source, folder, device
        self._stop = stop
        torch.manual_seed(recipe.seed)
        self.model = build(recipe.model.name, recipe.model.arguments).to(device)
        self._losses = losses_of(self.model)
        for stage in recipe.stages:
            if stage.loss not in self._losses:
                known = ", ".join(sorted(self._losses))
                raise RecipeError(f"stage {stage.name}: no loss {stage.loss!r}; there are {known}")
            learning(self.model, stage)
        self._finished: list[dict[str, Any]] = []
        self._running: dict[str, Any] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "checkpoint.pt"
        position = self._resume() if self._path.exists() else self._begin()
        self._metrics = Metrics(folder / "metrics.jsonl", position)

    def run(self, only: str | None = None) -> bool:
        """Run the stages that are not finished, or ``only`` the one of that name.

        Returns whether the whole recipe is done. Raises DivergedError, and RecipeError for a stage
        that does not exist or can't run now.
        """
        stages = [s for s in self._recipe.stages if only in (None, s.name)]
        if not stages:
            raise RecipeError(f"no stage {only!r} in this recipe")
        if self._running is not None and self._running["name"] not in [s.name for s in stages]:
            raise RecipeError(f"stage {self._running['name']!r} is under way: finish it first")
        try:
            for stage in stages:
                if stage.name not in self._done() and not self._run_stage(stage):
                    return False
        finally:
            self._metrics.close()
        if len(self._done()) < len(self._recipe.stages):
            return False
        weights = {
            "recipe": self._recipe.model_dump(mode="json"),
            "weights": self.model.state_dict(),
            "record": self._finished,
        }
        checkpoints.save(self._folder / "weights.pt", weights)
        return True

    # -- one stage ------------------------------------------------------------------------------

    def _run_stage(self, stage: Stage) -> bool:
        """Whether it came to its end; false when it was stopped before."""
        loss = self._losses[stage.loss]
        layout = torch.channels_last if stage.channels_last else torch.contiguous_format
        self.model.to(memory_format=layout)  # type: ignore[call-overload]
        parameters = learning(self.model, stage)
        groups = rate_groups(self.model, stage)
        # Not the optimiser's: those in a checkpoint are of the recipe as it was.
        shares = [group.pop("share") for group in groups]
        optimiser = torch.optim.Adam(groups, lr=stage.rate)
        average = WeightAverage(parameters)
        step, seconds = 0, 0.0
        if self._running is not None:
            step, seconds = self._running["step"], self._running["seconds"]
            optimiser.load_state_dict(self._running["optimiser"])
            average.restore(**self._running["average"])
        elif stage.exact:
            with batches(self._source, self._recipe, stage, self._device) as drawn:
                few = islice(drawn, CALIBRATION_BATCHES)
                calibrate(self.model, exact_layers(self.model), loss, few)
        set_exact(self.model, stage.exact)
        self.model.train()

        products = torch.bfloat16 if stage.bf16 else torch.float32
        throughput = Throughput(self._device, products, batch_size(self._recipe, stage))
        rates: dict[str, float] = {}
        means, failures, began, logged = Means(), 0, time.monotonic() - seconds, (step, seconds)
        with (
            batches(self._source, self._recipe, stage, self._device, step) as drawn,
            # Shown at a terminal only.
            tqdm(desc=stage.name, total=stage.steps, initial=step, disable=None) as bar,
        ):
            while (progress := share_done(stage, step, seconds)) < 1:
                for group, share in zip(optimiser.param_groups, shares, strict=True):
                    group["lr"] = share * rate_at(stage, step, progress)
                with throughput.counted():
                    value = self._step(next(drawn), stage, loss, optimiser, parameters, means)
                if value is None:
                    failures += 1
                    if failures >= PATIENCE:
                        raise DivergedError(f"{stage.name}: no finite loss in {PATIENCE} steps")
                else:
                    failures = 0
                    average.update()
                    shown = {"loss": f"{value:.4g}", "of the peak": rates.get("share_of_peak", "?")}
                    bar.set_postfix(shown, refresh=False)
                step, seconds = step + 1, time.monotonic() - began
                bar.update()
                stopped = self._stop()
                if step % LOG_EVERY == 0 or stopped:
                    rates = throughput.rates(step - logged[0], seconds - logged[1])
                    self._log(stage, step, seconds, rates, means)
                    logged = (step, seconds)
                if step % SAVE_EVERY == 0 or stopped:
                    self._running = {
                        "name": stage.name,
                        "step": step,
                        "seconds": seconds,
                        "optimiser": optimiser.state_dict(),
                        "average": average.state(),
                    }
                    self._validate(stage, loss, average, step, seconds)
                    self._save()
                if stopped:
                    log.info("%s: %s", stage.name, in_words(rates))
                    return False
        if step > logged[0]:
            rates = throughput.rates(step - logged[0], seconds - logged[1])
            self._log(stage, step, seconds, rates, means)
        self._validate(stage, loss, average, step, seconds)
        average.exchange()
        self._running = None
        rates = throughput.rates(step, seconds)
        self._finished.append(self._record(stage, step, seconds) | rates)
        self._save()
        log.info("%s: %s", stage.name, in_words(rates))
        return True

    def _step(
        self,
        batch: Tensor,
        stage: Stage,
        loss: Loss,
        optimiser: torch.optim.Optimizer,
        parameters: list[nn.Parameter],
        means: Means,
    ) -> float | None:
        """The loss of one step; None where it or its gradient is not finite: nothing is learnt."""
        with torch.autocast(self._device.type, torch.bfloat16, enabled=stage.bf16):
            value, parts = loss(batch)
        optimiser.zero_grad()
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, LARGEST_NORM)
        finite = bool(torch.isfinite(value.detach()) & torch.isfinite(norm))
        means.add({"skipped": float(not finite)})
        if not finite:
            return None
        optimiser.step()
        means.add({"loss": float(value.detach()), "gradient": float(norm), **parts})
        return float(value.detach())

    # -- what is written ------------------------------------------------------------------------

    def _log(
        self, stage: Stage, step: int, seconds: float, rates: dict[str, float], means: Means
    ) -> None:
        self._metrics.write(
            stage=stage.name,
            step=step,
            seconds=round(seconds, 3),
            **rates,
            **means.take(),
        )

    @torch.no_grad()
    def _validate(
        self, stage: Stage, loss: Loss, average: WeightAverage, step: int, seconds: float
    ) -> None:
        """The loss of the averaged weights on pictures that are never learnt from.

        The same random numbers each time, and training's own are left as they were.
        """
        held_back = self._source.validation_batches(self._recipe.data.batch)
        if not held_back:
            return
        means = Means()
        average.exchange()
        self.model.eval()
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self._recipe.seed)
            for crops in held_back:
                with torch.autocast(self._device.type, torch.bfloat16, enabled=stage.bf16):
                    value, parts = loss(to_device(torch.from_numpy(crops), stage, self._device))
                means.add({"loss": float(value), **parts})
        self.model.train()
        average.exchange()
        self._metrics.write(
            stage=stage.name, step=step, seconds=round(seconds, 3), validation=means.take()
        )

    def _record(self, stage: Stage, step: int, seconds: float) -> dict[str, Any]:
        """What the model card says about a stage."""
        cuda = self._device.type == "cuda"
        return {
            "stage": stage.name,
            "steps": step,
            "seconds": round(seconds, 1),
            "pictures": len(self._source.training),
            "device": torch.cuda.get_device_name(self._device) if cuda else platform.machine(),
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
        }

    def _save(self) -> None:
        state = {
            "recipe": self._recipe.model_dump(mode="json"),
            "weights": self.model.state_dict(),
            "finished": self._finished,
            "running": self._running,
            "random": checkpoints.random_state(),
            "metrics": self._metrics.position,
        }
        checkpoints.save(self._path, state)

    def _begin(self) -> int:
        package = self._recipe.model.pretrained
        if package is not None:
            cast(Pretrainable, self.model).load_pretrained(pretrained_weights(package))
        return 0

    def _resume(self) -> int:
        state = checkpoints.load(self._path, self._device)
        saved = Recipe.model_validate(state["recipe"])
        # Stages may be lengthened or added between runs; the network and its data may not.
        for part in ("model", "data"):
            if getattr(saved, part) != getattr(self._recipe, part):
                raise RecipeError(f"{self._path} was made by a recipe with another [{part}]")
        self.model.load_state_dict(state["weights"])
        self._finished, self._running = state["finished"], state["running"]
        checkpoints.set_random_state(state["random"])
        position: int = state["metrics"]
        return position

    def _done(self) -> list[str]:
        return [record["stage"] for record in self._finished]
