"""A network that learns one colour, recipes for it, and what a run of them leaves."""

import json

import torch
from torch import nn

from models.training.recipe import Recipe

CPU = torch.device("cpu")
HP = {"name": "hp", "arguments": {"N": 4, "M": 6, "width": 4, "features": 4}}


def recipe(*stages, model=None):
    return Recipe.model_validate(
        {
            "model": model or {"name": "toy"},
            "data": {"crop": [256, 256], "batch": 2, "validation_share": 0.25},
            "stages": stages,
        }
    )


def stage(name="first", **changes):
    return {"name": name, "loss": "fit", "steps": 6, "rate": 0.05, "warm_up": 2} | changes


class Toy(nn.Module):
    """Learns the mean colour, from noise that makes every step differ."""

    broken_steps = frozenset()

    def __init__(self):
        super().__init__()
        self.colour = nn.Parameter(torch.zeros(3))
        self.other = nn.Linear(1, 1)
        self.calls = 0

    def losses(self):
        return {"fit": self.fit}

    def fit(self, rgb):
        if torch.is_grad_enabled():
            self.calls += 1
        target = rgb.mean((0, 2, 3)) / 255 + 0.1 * torch.randn(3)
        value = (self.colour - target).square().sum() + self.other.weight.square().sum()
        if self.calls in self.broken_steps and torch.is_grad_enabled():
            value = value * float("nan")
        return value, {"seen": 1.0}


def after(steps):
    """A stop that is asked after so many steps."""
    count = iter(range(1, 10**6))
    return lambda: next(count) >= steps


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)["weights"]
