"""What a mode promises: an exact blade, a background or none, and a size.

With a lossless model without networks; the shipped one has the last word below.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from service.codec import lossless
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Compressed, Encoder
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BadParameter, WorkerFailed
from service.pictures import Metadata
from service.runtime.pixel_chain import PixelChain
from service.runtime.zoo import Zoo
from tests.conftest import Photograph
from tests.service.codec.base_chain import BaseChain
from tests.service.codec.coding import picture_of, textured
from tests.service.codec.patch_areas import BLADE, blade_area

pytestmark = pytest.mark.usefixtures("base_chain")


# -- lossless: an exact blade in a lossy background ---------------------------------------------


def test_lossless_is_the_default_where_a_model_is_there(wavy_file: Compressed) -> None:
    report = wavy_file.report
    assert (report["mode"], report["lossless_model"]) == ("lossless", "base/1")
    assert (report["quality"], report["roi_quality"]) == (3.0, None)
    assert report["exact"] is report["verified"] is True
    blade = parse(wavy_file.data)
    assert (blade.header.mode, blade.header.quality64, blade.header.roi_quality64) == (
        "lossless",
        192,
        0,
    )
    lengths = sum(entry.length for entry in blade.lossless.values())
    assert (report["blade_bytes"], report["raw_patches"]) == (lengths, 0)
    assert report["blade_bpp"] == pytest.approx(8 * lengths / blade_area().sum(), abs=1e-4)
    json.dumps(report, allow_nan=False)


def test_lossless_is_what_is_not_asked_otherwise() -> None:
    assert CompressOptions().mode == "lossless"


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "lossless", "roi_quality": 6.0},
        {"mode": "roi-only", "roi_quality": 6.0},
        {"mode": "lossy", "lossless_model": "pyramid"},
        {"roi_quality": 6.0, "lossless_model": "pyramid"},
        {"mode": "LOSSLESS"},
    ],
)
def test_contradictions_are_refused(options: dict) -> None:
    with pytest.raises(BadParameter):
        CompressOptions(**options).validate()


def test_the_blade_is_exact_and_the_background_is_there(
    base_decoder: Decoder, wavy_file: Compressed, wavy: np.ndarray
) -> None:
    decoded = base_decoder.decompress(wavy_file.data, DecompressOptions(strict=True))
    area = blade_area()
    assert np.array_equal(decoded.pixels[area], wavy[area])
    error = np.abs(decoded.pixels[~area].astype(int) - wavy[~area])
    assert 0.5 < error.mean() < 10
    assert decoded.report["exact"] is True
    assert decoded.report["exact_patches"] == 3
    assert decoded.report["damaged"] == []
    assert decoded.metadata.exif == b"II*\0exif"
    json.dumps(decoded.report, allow_nan=False)


def test_no_seam_where_blade_and_background_meet(
    base_decoder: Decoder, wavy_file: Compressed, wavy: np.ndarray
) -> None:
    """Background beside the blade is no worse than elsewhere: the base layer goes on below it."""
    shown = base_decoder.decompress(wavy_file.data).pixels
    error = np.abs(shown.astype(int) - wavy).mean(axis=2)
    beside = np.concatenate([error[256:512, 252:256].ravel(), error[512:516, 256:700].ravel()])
    far = error[520:, :200]
    assert beside.mean() < 1.5 * far.mean() + 1


def test_the_base_layer_costs_next_to_nothing(wavy_file: Compressed) -> None:
    blade = parse(wavy_file.data)
    base = sum(blade.patches[number].length for number in BLADE)
    assert base < 0.01 * wavy_file.report["blade_bytes"]


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 300), (300, 1), (255, 257), (256, 256), (257, 513)]
)
@pytest.mark.parametrize("where", ["full", "none", "one pixel", "all borders"])
@pytest.mark.parametrize("mode", ["lossless", "roi-only"])
def test_any_size_and_blade(
    base_encoder: Encoder,
    base_decoder: Decoder,
    height: int,
    width: int,
    grey: bool,
    where: str,
    mode: str,
) -> None:
    pixels = textured(height, width, grey=grey)
    mask: np.ndarray | str = where
    if where == "one pixel":
        mask = np.zeros((height, width), bool)
        mask[-1, -1] = True
    elif where == "all borders":
        mask = np.zeros((height, width), bool)
        mask[[0, -1]] = mask[:, [0, -1]] = True
    options = CompressOptions(mode=mode, dilation=0)
    compressed = base_encoder.compress(picture_of(pixels), mask, options)
    blade = parse(compressed.data)
    decoded = base_decoder.decompress(compressed.data, DecompressOptions(strict=True))
    shown = np.kron(blade.header.mask, np.ones((256, 256), bool))[:height, :width]
    assert decoded.pixels.shape == pixels.shape
    assert np.array_equal(decoded.pixels[shown], pixels[shown])
    assert shown.any() == (where != "none")
    assert decoded.report["exact"] is compressed.report["exact"] is (where != "none")
    assert ("lossless" in blade.chunks) == (where != "none")
    assert blade.header.has_lossy_layer == (mode == "lossless" and not blade.header.mask.all())
    if mode == "roi-only":
        assert not decoded.pixels[~shown].any()


def test_a_whole_picture_has_no_lossy_layer(
    base_encoder: Encoder, base_decoder: Decoder, wavy: np.ndarray
) -> None:
    compressed = base_encoder.compress(
        picture_of(wavy), "full", CompressOptions(mode="lossless", quality=2.0)
    )
    report = compressed.report
    assert (report["model"], report["quality"], report["blade_share"]) == (None, None, 1.0)
    blade = parse(compressed.data)
    assert list(blade.chunks) == ["lossless", "digests"]
    assert (blade.bands, blade.patches) == ((), ())
    decoded = base_decoder.decompress(compressed.data)
    assert np.array_equal(decoded.pixels, wavy)
    assert (decoded.report["model"], decoded.report["exact"]) == (None, True)


def test_lossy_mode_has_nothing_exact(
    base_encoder: Encoder, base_decoder: Decoder, wavy: np.ndarray, wavy_mask: np.ndarray
) -> None:
    compressed = base_encoder.compress(picture_of(wavy), wavy_mask, CompressOptions(mode="lossy"))
    assert (compressed.report["lossless_model"], compressed.report["exact"]) == (None, False)
    assert compressed.report["roi_quality"] == 6.0
    decoded = base_decoder.decompress(compressed.data)
    assert (decoded.report["exact"], decoded.report["lossless_model"]) == (False, None)


def test_unverified_is_the_same_file_and_not_called_exact(
    base_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray, wavy_file: Compressed
) -> None:
    metadata = Metadata(exif=b"II*\0exif", xmp=None, icc=None)
    options = CompressOptions(mode="lossless", verify=False)
    compressed = base_encoder.compress(picture_of(wavy, metadata), wavy_mask, options)
    assert compressed.data == wavy_file.data
    assert (compressed.report["exact"], compressed.report["verified"]) == (False, False)
    assert "verify" not in compressed.report["seconds"]


def test_a_blade_that_does_not_come_back_is_never_an_answer(
    base_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Drifting(BaseChain):
        """Not the same walk twice, as a network in floats might be."""

        walks = 0

        def walk(self, code):  # type: ignore[no-untyped-def]
            Drifting.walks += 1
            off = Drifting.walks > 1

            def drifted(step, centre, tables):  # type: ignore[no-untyped-def]
                if off and step.level == 0:
                    tables = tables.copy()
                    tables[0, 0, 0] ^= 4
                return code(step, centre, tables)

            return super().walk(drifted)

    monkeypatch.setattr(lossless, "PixelChain", Drifting)
    with pytest.raises(WorkerFailed, match="does not decode to its pixels"):
        base_encoder.compress(picture_of(wavy), wavy_mask, CompressOptions(mode="lossless"))


# -- the shipped model --------------------------------------------------------------------------


def test_the_shipped_model_keeps_every_pixel(
    zoo: Zoo, tip: Photograph, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(lossless, "PixelChain", PixelChain)
    pixels = np.ascontiguousarray(tip.picture.pixels[150:450, 100:400])
    mask = tip.blade[150:450, 100:400]
    compressed = Encoder(zoo).compress(picture_of(pixels), mask, CompressOptions(mode="lossless"))
    assert compressed.report["exact"] is True
    decoded = Decoder(zoo).decompress(compressed.data, DecompressOptions(strict=True))
    assert np.array_equal(decoded.pixels[mask], pixels[mask])
    assert decoded.report["exact"] is True
