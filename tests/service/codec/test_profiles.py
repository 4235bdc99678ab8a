"""The ROI paper's chain through real files: another lossy model, and stacks it is lent to.

The lossy model is a tiny one with random weights, so that nothing here hangs on how well it does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.codec import grid as grid_module
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Compressed, Encoder
from service.codec.inspection import inspect
from service.codec.options import CompressOptions, DecompressOptions
from service.codec.patches import PatchCoder
from service.errors import ModelUnavailable, TargetUnreachable, UnknownModel
from service.runtime.exact_chain import GroupLayout
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.conftest import Photograph
from tests.service.codec.coding import picture_of
from tests.service.codec.patch_areas import Region, crop

STRICT = DecompressOptions(strict=True)
ROI_EML = CompressOptions(profile="roi-eml")


@pytest.fixture(scope="module")
def paper_zoo(paper_zoo_folder: Path) -> Zoo:
    return Zoo(paper_zoo_folder, Device("cpu", 1), "lite")


@pytest.fixture(scope="module")
def pixels(tip: Photograph) -> np.ndarray:
    """480x600: six patches, the lower and the right ones cut."""
    return np.ascontiguousarray(tip.picture.pixels[100:580, 20:620])


@pytest.fixture(scope="module")
def mask(pixels: np.ndarray) -> np.ndarray:
    """Blade in the two patches of the middle column."""
    found = np.zeros(pixels.shape[:2], bool)
    found[:, 300:460] = True
    return found


@pytest.fixture(scope="module")
def coded(paper_zoo: Zoo, pixels: np.ndarray, mask: np.ndarray) -> Compressed:
    return Encoder(paper_zoo).compress(picture_of(pixels), mask, ROI_EML)


@pytest.fixture(scope="module")
def whole(paper_zoo: Zoo, coded: Compressed) -> np.ndarray:
    return Decoder(paper_zoo).decompress(coded.data, STRICT).pixels


def blade_of(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    patches = np.kron(parse(data).header.mask, np.ones((256, 256), bool))
    return patches[: shape[0], : shape[1]]


def test_the_background_is_lent_and_the_blade_is_exact(
    paper_zoo: Zoo, coded: Compressed, pixels: np.ndarray, whole: np.ndarray
) -> None:
    report = coded.report
    assert (report["profile"], report["mode"]) == ("roi-eml", "lossless")
    assert (report["model"], report["exact"]) == ("hp-easn-deep/1", True)
    assert str(report["lossless_model"]).startswith("bitswap/")
    assert report["lent_patches"]
    blade = blade_of(coded.data, pixels.shape)
    assert blade.any()
    assert not blade.all()
    assert np.array_equal(whole[blade], pixels[blade])
    assert (whole[~blade] != pixels[~blade]).any()
    models = inspect(coded.data, paper_zoo)["models"]
    assert [(m["name"], m["known"]) for m in models] == [("hp-easn-deep", True), ("bitswap", True)]


@pytest.mark.parametrize("region", [(0, 0, 40, 30), (200, 220, 120, 90), (520, 300, 80, 180)])
def test_a_region_is_a_crop_of_the_whole(
    paper_zoo: Zoo,
    coded: Compressed,
    whole: np.ndarray,
    region: Region,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grid_module, "TILE", 256)
    found = Decoder(paper_zoo).decompress(coded.data, DecompressOptions(region=region, strict=True))
    assert np.abs(found.pixels.astype(int) - crop(whole, region)).max() <= 1


def test_what_is_left_out_beyond_the_borders_changes_no_pixel(
    paper_zoo: Zoo, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EASN sees further than the two cells that do for a wavelet."""
    picture, options = picture_of(pixels[:400, :300]), CompressOptions("lossy", profile="roi-eml")
    least = Encoder(paper_zoo).compress(picture, "full", options).data

    def everything(coder: PatchCoder, layout: GroupLayout, numbers: list[int]) -> np.ndarray:
        return np.ones((len(numbers), layout.side, layout.side, 1), np.float32)

    monkeypatch.setattr(PatchCoder, "_inside", everything)
    most = Encoder(paper_zoo).compress(picture, "full", options).data
    assert len(least) < len(most)
    shown = [Decoder(paper_zoo).decompress(data, STRICT).pixels for data in (least, most)]
    assert np.array_equal(*shown)


def test_damage_to_a_stack_names_its_blade_and_its_donors(
    paper_zoo: Zoo, coded: Compressed, whole: np.ndarray
) -> None:
    blade, changed = parse(coded.data), bytearray(coded.data)
    stack = blade.stacks[0]
    changed[stack.offset + stack.length - 5] ^= 16
    decoded = Decoder(paper_zoo).decompress(bytes(changed))
    assert decoded.report["exact"] is False
    assert decoded.report["damaged_blade"] == sorted(stack.patches)
    assert set(stack.donors) <= set(decoded.report["damaged_streams"])
    sound = np.ones(whole.shape[:2], bool)
    for number in decoded.report["damaged"]:
        row, column = divmod(number, blade.header.patch_columns)
        sound[256 * row : 256 * (row + 1), 256 * column : 256 * (column + 1)] = False
    assert sound.any()
    assert np.array_equal(decoded.pixels[sound], whole[sound])


def test_its_lossy_mode_meets_a_size(paper_zoo: Zoo, pixels: np.ndarray, mask: np.ndarray) -> None:
    encoder, picture = Encoder(paper_zoo), picture_of(pixels)
    free = CompressOptions(profile="roi-eml", mode="lossy")
    size = len(encoder.compress(picture, mask, free).data)
    target = int(0.8 * size)
    options = CompressOptions(profile="roi-eml", mode="lossy", target_bytes=target)
    report = encoder.compress(picture, mask, options).report
    assert (report["model"], report["lossless_model"]) == ("hp-easn-deep/1", None)
    assert 0.97 * target <= report["bytes"] <= target
    with pytest.raises(TargetUnreachable):
        encoder.compress(
            picture, mask, CompressOptions(profile="roi-eml", mode="lossy", target_bytes=100)
        )


def test_a_zoo_without_its_models_cannot_serve_it(
    zoo_folder: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "lite").symlink_to(zoo_folder / "lite")
    encoder = Encoder(Zoo(tmp_path, Device("cpu", 1), "lite"))
    with pytest.raises(ModelUnavailable, match=r"Profile roi-eml .* 'hp-easn-deep'"):
        encoder.compress(picture_of(pixels), "none", ROI_EML)
    with pytest.raises(UnknownModel, match="'hp-easn-deep'"):
        encoder.compress(picture_of(pixels), "none", CompressOptions(model="hp-easn-deep"))
