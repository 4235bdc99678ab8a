"""The codec that is used unless told otherwise, through the API, on a small picture."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from service.api.worker.codec import DEFAULT_FACTORY, open_codec
from service.errors import ModelUnavailable
from service.settings import Settings
from tests.service.api.conftest import pixels_of, until


def test_a_picture_goes_there_and_back(other_client, png, pixels):
    client = other_client(codec=DEFAULT_FACTORY)
    until(lambda: client.get("/readyz").status_code == 200)
    compressed = client.post("/compress", content=png)
    assert compressed.status_code == 200
    report = json.loads(compressed.headers["X-Bladestream-Report"])
    assert report["bytes"] == len(compressed.content)

    decoded = client.post("/decompress", content=compressed.content)
    assert decoded.status_code == 200
    assert json.loads(decoded.headers["X-Bladestream-Report"])["damaged"] == []
    assert report["exact"] is True
    assert np.array_equal(pixels_of(decoded.content), pixels)

    inspected = client.post("/inspect", content=compressed.content).json()
    assert inspected["models"][0]["digest"] in {
        model["digest"] for model in client.get("/models").json()["models"]
    }
    damaged = bytearray(compressed.content)
    damaged[0] ^= 1
    response = client.post("/decompress", content=bytes(damaged))
    assert (response.status_code, response.json()["code"]) == (422, "bad-stream")


def test_default_models_are_checked_at_the_start(zoo_folder, tmp_path):
    settings = Settings(zoo_path=zoo_folder, threads=1)
    assert {"lite", "pyramid"} <= {
        name.partition("/")[0] for name in open_codec(settings).zoo.health()["models_loaded"]
    }
    shutil.copytree(zoo_folder, tmp_path / "zoo")
    for answers in (tmp_path / "zoo" / "pyramid").glob("*/known_answers.npz"):
        answers.write_bytes(b"PK no answers")
    with pytest.raises(ModelUnavailable, match="known_answers"):
        open_codec(Settings(zoo_path=tmp_path / "zoo", threads=1))


def test_no_request_waits_for_a_compiler(zoo_folder, jpeg_zoo_folder, tmp_path, monkeypatch):
    calls = []
    for what in ("pictures.jpeg_entropy.compile_decoder", "runtime.trellis.compile_search"):
        monkeypatch.setattr(f"service.{what}", lambda what=what: calls.append(what))
    codec = open_codec(Settings(zoo_path=jpeg_zoo_folder, threads=1))
    assert "jpeg-dct/1" in codec.zoo.health()["models_loaded"]
    assert sorted(calls) == [
        "pictures.jpeg_entropy.compile_decoder",
        "runtime.trellis.compile_search",
    ]
    calls.clear()
    (tmp_path / "lite").mkdir()
    (tmp_path / "lite" / "3").symlink_to(zoo_folder / "lite" / "3")  # which rounds
    (tmp_path / "pyramid").symlink_to(zoo_folder / "pyramid")
    open_codec(Settings(zoo_path=tmp_path, threads=1))
    assert calls == []  # nothing would use them


class GoodForLossyOnly:
    """A zoo whose lossless model gets its known answers wrong on CUDA."""

    has_lossless = True
    fallback_reason = None

    def __init__(self, settings):
        self.provider = "cpu" if settings.provider == "cpu" else "cuda"

    def segmentation_if_usable(self):
        return None

    def by_name(self, name):
        return SimpleNamespace(anatomy=SimpleNamespace(quantiser="scalar"))

    def lossless(self):
        if self.provider == "cuda":
            raise ModelUnavailable("pyramid gets its known answers wrong")

    def lossless_of_jpegs(self):
        return None


def test_a_device_that_is_wrong_for_the_blade_is_left(monkeypatch):
    monkeypatch.setattr("service.runtime.zoo.Zoo.open", GoodForLossyOnly)
    zoo = open_codec(Settings(provider="auto")).zoo
    assert (zoo.provider, zoo.fallback_reason) == ("cpu", "pyramid gets its known answers wrong")
    with pytest.raises(ModelUnavailable, match="known answers"):
        open_codec(Settings(provider="cuda"))
