"""What many tests share: the zoo that ships, and the two bundled photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.pictures import Limits, Picture, read_mask, read_picture
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from service.settings import Settings

SAMPLES = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True)
class Photograph:
    """A picture and where its blade is, (H, W) bool."""

    picture: Picture
    blade: NDArray[np.bool_]


@pytest.fixture(scope="session")
def zoo_folder() -> Path:
    """Where the shipped models lie; not to be written to."""
    return Settings(_env_file=None).zoo_path


@pytest.fixture(scope="session")
def paper_zoo_folder(zoo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped models, but the lossy one of the profile ``roi-eml`` is tiny."""
    from tests.models.paper_zoo import write_paper_zoo  # torch, which few tests need

    folder = tmp_path_factory.mktemp("paper_zoo")
    write_paper_zoo(folder, zoo_folder)
    return folder


@pytest.fixture(scope="session")
def jpeg_zoo_folder(zoo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shipped models, and a toy that codes the coefficients of JPEGs; not to be written to."""
    from tests.service.codec.jpeg_toy import write_jpeg_toy  # ONNX, which few tests need

    folder = tmp_path_factory.mktemp("jpeg_zoo")
    for name in ("lite", "pyramid"):
        (folder / name).symlink_to(zoo_folder / name)
    write_jpeg_toy(folder / "jpeg-dct" / "1")
    return folder


@pytest.fixture(scope="session")
def jpeg_zoo(jpeg_zoo_folder: Path) -> Zoo:
    return Zoo(jpeg_zoo_folder, Device("cpu", 1), "lite")


@pytest.fixture(scope="session")
def zoo(zoo_folder: Path) -> Zoo:
    """The shipped models on one thread of the CPU."""
    return Zoo(zoo_folder, Device("cpu", 1), "lite")


@pytest.fixture(scope="session")
def encoder(zoo: Zoo) -> Encoder:
    return Encoder(zoo)


@pytest.fixture(scope="session")
def decoder(zoo: Zoo) -> Decoder:
    return Decoder(zoo)


@pytest.fixture(scope="session")
def photographs() -> dict[str, Photograph]:
    """The bundled photographs by name, 640x640."""
    limits = Limits(2**24, 2**20, 2**12)
    found = {}
    for name in ("blade-tip", "blade-root"):
        picture = read_picture((SAMPLES / f"{name}.jpg").read_bytes(), limits=limits)
        mask = (SAMPLES / f"{name}.mask.png").read_bytes()
        blade = read_mask(mask, width=picture.width, height=picture.height, limits=limits)
        found[name] = Photograph(picture, blade)
    return found


@pytest.fixture(scope="session")
def tip(photographs: dict[str, Photograph]) -> Photograph:
    return photographs["blade-tip"]
