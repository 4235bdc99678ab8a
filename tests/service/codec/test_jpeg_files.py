"""Files with an exact blade from a JPEG's coefficients: made where that works, and only there."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.codec import exact_source
from service.codec.container.layout import ModelReference
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.inspection import inspect
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BadParameter, BadStream, DamagedStream, UnknownModel, WorkerFailed
from service.pictures import Limits, Picture, read_picture
from service.pictures.jpeg_blocks import JpegBlocks, read_blocks
from service.runtime.jpeg_model import JpegModel
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.conftest import SAMPLES
from tests.service.codec.coding import picture_of
from tests.service.codec.jpeg_toy import SUBSAMPLINGS, jpeg_file, jpeg_picture

LIMITS = Limits(2**24, 2**24, 2**14)
EXACT = CompressOptions(mode="roi-only")
STRICT = DecompressOptions(strict=True)


@pytest.fixture(scope="module")
def encoder(jpeg_zoo: Zoo) -> Encoder:
    return Encoder(jpeg_zoo)


@pytest.fixture(scope="module")
def decoder(jpeg_zoo: Zoo) -> Decoder:
    return Decoder(jpeg_zoo)


@pytest.fixture(scope="module")
def picture() -> Picture:
    """Of 3x3 patches."""
    return jpeg_picture(600, 700, "4:2:0")


@pytest.fixture(scope="module")
def blade(picture: Picture) -> np.ndarray:
    """In patches 1, 4 and 5."""
    mask = np.zeros((600, 700), bool)
    mask[100:110, 380:390] = mask[400:410, 380:600] = True
    return mask


@pytest.fixture(scope="module")
def file(encoder: Encoder, picture: Picture, blade: np.ndarray) -> bytes:
    return encoder.compress(picture, blade, EXACT).data


def changed(data: bytes, at: int, value: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ value]) + data[at + 1 :]


# -- what comes out ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SUBSAMPLINGS)
@pytest.mark.parametrize(("height", "width"), [(40, 50), (257, 300)])
def test_the_pixels_are_those_that_pillow_shows(
    encoder: Encoder, decoder: Decoder, kind: str, height: int, width: int
) -> None:
    file = jpeg_file(height, width, kind)
    compressed = encoder.compress(read_picture(file, limits=LIMITS), "full", EXACT)
    with Image.open(BytesIO(file)) as image:
        pixels = np.asarray(image)
    decoded = decoder.decompress(compressed.data, STRICT)
    assert np.array_equal(decoded.pixels, pixels)
    assert compressed.report["lossless_model"] == decoded.report["lossless_model"] == "jpeg-dct/1"
    assert decoded.report["exact"] is compressed.report["exact"] is True
    json.dumps(compressed.report, allow_nan=False)


def test_a_blade_in_a_lossy_background(
    encoder: Encoder, decoder: Decoder, picture: Picture, blade: np.ndarray
) -> None:
    compressed = encoder.compress(picture, blade, CompressOptions())
    header = parse(compressed.data).header
    assert header.jpeg is not None
    assert (header.mode, header.jpeg.label, header.has_lossy_layer) == ("lossless", "4:2:0", True)
    decoded = decoder.decompress(compressed.data, STRICT)
    area = np.kron(header.mask, np.ones((256, 256), bool))[:600, :700]
    assert np.array_equal(decoded.pixels[area], picture.pixels[area])
    assert decoded.report["exact_patches"] == 3
    lossless = inspect(compressed.data)["lossless"]
    assert isinstance(lossless, dict)
    assert (lossless["jpeg"], lossless["count"]) == ("4:2:0", 3)
    assert lossless["bytes"] == compressed.report["blade_bytes"]


def test_a_region_is_the_same_as_in_the_whole(decoder: Decoder, file: bytes) -> None:
    whole = decoder.decompress(file).pixels
    for region in [(0, 0, 700, 600), (250, 250, 20, 20), (512, 256, 188, 256), (300, 511, 9, 2)]:
        x, y, width, height = region
        shown = decoder.decompress(file, DecompressOptions(region=region)).pixels
        assert np.array_equal(shown, whole[y : y + height, x : x + width])


def test_a_target_is_met_around_it(
    encoder: Encoder, decoder: Decoder, picture: Picture, blade: np.ndarray
) -> None:
    free = encoder.compress(picture, blade, CompressOptions(quality=4.0))
    target = len(free.data)
    compressed = encoder.compress(picture, blade, CompressOptions(target_bytes=target))
    assert 0.9 * target < len(compressed.data) <= target
    assert compressed.report["lossless_model"] == "jpeg-dct/1"
    assert compressed.report["blade_bytes"] == free.report["blade_bytes"]
    assert decoder.decompress(compressed.data, STRICT).report["exact"] is True


# -- damage --------------------------------------------------------------------------------------


def test_a_damaged_stream_damages_one_patch(decoder: Decoder, file: bytes) -> None:
    whole = decoder.decompress(file).pixels
    entry = parse(file).lossless[4]
    broken = changed(file, entry.offset + entry.length // 2)
    decoded = decoder.decompress(broken)
    assert decoded.report["damaged_blade"] == [4]
    assert decoded.report["exact"] is False
    assert not decoded.pixels[256:512, 256:512].any()
    whole[256:512, 256:512] = 0
    assert np.array_equal(decoded.pixels, whole)
    with pytest.raises(DamagedStream):
        decoder.decompress(broken, STRICT)


def test_a_prefix_shows_what_has_arrived(decoder: Decoder, file: bytes) -> None:
    entry = parse(file).lossless[5]
    decoded = decoder.decompress(file[: entry.offset + entry.length - 1])
    assert decoded.report["damaged_blade"] == [5]
    assert decoded.report["exact_patches"] == 2


def test_a_file_whose_model_is_of_another_kind_is_refused(
    encoder: Encoder, decoder: Decoder, jpeg_zoo: Zoo, file: bytes, picture: Picture
) -> None:
    """Bit 3 and the model must agree, as soon as there is blade."""
    pyramid = jpeg_zoo.lossless("pyramid").card
    parsed = parse(file)
    streams = [_stream(parsed, number) for number in parsed.lossless]
    other = ModelReference(pyramid.name, pyramid.version, pyramid.digest)
    for header in (
        replace(parsed.header, lossless_model=other),
        replace(parsed.header, jpeg=None),
    ):
        data = pack(header, [], [], parsed.metadata(), None, streams)
        with pytest.raises(BadStream, match="not coded as model"):
            decoder.decompress(data)


def _stream(parsed, number):  # type: ignore[no-untyped-def]
    from service.codec.container.layout import LosslessStream

    return LosslessStream(bytes(parsed.lossless_stream(number)), parsed.lossless[number].raw)


def test_verification_looks_at_the_pixels(
    encoder: Encoder, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = exact_source.coefficients_of

    def wrong(*given: object) -> JpegBlocks | None:
        blocks = honest(*given)  # type: ignore[arg-type]
        assert blocks is not None
        luma = blocks.coefficients[0].copy()
        luma[3, 3, 1] += 1
        return replace(blocks, coefficients=(luma, *blocks.coefficients[1:]))

    monkeypatch.setattr(exact_source, "coefficients_of", wrong)
    with pytest.raises(WorkerFailed, match="cannot be read back"):
        encoder.compress(picture, "full", EXACT)


# -- which model codes -----------------------------------------------------------------------------


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
    encoder: Encoder, decoder: Decoder, picture: Picture, kind: str
) -> None:
    name, save = OTHERS[kind]
    other = as_format(picture, name, **save)
    compressed = encoder.compress(other, "full", EXACT)
    assert str(compressed.report["lossless_model"]).startswith("pyramid/")
    assert parse(compressed.data).header.jpeg is None
    assert np.array_equal(decoder.decompress(compressed.data, STRICT).pixels, other.pixels)
    with pytest.raises(BadParameter, match="coefficients of a JPEG"):
        encoder.compress(other, "full", replace(EXACT, lossless_model="jpeg-dct"))


@pytest.mark.parametrize("where", ["blade", "background", "size", "colours"])
def test_coefficients_that_give_other_pixels_are_not_coded(
    encoder: Encoder, picture: Picture, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """As those of a file that the picture's decoder repaired would."""
    small = as_format(picture, "JPEG")
    mask = np.zeros((60, 70), bool)
    mask[5, 5] = True

    def other(data: bytes) -> JpegBlocks:
        blocks = read_blocks(data)
        assert blocks is not None
        luma = blocks.coefficients[0].copy()
        luma[0, 0, 0] += where == "blade"
        if where == "size":
            return replace(blocks, height=59)
        if where == "colours":
            return replace(blocks, steps=blocks.steps[:1], coefficients=(luma,))
        return replace(blocks, coefficients=(luma, *blocks.coefficients[1:]))

    monkeypatch.setattr(exact_source, "read_blocks", other)
    report = encoder.compress(small, mask, EXACT).report
    model = "jpeg-dct/1" if where == "background" else "pyramid/"
    assert str(report["lossless_model"]).startswith(model)
    named = replace(EXACT, lossless_model="jpeg-dct")
    if where == "background":
        assert encoder.compress(small, mask, named).report["lossless_model"] == "jpeg-dct/1"
        return
    with pytest.raises(BadParameter, match="to the bit"):
        encoder.compress(small, mask, named)


