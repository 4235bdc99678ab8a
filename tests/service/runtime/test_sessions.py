"""A network runs where it was asked to, or says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from service.errors import ModelUnavailable
from service.runtime import sessions
from service.runtime.sessions import Device, Session, choose_device
from service.runtime.zoo import Zoo
from service.settings import Settings


@pytest.fixture
def network(zoo_folder: Path) -> Path:
    return zoo_folder / "lite" / "1" / "analysis.onnx"


@pytest.fixture
def silent_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that claims CUDA, and whose sessions end up on the CPU without a word."""
    real = ort.InferenceSession

    def on_the_cpu(path: str, options: object, providers: object) -> ort.InferenceSession:
        return real(path, ort.SessionOptions(), providers=["CPUExecutionProvider"])

    monkeypatch.setattr(sessions.ort, "InferenceSession", on_the_cpu)
    monkeypatch.setattr(
        sessions.ort,
        "get_available_providers",
        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )


def test_a_network_answers(network: Path) -> None:
    session = Session(network, Device("cpu", 1))
    assert session.inputs == ("picture",)
    (y,) = session.run(picture=np.zeros((1, 256, 320, 3), np.uint8))
    assert y.shape[:3] == (1, 16, 20)


def test_arrays_need_not_be_contiguous(network: Path) -> None:
    session = Session(network, Device("cpu", 1))
    picture = np.random.default_rng(0).integers(0, 256, (1, 512, 512, 3), np.uint8)
    (a,) = session.run(picture=picture[:, ::2, ::2])
    (b,) = session.run(picture=picture[:, ::2, ::2].copy())
    assert np.array_equal(a, b)


def test_what_cannot_run_is_an_error_of_the_family(network: Path) -> None:
    session = Session(network, Device("cpu", 1))
    with pytest.raises(ModelUnavailable):
        session.run(picture=np.zeros((1, 256, 256, 3), np.float32))
    with pytest.raises(ModelUnavailable):
        session.run(picture=np.zeros((1, 256), np.uint8))


def test_a_missing_or_broken_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"none\.onnx"):
        Session(tmp_path / "none.onnx", Device())
    (tmp_path / "broken.onnx").write_bytes(b"not a graph")
    with pytest.raises(ModelUnavailable, match=r"broken\.onnx"):
        Session(tmp_path / "broken.onnx", Device())


@pytest.mark.usefixtures("silent_fallback")
def test_a_silent_fallback_is_noticed(network: Path) -> None:
    with pytest.raises(ModelUnavailable, match="was to run on cuda, but runs on CPU"):
        Session(network, Device("cuda", 1))


@pytest.mark.usefixtures("silent_fallback")
def test_auto_falls_back_aloud(zoo_folder: Path, newest: str) -> None:
    zoo = Zoo.open(Settings(provider="auto", threads=1, zoo_path=zoo_folder))
    health = zoo.health()
    assert health["provider"] == "cpu"
    assert "was to run on cuda" in str(health["provider_fallback"])
    assert health["models_loaded"] == [newest]


@pytest.mark.usefixtures("silent_fallback")
def test_cuda_by_name_does_not_fall_back(zoo_folder: Path) -> None:
    with pytest.raises(ModelUnavailable, match="was to run on cuda"):
        Zoo.open(Settings(provider="cuda", threads=1, zoo_path=zoo_folder))


def test_cuda_where_the_build_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions.ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert choose_device("auto", 3) == Device("cpu", 3)
    assert choose_device("cpu", 0) == Device("cpu", 0)
    with pytest.raises(ModelUnavailable, match="built without it"):
        choose_device("cuda", 0)


def test_lowerings() -> None:
    assert Device("cpu").lowering == "integer"
    assert Device("cuda").lowering == "float"
