"""A running average of weights (EMA): what a stage hands on in place of its last step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DECAY = 0.999


class WeightAverage:
    """Exponential average of the parameters; its decay grows with the steps taken.

    Early weights are forgotten at once: the decay is (1 + n) / (10 + n) up to DECAY.
    """

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self._parameters = parameters
        self.values = [parameter.detach().clone() for parameter in parameters]
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the parameters as they are now."""
        decay = min(DECAY, (1 + self.steps) / (10 + self.steps))
        current: list[Tensor] = [parameter.detach() for parameter in self._parameters]
        torch._foreach_lerp_(self.values, current, 1 - decay)
        self.steps += 1

    @torch.no_grad()
    def exchange(self) -> None:
        """Put the average in the model and keep the model's weights here; twice undoes it."""
        for parameter, value in zip(self._parameters, self.values, strict=True):
            kept = parameter.detach().clone()
            parameter.copy_(value)
            value.copy_(kept)

    def state(self) -> dict[str, object]:
        """What ``restore`` needs, for a checkpoint."""
        return {"values": self.values, "steps": self.steps}

    @torch.no_grad()
    def restore(self, values: list[Tensor], steps: int) -> None:
        """Go on where ``state`` was taken."""
        for mine, saved in zip(self.values, values, strict=True):
            mine.copy_(saved)
        self.steps = steps