def test_only_blade_must_come_out_of_the_coefficients(
    encoder: Encoder, decoder: Decoder, picture: Picture, blade: np.ndarray
) -> None:
    """Pixels of the background that no decoder makes do no harm."""
    pixels = picture.pixels.copy()
    pixels[:200, :200] ^= 1
    compressed = encoder.compress(replace(picture, pixels=pixels), blade, EXACT)
    assert compressed.report["lossless_model"] == "jpeg-dct/1"
    pixels[300, 300] ^= 1
    compressed = encoder.compress(replace(picture, pixels=pixels), blade, EXACT)
    assert str(compressed.report["lossless_model"]).startswith("pyramid/")


def test_a_named_model_codes(encoder: Encoder, picture: Picture, blade: np.ndarray) -> None:
    for name in ("pyramid", "jpeg-dct"):
        report = encoder.compress(picture, blade, replace(EXACT, lossless_model=name)).report
        assert str(report["lossless_model"]).startswith(f"{name}/")
    with pytest.raises(UnknownModel):
        encoder.compress(picture, blade, replace(EXACT, lossless_model="jpeg-dwt"))


@pytest.mark.parametrize("name", [None, "jpeg-dct"])
def test_without_blade_there_are_no_coefficients(
    encoder: Encoder, decoder: Decoder, picture: Picture, name: str | None
) -> None:
    options = CompressOptions(mode="roi-only", lossless_model=name)
    data = encoder.compress(picture, "none", options).data
    assert parse(data).header.jpeg is None
    assert not decoder.decompress(data, STRICT).pixels.any()


