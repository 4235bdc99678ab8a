"""Which model codes the exact blade: a JPEG's coefficients where they do, else pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.codec import exact_source
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.lossless import LosslessCoder
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BadParameter, UnknownModel
from service.pictures import Limits, Picture, read_picture
from service.pictures.jpeg_blocks import JpegBlocks, read_blocks
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.conftest import SAMPLES
from tests.service.codec.coding import picture_of
from tests.service.codec.jpeg_toy import jpeg_file

LIMITS = Limits(2**24, 2**24, 2**14)
EXACT = CompressOptions(mode="roi-only")
STRICT = DecompressOptions(strict=True)


def as_format(picture: Picture, name: str, **save: object) -> Picture:
    file = BytesIO()
    Image.fromarray(picture.pixels[:60, :70]).save(file, name, **save)
    return read_picture(file.getvalue(), limits=LIMITS)


OTHERS = {
    "png": ("PNG", {}),
    "progressive": ("JPEG", {"progressive": True}),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_pictures_are_coded_as_pixels(
    jpeg_encoder: Encoder, jpeg_decoder: Decoder, jpeg_source: Picture, kind: str
) -> None:
    name, save = OTHERS[kind]
    other = as_format(jpeg_source, name, **save)
    compressed = jpeg_encoder.compress(other, "full", EXACT)
    assert str(compressed.report["lossless_model"]).startswith("pyramid/")
    assert parse(compressed.data).header.jpeg is None
    assert np.array_equal(jpeg_decoder.decompress(compressed.data, STRICT).pixels, other.pixels)
    with pytest.raises(BadParameter, match="coefficients of a JPEG"):
        jpeg_encoder.compress(other, "full", replace(EXACT, lossless_model="jpeg-dct"))


@pytest.mark.parametrize("where", ["luma", "nowhere", "size", "colours"])
def test_coefficients_that_give_other_pixels_are_not_coded(
    jpeg_encoder: Encoder, jpeg_source: Picture, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """As those of a file that the picture's decoder repaired would."""
    small = as_format(jpeg_source, "JPEG")
    mask = np.zeros((60, 70), bool)
    mask[5, 5] = True

    def other(data: bytes) -> JpegBlocks:
        blocks = read_blocks(data)
        assert blocks is not None
        luma = blocks.coefficients[0].copy()
        luma[0, 0, 0] += where == "luma"
        if where == "size":
            return replace(blocks, height=59)
        if where == "colours":
            return replace(blocks, steps=blocks.steps[:1], coefficients=(luma,))
        return replace(blocks, coefficients=(luma, *blocks.coefficients[1:]))

    monkeypatch.setattr(exact_source, "read_blocks", other)
    report = jpeg_encoder.compress(small, mask, EXACT).report
    model = "jpeg-dct/1" if where == "nowhere" else "pyramid/"
    assert str(report["lossless_model"]).startswith(model)
    named = replace(EXACT, lossless_model="jpeg-dct")
    if where == "nowhere":
        assert jpeg_encoder.compress(small, mask, named).report["lossless_model"] == "jpeg-dct/1"
        return
    with pytest.raises(BadParameter, match="to the bit"):
        jpeg_encoder.compress(small, mask, named)


def test_only_blade_must_come_out_of_the_coefficients(
    jpeg_encoder: Encoder, jpeg_decoder: Decoder, jpeg_source: Picture, jpeg_blade: np.ndarray
) -> None:
    """Pixels of the background that no decoder makes do no harm."""
    pixels = jpeg_source.pixels.copy()
    pixels[:200, :200] ^= 1
    compressed = jpeg_encoder.compress(replace(jpeg_source, pixels=pixels), jpeg_blade, EXACT)
    assert compressed.report["lossless_model"] == "jpeg-dct/1"
    pixels[300, 300] ^= 1
    compressed = jpeg_encoder.compress(replace(jpeg_source, pixels=pixels), jpeg_blade, EXACT)
    assert str(compressed.report["lossless_model"]).startswith("pyramid/")


