"""Files that several tests decode: lossy ones; and exact ones without networks, for the tests that
are about files and not about models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from service.codec import lossless
from service.codec.decoder import Decoder
from service.codec.encoder import Compressed, Encoder
from service.codec.options import CompressOptions
from service.errors import UnknownModel
from service.pictures import Metadata, Picture
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.conftest import Photograph
from tests.service.codec.base_chain import MODEL, BaseChain
from tests.service.codec.coding import picture_of, textured
from tests.service.codec.latent_toy import ToyModel
from tests.service.codec.lossy_files import HEIGHT, WIDTH


@pytest.fixture(scope="session")
def wide(tip: Photograph) -> np.ndarray:
    """A picture of 3 x 4 patches: the photograph and its mirror images."""
    pixels = tip.picture.pixels
    row = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
    return np.concatenate([row, row[::-1]])[:HEIGHT, :WIDTH]


@pytest.fixture(scope="session")
def blade(encoder: Encoder, wide: np.ndarray) -> bytes:
    """That picture at two qualities."""
    mask = np.zeros(wide.shape[:2], bool)
    mask[300:480, 20:200] = True
    options = CompressOptions(mode="lossy", quality=3.0, roi_quality=6.0)
    return encoder.compress(picture_of(wide), mask, options).data


@pytest.fixture(scope="session")
def whole(decoder: Decoder, blade: bytes) -> np.ndarray:
    return decoder.decompress(blade).pixels


@pytest.fixture(scope="session")
def small(encoder: Encoder, tip: Photograph) -> bytes:
    """2 x 3 patches at two qualities."""
    mask = np.zeros((300, 520), bool)
    mask[:, 200:230] = True
    picture = picture_of(tip.picture.pixels[100:400, 60:580])
    return encoder.compress(
        picture, mask, CompressOptions(mode="lossy", quality=2.0, roi_quality=7.0)
    ).data


class BaseZoo(Zoo):
    """The shipped lossy models, and a lossless model without networks."""

    has_lossless = True

    def lossless(self, name: str | None = None):  # type: ignore[no-untyped-def]
        if name not in (None, MODEL.card.name):
            raise UnknownModel(f"no {name}")
        return MODEL

    def lossless_by_digest(self, digest: bytes, name: str = "?"):  # type: ignore[no-untyped-def]
        if digest != MODEL.card.digest:
            raise UnknownModel(f"no {name}", digest=digest.hex())
        return MODEL


@pytest.fixture(scope="module")
def base_chain() -> Iterator[None]:
    """Walk without networks, for a whole module."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lossless, "PixelChain", BaseChain)
        yield


@pytest.fixture(scope="module")
def base_zoo(zoo_folder: Path, base_chain: None) -> Zoo:
    return BaseZoo(zoo_folder, Device("cpu", 1), "lite")


@pytest.fixture(scope="module")
def base_encoder(base_zoo: Zoo) -> Encoder:
    return Encoder(base_zoo)


@pytest.fixture(scope="module")
def base_decoder(base_zoo: Zoo) -> Decoder:
    return Decoder(base_zoo)


class ToyZoo(Zoo):
    """The shipped lossy models, and a lossless model with latents without networks."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Device("cpu", 1), "lite")
        self.toy = ToyModel()

    def lossless(self, name: str | None = None) -> ToyModel:
        return self.toy

    def lossless_by_digest(self, digest: bytes, name: str = "?") -> ToyModel:
        if digest != self.toy.card.digest:
            raise UnknownModel(f"no {name}", digest=digest.hex())
        return self.toy


@pytest.fixture(scope="session")
def toy_zoo(zoo_folder: Path) -> ToyZoo:
    return ToyZoo(zoo_folder)


@pytest.fixture(scope="session")
def toy_encoder(toy_zoo: ToyZoo) -> Encoder:
    return Encoder(toy_zoo)


@pytest.fixture(scope="session")
def toy_decoder(toy_zoo: ToyZoo) -> Decoder:
    return Decoder(toy_zoo)


@pytest.fixture(scope="module")
def wavy() -> np.ndarray:
    """A picture of 3x3 patches, 600x700."""
    return textured(600, 700) // 2


@pytest.fixture(scope="module")
def wavy_mask() -> np.ndarray:
    """Blade in three patches of it: 1, 4 and 5."""
    blade = np.zeros((600, 700), bool)
    blade[100:110, 380:390] = blade[400:410, 380:600] = True
    return blade


@pytest.fixture(scope="module")
def wavy_file(base_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray) -> Compressed:
    """The picture with an exact blade in a lossy background."""
    metadata = Metadata(exif=b"II*\0exif", xmp=None, icc=None)
    return base_encoder.compress(
        picture_of(wavy, metadata), wavy_mask, CompressOptions(mode="lossless")
    )


@pytest.fixture(scope="session")
def jpeg_encoder(jpeg_zoo: Zoo) -> Encoder:
    return Encoder(jpeg_zoo)


@pytest.fixture(scope="session")
def jpeg_decoder(jpeg_zoo: Zoo) -> Decoder:
    return Decoder(jpeg_zoo)


@pytest.fixture(scope="module")
def jpeg_source() -> Picture:
    """A JPEG of 3x3 patches, 600x700."""
    from tests.service.codec.jpeg_toy import jpeg_picture  # ONNX, which few tests need

    return jpeg_picture(600, 700, "4:2:0")


@pytest.fixture(scope="module")
def jpeg_blade() -> np.ndarray:
    """Blade in patches 1, 4 and 5 of it."""
    mask = np.zeros((600, 700), bool)
    mask[100:110, 380:390] = mask[400:410, 380:600] = True
    return mask