def test_mode_lossy_reads_no_coefficients(
    encoder: Encoder, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact_source, "read_blocks", lambda data: pytest.fail("read"))
    report = encoder.compress(picture, "full", CompressOptions(mode="lossy")).report
    assert report["lossless_model"] is None


def test_a_zoo_without_such_a_model_codes_pixels(
    zoo_folder: Path, tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lite", "pyramid"):
        (tmp_path / name).symlink_to(zoo_folder / name)
    monkeypatch.setattr(exact_source, "read_blocks", lambda data: pytest.fail("read"))
    zoo = Zoo(tmp_path, Device("cpu", 1), "lite")
    small = as_format(picture, "JPEG")
    report = Encoder(zoo).compress(small, "full", EXACT).report
    assert str(report["lossless_model"]).startswith("pyramid/")
    with pytest.raises(UnknownModel):
        Encoder(zoo).compress(small, "full", replace(EXACT, lossless_model="jpeg-dct"))


def test_reading_and_comparing_can_be_stopped(encoder: Encoder, picture: Picture) -> None:
    seen = []

    def stop(stage: str, done: int, total: int) -> None:
        seen.append((stage, done, total))
        raise KeyError(stage)

    with pytest.raises(KeyError):
        encoder.compress(picture, "full", EXACT, stop)
    assert seen == [("jpeg", 0, 9)]


# -- the picture brings its file ------------------------------------------------------------------


def test_pictures_bring_a_jpeg_whose_pixels_are_its_own(picture: Picture) -> None:
    file = jpeg_file(30, 40, "4:2:0")
    assert read_picture(file, limits=LIMITS).jpeg == file
    assert as_format(picture, "PNG").jpeg is None
    assert picture_of(picture.pixels).jpeg is None
    inks = BytesIO()
    Image.new("CMYK", (16, 16), (9, 80, 3, 20)).save(inks, "JPEG")
    converted = read_picture(inks.getvalue(), limits=LIMITS, convert=True)
    assert (converted.source_format, converted.jpeg) == ("jpeg", None)


def test_the_bundled_photographs_are_of_the_kind(jpeg_zoo: Zoo) -> None:
    model = jpeg_zoo.lossless_of_jpegs()
    assert isinstance(model, JpegModel)
    for path in sorted(SAMPLES.glob("*.jpg")):
        blocks = read_blocks(path.read_bytes())
        assert blocks is not None, path.name
