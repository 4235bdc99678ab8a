"""Checkpoints on disk: whole or not there, and read without running code from them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch


def save(path: Path, state: dict[str, Any]) -> None:
    """Write beside, then rename: a crash leaves the checkpoint before."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as out:
        torch.save(state, out)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What ``save`` wrote; tensors and plain values only."""
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state


def random_state() -> dict[str, Any]:
    """State of PyTorch's generators, on every device."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"torch": torch.get_rng_state(), "cuda": cuda}


def set_random_state(state: dict[str, Any]) -> None:
    """Go on where ``random_state`` was taken; on other devices, from their own state."""
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda"]])
