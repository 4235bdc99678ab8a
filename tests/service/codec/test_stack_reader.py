"""What is held in memory while stacks are read."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec.container.parser import Blade
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions, DecompressOptions
from tests.service.codec.coding import picture_of
from tests.service.codec.conftest import ToyZoo


def test_stacks_are_opened_when_their_turn_comes(
    toy_encoder: Encoder,
    toy_zoo: ToyZoo,
    wavy: np.ndarray,
    wavy_mask: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that memory goes with the stacks that advance together, not with the blade."""
    options = CompressOptions(quality=8.0, dilation=0)
    data = toy_encoder.compress(picture_of(wavy), wavy_mask, options).data
    opened: list[int] = []
    original = Blade.stack

    def listen(blade: Blade, number: int) -> memoryview | None:
        opened.append(toy_zoo.toy.calls)
        return original(blade, number)

    monkeypatch.setattr(Blade, "stack", listen)
    monkeypatch.setattr("service.codec.stack_reader.LANES", 1)
    Decoder(toy_zoo).decompress(data, DecompressOptions(roi_only=True))
    assert len(opened) == 3
    assert opened == sorted(set(opened))  # the model ran before each of the others
