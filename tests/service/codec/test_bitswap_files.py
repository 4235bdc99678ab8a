"""The shipped model with latents, through real files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from models.evaluation.latents import evidence_bound
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Compressed, Encoder
from service.codec.options import CompressOptions, DecompressOptions
from service.runtime.latent_model import LatentModel
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.conftest import Photograph
from tests.service.codec.coding import picture_of

STRICT = DecompressOptions(strict=True)


class FloatDevice(Device):
    """The CPU, running what a GPU runs."""

    @property
    def lowering(self) -> Literal["integer", "float"]:
        return "float"


@pytest.fixture(scope="module")
def pixels(tip: Photograph) -> np.ndarray:
    """300x460, four patches; the blade crosses two of them."""
    return np.ascontiguousarray(tip.picture.pixels[150:450, 40:500])


@pytest.fixture(scope="module")
def mask(pixels: np.ndarray) -> np.ndarray:
    found = np.zeros(pixels.shape[:2], bool)
    found[:, 300:] = True
    return found


@pytest.fixture(scope="module")
def coded(zoo: Zoo, pixels: np.ndarray, mask: np.ndarray) -> Compressed:
    options = CompressOptions(mode="lossless", lossless_model="bitswap", quality=6.0)
    return Encoder(zoo).compress(picture_of(pixels), mask, options)


def test_every_blade_pixel_and_every_lent_stream_comes_back(
    zoo: Zoo, coded: Compressed, pixels: np.ndarray, mask: np.ndarray
) -> None:
    assert coded.report["exact"] is True
    assert str(coded.report["lossless_model"]).startswith("bitswap/")
    assert coded.report["lent_patches"]
    decoded = Decoder(zoo).decompress(coded.data, STRICT)
    assert np.array_equal(decoded.pixels[mask], pixels[mask])
    assert decoded.report["exact"] is True


@pytest.mark.parametrize("device", [Device("cpu", 2), FloatDevice("cpu", 1)])
def test_another_device_reads_and_writes_the_same(
    zoo_folder: Path,
    coded: Compressed,
    pixels: np.ndarray,
    mask: np.ndarray,
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.codec.stacks.LANES", 1)
    monkeypatch.setattr("service.codec.stack_reader.LANES", 1)
    other = Zoo(zoo_folder, device, "lite")
    decoded = Decoder(other).decompress(coded.data, STRICT)
    assert np.array_equal(decoded.pixels[mask], pixels[mask])
    options = CompressOptions(mode="roi-only", lossless_model="bitswap", dilation=0)
    files = [
        Encoder(each).compress(picture_of(pixels), mask, options).data
        for each in (other, Zoo(zoo_folder, Device("cpu", 1), "lite"))
    ]
    assert files[0] == files[1]


def test_files_cost_the_evidence_bound(zoo: Zoo, pixels: np.ndarray) -> None:
    """Within 1 % of -ELBO and 64 bits a stream, initial bits apart."""
    model = zoo.lossless("bitswap")
    assert isinstance(model, LatentModel)
    options = CompressOptions(mode="roi-only", lossless_model="bitswap", verify=False)
    data = Encoder(zoo).compress(picture_of(pixels), "full", options).data
    stacks = parse(data).stacks
    assert sorted(n for stack in stacks for n in stack.patches) == [0, 1, 2, 3]
    net = sum(8 * (stack.length - stack.filler) for stack in stacks)
    bound = evidence_bound(model, pixels)
    assert abs(net - bound) < 0.01 * bound + 64 * len(stacks)