def test_fine_steps_are_coded_as_pixels_where_these_take_less(
    jpeg_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = read_picture(jpeg_file(300, 280, "4:4:4", quality=100), limits=LIMITS)
    asked: list[int] = []

    def cost(bits: float) -> Callable[..., float]:
        def counted(coder: object, pixels: np.ndarray, numbers: list[int]) -> float:
            asked.extend(numbers)
            return bits

        return counted

    for bits, name in ((1.0, "pyramid"), (1e9, "jpeg-dct")):
        monkeypatch.setattr(LosslessCoder, "bits", cost(bits))
        report = jpeg_encoder.compress(fine, "full", EXACT).report
        assert str(report["lossless_model"]).startswith(f"{name}/")
    assert asked == [0, 1, 2, 3] * 2
    named = replace(EXACT, lossless_model="jpeg-dct")
    assert jpeg_encoder.compress(fine, "full", named).report["lossless_model"] == "jpeg-dct/1"
    coarse = read_picture(jpeg_file(300, 280, "4:4:4", quality=90), limits=LIMITS)
    monkeypatch.setattr(LosslessCoder, "bits", cost(1.0))
    report = jpeg_encoder.compress(coarse, "full", EXACT).report
    assert report["lossless_model"] == "jpeg-dct/1"
    assert len(asked) == 8


def test_a_named_model_codes(
    jpeg_encoder: Encoder, jpeg_source: Picture, jpeg_blade: np.ndarray
) -> None:
    for name in ("pyramid", "jpeg-dct"):
        report = jpeg_encoder.compress(
            jpeg_source, jpeg_blade, replace(EXACT, lossless_model=name)
        ).report
        assert str(report["lossless_model"]).startswith(f"{name}/")
    with pytest.raises(UnknownModel):
        jpeg_encoder.compress(jpeg_source, jpeg_blade, replace(EXACT, lossless_model="jpeg-dwt"))


@pytest.mark.parametrize("name", [None, "jpeg-dct"])
def test_without_blade_there_are_no_coefficients(
    jpeg_encoder: Encoder, jpeg_decoder: Decoder, jpeg_source: Picture, name: str | None
) -> None:
    options = CompressOptions(mode="roi-only", lossless_model=name)
    data = jpeg_encoder.compress(jpeg_source, "none", options).data
    assert parse(data).header.jpeg is None
    assert not jpeg_decoder.decompress(data, STRICT).pixels.any()
    other = replace(jpeg_source, jpeg=None, source_format="png")
    assert jpeg_encoder.compress(other, "none", options).data == data


def test_mode_lossy_reads_no_coefficients(
    jpeg_encoder: Encoder, jpeg_source: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact_source, "read_blocks", lambda data: pytest.fail("read"))
    report = jpeg_encoder.compress(jpeg_source, "full", CompressOptions(mode="lossy")).report
    assert report["lossless_model"] is None


def test_a_zoo_without_such_a_model_codes_pixels(
    zoo_folder: Path, tmp_path: Path, jpeg_source: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lite", "pyramid"):
        (tmp_path / name).symlink_to(zoo_folder / name)
    monkeypatch.setattr(exact_source, "read_blocks", lambda data: pytest.fail("read"))
    zoo = Zoo(tmp_path, Device("cpu", 1), "lite")
    small = as_format(jpeg_source, "JPEG")
    report = Encoder(zoo).compress(small, "full", EXACT).report
    assert str(report["lossless_model"]).startswith("pyramid/")
    with pytest.raises(UnknownModel):
        Encoder(zoo).compress(small, "full", replace(EXACT, lossless_model="jpeg-dct"))


def test_reading_and_comparing_can_be_stopped(jpeg_encoder: Encoder, jpeg_source: Picture) -> None:
    seen = []

    def stop(stage: str, done: int, total: int) -> None:
        seen.append((stage, done, total))
        raise KeyError(stage)

    with pytest.raises(KeyError):
        jpeg_encoder.compress(jpeg_source, "full", EXACT, stop)
    assert seen == [("jpeg", 0, 9)]


# -- the picture brings its file ------------------------------------------------------------------


def test_pictures_bring_a_jpeg_whose_pixels_are_its_own(jpeg_source: Picture) -> None:
    file = jpeg_file(30, 40, "4:2:0")
    assert read_picture(file, limits=LIMITS).jpeg == file
    assert as_format(jpeg_source, "PNG").jpeg is None
    assert picture_of(jpeg_source.pixels).jpeg is None
    inks = BytesIO()
    Image.new("CMYK", (16, 16), (9, 80, 3, 20)).save(inks, "JPEG")
    converted = read_picture(inks.getvalue(), limits=LIMITS, convert=True)
    assert (converted.source_format, converted.jpeg) == ("jpeg", None)


def test_the_bundled_photographs_are_of_the_kind() -> None:
    for path in sorted(SAMPLES.glob("*.jpg")):
        blocks = read_blocks(path.read_bytes())
        assert blocks is not None, path.name
