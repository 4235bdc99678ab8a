"""Batches, drawn by threads while the device computes on those before.

What is drawn lies decoded in a memory-mapped file. Threads crop, warp and repaint, in NumPy and
Pillow, which let go of the interpreter for it; batches go to a GPU as bytes from pinned memory and
become floats there.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.training.recipe import Recipe, Stage
from models.training.sources import Source

MOST_THREADS = 16


@contextmanager
def batches(
    source: Source, recipe: Recipe, stage: Stage, device: torch.device, first: int = 0
) -> Iterator[Iterator[Tensor]]:
    """The batches of a stage from step ``first`` on, without end: (B, C, H, W), 0..255.

    float32 on the device, in the stage's memory format. A batch depends on the recipe's seed, the
    stage's name and the step alone: not on how many threads draw, nor on where a run went on. As
    many threads draw as PyTorch computes with on the CPU.
    """
    threads = min(torch.get_num_threads(), MOST_THREADS)
    key = recipe.seed, zlib.crc32(stage.name.encode())
    size = batch_size(recipe, stage)

    def draw(step: int) -> Tensor:
        rng = np.random.default_rng([*key, step])
        return _pinned(source.draw(size, rng, stage.crop), device)

    def in_order() -> Iterator[Tensor]:
        ahead: deque[Future[Tensor]] = deque()
        for step in count(first):
            ahead.append(pool.submit(draw, step))
            if len(ahead) > threads:
                yield to_device(ahead.popleft().result(), stage, device)

    pool = ThreadPoolExecutor(threads, thread_name_prefix="draw")
    try:
        yield in_order()
    finally:
        pool.shutdown(cancel_futures=True)


def batch_size(recipe: Recipe, stage: Stage) -> int:
    """Pictures in a step of a stage."""
    return stage.batch or recipe.data.batch


def to_device(pictures: Tensor, stage: Stage, device: torch.device) -> Tensor:
    """(B, H, W, C) integers to (B, C, H, W) float32 on the device, in the stage's memory format."""
    layout = torch.channels_last if stage.channels_last else torch.contiguous_format
    there = pictures.to(device, non_blocking=True).permute(0, 3, 1, 2).float()
    return there.contiguous(memory_format=layout)


def _pinned(drawn: NDArray[np.uint8] | NDArray[np.int16], device: torch.device) -> Tensor:
    """The same in memory that a GPU reads by itself."""
    pictures = torch.from_numpy(drawn)
    return pictures.pin_memory() if device.type == "cuda" else pictures
