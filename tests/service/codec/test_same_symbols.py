"""A file decodes to the same symbols however its networks are run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.service.codec.coding import same_symbols, symbols_in


class _Float(Device):
    """The CPU with the lowering that GPUs use."""

    @property
    def lowering(self):  # type: ignore[no-untyped-def, override]
        return "float"


@pytest.fixture(scope="module")
def reference(zoo: Zoo, small: bytes) -> list[list[np.ndarray]]:
    with pytest.MonkeyPatch.context() as patched:
        return symbols_in(zoo, small, patched)


@pytest.mark.parametrize(
    "device", [Device("cpu", 1), Device("cpu", 2), _Float("cpu", 1), _Float("cpu", 2)]
)
def test_threads_and_lowerings_give_the_same_symbols(
    zoo_folder: Path,
    small: bytes,
    reference: list[list[np.ndarray]],
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Zoo(zoo_folder, device, "lite")
    assert same_symbols(symbols_in(other, small, monkeypatch), reference)


@pytest.mark.parametrize("batch", [1, 3, 8, 16])
def test_batches_give_the_same_symbols(
    zoo: Zoo,
    small: bytes,
    reference: list[list[np.ndarray]],
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.codec.lossy_layer.BATCH", batch)
    assert same_symbols(symbols_in(zoo, small, monkeypatch), reference)


@pytest.mark.parametrize("lowering", [Device, _Float])
@pytest.mark.parametrize(
    "level", ["ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"]
)
def test_optimisation_levels_give_the_same_symbols(
    zoo_folder: Path,
    small: bytes,
    reference: list[list[np.ndarray]],
    lowering: type[Device],
    level: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = ort.SessionOptions

    def at_level() -> ort.SessionOptions:
        made = options()
        made.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
        return made

    monkeypatch.setattr("service.runtime.sessions.ort.SessionOptions", at_level)
    other = Zoo(zoo_folder, lowering("cpu", 1), "lite")
    assert same_symbols(symbols_in(other, small, monkeypatch), reference)
