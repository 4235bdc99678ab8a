"""ONNX Runtime sessions on the provider that was asked for, or a clear refusal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.errors import ModelUnavailable

Provider = Literal["cpu", "cuda"]

_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


@dataclass(frozen=True)
class Device:
    """Where networks run.

    Attributes
    ----------
    provider
        ``cpu`` or ``cuda``.
    threads
        Of networks, and of what else is shared out on a CPU; 0 is one a core.
    """

    provider: Provider = "cpu"
    threads: int = 0

    @property
    def cores(self) -> int:
        """CPU cores for what is no network."""
        if self.threads or not hasattr(os, "sched_getaffinity"):
            return self.threads or os.cpu_count() or 1
        return len(os.sched_getaffinity(0))

    @property
    def lowering(self) -> Literal["integer", "float"]:
        """Which lowering of exact graphs runs here: the CUDA provider has no u8 MatMulInteger."""
        return "integer" if self.provider == "cpu" else "float"


def choose_device(wanted: Literal["auto", "cpu", "cuda"], threads: int) -> Device:
    """The device to run on.

    ``auto`` takes CUDA where ONNX Runtime was built with it and a session can be created, which
    only trying tells; see ``Session``. Asking for ``cuda`` where the build has none is an error.

    Raises
    ------
    ModelUnavailable
        CUDA was asked for by name and this build has none.
    """
    built = _NAMES["cuda"] in ort.get_available_providers()
    if wanted == "cuda" and not built:
        raise ModelUnavailable("CUDA was asked for, but this ONNX Runtime is built without it.")
    if wanted == "cpu" or not built:
        return Device("cpu", threads)
    return Device("cuda", threads)


class Session:
    """One network on one device; thread-safe.

    Parameters
    ----------
    model
        Path of the ONNX file.
    device
        Where it must run. ONNX Runtime falls back to the CPU in silence: here that is an error.

    Raises
    ------
    ModelUnavailable
        The session cannot be created, or landed on another provider.
    """

    def __init__(self, model: Path, device: Device) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = device.threads
        options.log_severity_level = 3
        # Tiles at the borders differ in shape: without these two the arena only ever grows.
        options.enable_mem_pattern = False
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        provider: Any = _NAMES[device.provider]
        if device.provider == "cuda":
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
            provider = (
                provider,
                {
                    "arena_extend_strategy": "kSameAsRequested",
                    "cudnn_conv_algo_search": "HEURISTIC",
                },
            )
        try:
            self._session = ort.InferenceSession(str(model), options, providers=[provider])
        except Exception as error:  # ONNX Runtime's own classes derive from Exception directly
            raise ModelUnavailable(f"{model.name} cannot be loaded: {error}") from error
        if self._session.get_providers()[0] != _NAMES[device.provider]:
            raise ModelUnavailable(
                f"{model.name} was to run on {device.provider}, but runs on "
                f"{self._session.get_providers()[0]}."
            )
        self.inputs = tuple(entry.name for entry in self._session.get_inputs())
        self.outputs = tuple(entry.name for entry in self._session.get_outputs())

    def run(self, **arrays: NDArray[Any]) -> list[NDArray[Any]]:
        """Outputs in the graph's order; inputs by name.

        Raises
        ------
        ModelUnavailable
            The provider failed (out of memory, a lost device).
        """
        try:
            outputs: list[NDArray[Any]] = self._session.run(
                None, {name: np.ascontiguousarray(array) for name, array in arrays.items()}
            )
        except Exception as error:
            raise ModelUnavailable(f"A network failed: {error}") from error
        return outputs
