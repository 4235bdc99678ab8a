"""Files with an exact blade from a JPEG's coefficients: made where that works, and only there."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from service.codec import exact_source
from service.codec.container.jpeg_fields import JpegSteps
from service.codec.container.layout import LosslessStream, ModelReference
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.inspection import inspect
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BadStream, DamagedStream, WorkerFailed
from service.pictures import Limits, Picture, read_picture
from service.pictures.jpeg_blocks import JpegBlocks
from service.runtime.zoo import Zoo
from tests.service.codec.jpeg_toy import SUBSAMPLINGS, jpeg_file

LIMITS = Limits(2**24, 2**24, 2**14)
EXACT = CompressOptions(mode="roi-only")
STRICT = DecompressOptions(strict=True)


@pytest.fixture(scope="module")
def file(jpeg_encoder: Encoder, jpeg_source: Picture, jpeg_blade: np.ndarray) -> bytes:
    return jpeg_encoder.compress(jpeg_source, jpeg_blade, EXACT).data


def changed(data: bytes, at: int, value: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ value]) + data[at + 1 :]


# -- what comes out ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SUBSAMPLINGS)
@pytest.mark.parametrize(("height", "width"), [(40, 50), (257, 300)])
def test_the_pixels_are_those_that_pillow_shows(
    jpeg_encoder: Encoder, jpeg_decoder: Decoder, kind: str, height: int, width: int
) -> None:
    file = jpeg_file(height, width, kind)
    compressed = jpeg_encoder.compress(read_picture(file, limits=LIMITS), "full", EXACT)
    with Image.open(BytesIO(file)) as image:
        pixels = np.asarray(image)
    decoded = jpeg_decoder.decompress(compressed.data, STRICT)
    assert np.array_equal(decoded.pixels, pixels)
    assert compressed.report["lossless_model"] == decoded.report["lossless_model"] == "jpeg-dct/1"
    assert decoded.report["exact"] is compressed.report["exact"] is True
    json.dumps(compressed.report, allow_nan=False)


def test_a_blade_in_a_lossy_background(
    jpeg_encoder: Encoder, jpeg_decoder: Decoder, jpeg_source: Picture, jpeg_blade: np.ndarray
) -> None:
    compressed = jpeg_encoder.compress(jpeg_source, jpeg_blade, CompressOptions())
    header = parse(compressed.data).header
    assert header.jpeg is not None
    assert (header.mode, header.jpeg.label, header.has_lossy_layer) == ("lossless", "4:2:0", True)
    decoded = jpeg_decoder.decompress(compressed.data, STRICT)
    area = np.kron(header.mask, np.ones((256, 256), bool))[:600, :700]
    assert np.array_equal(decoded.pixels[area], jpeg_source.pixels[area])
    assert decoded.report["exact_patches"] == 3
    lossless = inspect(compressed.data)["lossless"]
    assert isinstance(lossless, dict)
    assert (lossless["jpeg"], lossless["count"]) == ("4:2:0", 3)
    assert lossless["bytes"] == compressed.report["blade_bytes"]


def test_a_region_is_the_same_as_in_the_whole(jpeg_decoder: Decoder, file: bytes) -> None:
    whole = jpeg_decoder.decompress(file).pixels
    for region in [(0, 0, 700, 600), (250, 250, 20, 20), (512, 256, 188, 256), (300, 511, 9, 2)]:
        x, y, width, height = region
        shown = jpeg_decoder.decompress(file, DecompressOptions(region=region)).pixels
        assert np.array_equal(shown, whole[y : y + height, x : x + width])


def test_a_target_is_met_around_it(
    jpeg_encoder: Encoder, jpeg_decoder: Decoder, jpeg_source: Picture, jpeg_blade: np.ndarray
) -> None:
    free = jpeg_encoder.compress(jpeg_source, jpeg_blade, CompressOptions(quality=4.0))
    target = len(free.data)
    compressed = jpeg_encoder.compress(
        jpeg_source, jpeg_blade, CompressOptions(target_bytes=target)
    )
    assert 0.9 * target < len(compressed.data) <= target
    assert compressed.report["lossless_model"] == "jpeg-dct/1"
    assert compressed.report["blade_bytes"] == free.report["blade_bytes"]
    assert jpeg_decoder.decompress(compressed.data, STRICT).report["exact"] is True


# -- damage --------------------------------------------------------------------------------------


def test_a_damaged_stream_damages_one_patch(jpeg_decoder: Decoder, file: bytes) -> None:
    whole = jpeg_decoder.decompress(file).pixels
    entry = parse(file).lossless[4]
    broken = changed(file, entry.offset + entry.length // 2)
    decoded = jpeg_decoder.decompress(broken)
    assert decoded.report["damaged_blade"] == [4]
    assert decoded.report["exact"] is False
    assert not decoded.pixels[256:512, 256:512].any()
    whole[256:512, 256:512] = 0
    assert np.array_equal(decoded.pixels, whole)
    with pytest.raises(DamagedStream):
        jpeg_decoder.decompress(broken, STRICT)


def test_a_prefix_shows_what_has_arrived(jpeg_decoder: Decoder, file: bytes) -> None:
    entry = parse(file).lossless[5]
    decoded = jpeg_decoder.decompress(file[: entry.offset + entry.length - 1])
    assert decoded.report["damaged_blade"] == [5]
    assert decoded.report["exact_patches"] == 2


@pytest.mark.parametrize("change", ["4:4:4", "4:2:2", "steps", "model"])
def test_a_lie_about_the_jpeg_is_damage_or_refused(
    jpeg_decoder: Decoder, file: bytes, change: str
) -> None:
    jpeg = parse(file).header.jpeg
    assert jpeg is not None
    if change == "model":
        with pytest.raises(BadStream, match="not coded as model"):
            jpeg_decoder.decompress(_with_header(file, jpeg=None))
        return
    samplings = {"4:4:4": (1, 1), "4:2:2": (2, 1), "steps": (2, 2)}
    steps = tuple(np.maximum(part, 2) - (change == "steps") for part in jpeg.steps)
    lie = JpegSteps(samplings[change], tuple(part.astype(np.uint8) for part in steps))
    decoded = jpeg_decoder.decompress(_with_header(file, jpeg=lie))
    assert decoded.report["damaged_blade"] == [1, 4, 5]


def test_a_model_of_another_kind_is_refused(
    jpeg_decoder: Decoder, jpeg_zoo: Zoo, file: bytes
) -> None:
    """Bit 3 and the model must agree, as soon as there is blade."""
    pyramid = jpeg_zoo.lossless("pyramid").card
    other = ModelReference(pyramid.name, pyramid.version, pyramid.digest)
    with pytest.raises(BadStream, match="not coded as model"):
        jpeg_decoder.decompress(_with_header(file, lossless_model=other))


def _with_header(file: bytes, **changes: object) -> bytes:
    """The same streams in a file whose index says something else."""
    blade = parse(file)
    streams = [
        LosslessStream(bytes(blade.lossless_stream(number) or b""), entry.raw)
        for number, entry in blade.lossless.items()
    ]
    header = replace(blade.header, **changes)  # type: ignore[arg-type]
    return pack(header, [], [], blade.metadata(), None, streams)


def test_verification_looks_at_the_pixels(
    jpeg_encoder: Encoder, jpeg_source: Picture, monkeypatch: pytest.MonkeyPatch
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
        jpeg_encoder.compress(jpeg_source, "full", EXACT)
