"""A file becomes a picture, or as much of it as there is: prefixes, damage, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from service.codec.container.layout import Stream
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BadStream, Cancelled, DamagedStream, UnknownModel
from service.pictures import Metadata
from service.runtime.zoo import Zoo
from tests.conftest import Photograph
from tests.service.codec.coding import picture_of, psnr, textured
from tests.service.codec.lossy_files import (
    COLUMNS,
    HEIGHT,
    ROWS,
    WIDTH,
    flipped,
    near,
    with_streams,
)

# -- prefixes --------------------------------------------------------------------------------------


def test_a_prefix_shows_what_has_arrived(
    decoder: Decoder, small: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    blade = parse(small)
    sound = decoder.decompress(small)
    ends = [entry.offset + entry.length for entry in blade.patches]
    cuts = {blade.index_length, *ends, *np.linspace(blade.index_length, len(small), 20).astype(int)}
    for cut in sorted(cuts):
        decoded = decoder.decompress(small[:cut])
        missing = {n for n, end in enumerate(ends) if end > cut}
        if cut < blade.bands[0].offset + blade.bands[0].length:
            missing = set(range(len(ends)))
        assert decoded.report["damaged_streams"] == sorted(missing)
        assert decoded.report["damaged"] == near(missing, 2, 3)
        assert decoded.report["truncated"] == (cut < len(small))
        assert decoded.pixels.shape == (300, 520, 3)
        for number in set(range(6)) - set(near(missing, 2, 3)):
            top, left = 256 * (number // 3), 256 * (number % 3)
            where = np.s_[top : top + 256, left : left + 256]
            assert np.array_equal(decoded.pixels[where], sound.pixels[where])


def test_the_upper_level_alone_is_a_preview(
    decoder: Decoder, small: bytes, tip: Photograph
) -> None:
    blade = parse(small)
    source = tip.picture.pixels[100:400, 60:580]
    nothing = decoder.decompress(small[: blade.index_length]).pixels
    preview = decoder.decompress(small[: blade.patches[0].offset]).pixels
    assert psnr(preview, source) > psnr(nothing, source) + 5
    # It is the photograph at about an eighth of its size or coarser, and close to it there.
    coarse = [
        pixels[:256, :512].reshape(4, 64, 8, 64, 3).mean(axis=(1, 3))
        for pixels in (preview, source)
    ]
    assert np.abs(coarse[0] - coarse[1]).mean() < 8


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_prefix_without_its_index_is_refused(
    decoder: Decoder, small: bytes, share: float
) -> None:
    with pytest.raises(BadStream):
        decoder.decompress(small[: int(share * parse(small).index_length)])


def test_bytes_behind_the_end_are_refused(decoder: Decoder, small: bytes) -> None:
    with pytest.raises(BadStream, match="follow the end"):
        decoder.decompress(small + b"\0")


# -- damage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [{0}, {6}, {3, 9}])
def test_damage_is_named_and_stays_within_its_halo(
    decoder: Decoder, blade: bytes, whole: np.ndarray, numbers: set[int]
) -> None:
    damaged = bytearray(blade)
    for number in numbers:
        entry = parse(blade).patches[number]
        damaged[entry.offset + entry.length // 3] ^= 0x20
    decoded = decoder.decompress(bytes(damaged))
    reached = near(numbers, ROWS, COLUMNS)
    assert decoded.report["damaged_streams"] == sorted(numbers)
    assert decoded.report["damaged"] == reached
    differs = (decoded.pixels != whole).any(axis=2)
    padded = np.pad(differs, ((0, 256 * ROWS - HEIGHT), (0, 256 * COLUMNS - WIDTH)))
    changed = np.flatnonzero(padded.reshape(ROWS, 256, COLUMNS, 256).any(axis=(1, 3)))
    assert numbers <= set(changed.tolist()) <= set(reached)
    with pytest.raises(DamagedStream) as refused:
        decoder.decompress(bytes(damaged), DecompressOptions(strict=True))
    assert refused.value.extra["patches"] == sorted(numbers)


def test_a_damaged_band_damages_the_patches_that_stand_on_it(
    decoder: Decoder, encoder: Encoder
) -> None:
    """Patches with no stream of their own too: their pixels come from the band alone."""
    # A slow gradient: nearly all patches are told by z, and have no groups.
    rows, columns = np.mgrid[0:600, 0:300]
    pixels = (rows / 6 + columns / 4).astype(np.uint8)
    data = encoder.compress(
        picture_of(pixels), "none", CompressOptions(mode="lossy", quality=1.0)
    ).data
    blade = parse(data)
    assert any(entry.groups == 0 for entry in blade.patches)
    assert decoder.decompress(data).report["damaged"] == []
    broken = with_streams(
        data, lambda kind, number, stream: flipped(stream) if kind == "band" else stream
    )
    for damaged in (broken, data[: blade.index_length]):
        decoded = decoder.decompress(damaged)
        assert decoded.report["damaged"] == list(range(6))
        with pytest.raises(DamagedStream):
            decoder.decompress(damaged, DecompressOptions(strict=True))


def test_one_of_two_bands(decoder: Decoder, small: bytes, zoo: Zoo) -> None:
    """Bands are independent: what stands far from a damaged one is sound."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("service.codec.bands.BAND_PATCHES", 1)
        pixels = textured(5 * 256, 200)
        data = Encoder(zoo).compress(picture_of(pixels), "none", CompressOptions(mode="lossy")).data
    assert len(parse(data).bands) == 5
    sound = decoder.decompress(data).pixels
    broken = with_streams(
        data, lambda kind, n, stream: flipped(stream) if (kind, n) == ("band", 0) else stream
    )
    decoded = decoder.decompress(broken)
    assert {0, 1} <= set(decoded.report["damaged"])  # type: ignore[call-overload]
    assert decoded.report["damaged"] == [0, 1, 2]
    assert np.array_equal(decoded.pixels[3 * 256 :], sound[3 * 256 :])
    region = DecompressOptions(region=(0, 4 * 256, 200, 256), strict=True)
    assert np.array_equal(decoder.decompress(broken, region).pixels, sound[4 * 256 :])


def test_lost_metadata_is_named(decoder: Decoder, encoder: Encoder) -> None:
    picture = picture_of(textured(20, 20), Metadata(exif=b"II*\0 exif", xmp=b"<xmp/>", icc=None))
    blade = encoder.compress(picture, "none", CompressOptions(mode="lossy")).data
    entry = parse(blade).chunks["exif"]
    damaged = bytearray(blade)
    damaged[entry.offset] ^= 1
    decoded = decoder.decompress(bytes(damaged))
    assert decoded.metadata == Metadata(exif=None, xmp=b"<xmp/>", icc=None)
    assert decoded.report["damaged_metadata"] == ["exif"]
    assert decoded.report["damaged"] == []
    with pytest.raises(DamagedStream, match="exif"):
        decoder.decompress(bytes(damaged), DecompressOptions(strict=True))
    cut = decoder.decompress(blade[: entry.offset + 2])
    assert cut.report["damaged_metadata"] == ["exif", "xmp"]


def test_another_model_is_refused(decoder: Decoder, small: bytes) -> None:
    blade = parse(small)
    from dataclasses import replace

    model = replace(blade.header.model, digest=bytes(16))
    data = pack(
        replace(blade.header, model=model),
        [Stream(bytes(blade.band(0)), blade.bands[0].groups)],
        [Stream(b"", 0)] * 6,
        Metadata(),
    )
    with pytest.raises(UnknownModel) as refused:
        decoder.decompress(data)
    assert refused.value.extra["digest"] == "00" * 16


def test_a_top_quality_that_the_model_does_not_have(decoder: Decoder, small: bytes) -> None:
    from dataclasses import replace

    blade = parse(small)
    data = pack(
        replace(blade.header, top_quality=15),
        [Stream(b"", 0)],
        [Stream(b"", 0)] * 6,
        Metadata(),
    )
    with pytest.raises(BadStream, match="quality 15"):
        decoder.decompress(data)


# -- the rest --------------------------------------------------------------------------------------


def test_grey_is_the_mean_of_its_channels(
    encoder: Encoder, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoder.compress(
        picture_of(textured(70, 90, grey=True)), "none", CompressOptions(mode="lossy")
    ).data
    seen = {}

    def listen(*arguments):  # type: ignore[no-untyped-def]
        from service.codec.lossy import synthesise

        seen["rgb"] = synthesise(*arguments)
        return seen["rgb"]

    monkeypatch.setattr("service.codec.decoder.synthesise", listen)
    pixels = decoder.decompress(data).pixels
    assert pixels.shape == (70, 90)
    assert np.array_equal(pixels, np.rint(seen["rgb"].astype(float).mean(axis=2)))


@pytest.mark.parametrize("stage", ["patches", "synthesis"])
def test_cancelling_stops_at_once(decoder: Decoder, blade: bytes, stage: str) -> None:
    calls = []

    def checkpoint(name: str, done: int, total: int) -> None:
        calls.append((name, done, total))
        if name == stage:
            raise Cancelled("The caller has gone.")

    with pytest.raises(Cancelled):
        decoder.decompress(blade, DecompressOptions(), checkpoint)
    assert [name for name, _, _ in calls].count(stage) == 1
    region = DecompressOptions(region=(0, 0, 8, 8))
    assert decoder.decompress(blade, region).pixels.shape == (8, 8, 3)


def test_the_report_is_json(decoder: Decoder, blade: bytes) -> None:
    report = json.loads(json.dumps(decoder.decompress(blade).report))
    assert report["bytes"] == len(blade)
    assert (report["width"], report["height"]) == (WIDTH, HEIGHT)
    assert (report["mode"], report["exact"], report["truncated"]) == ("lossy", False, False)
    assert (report["quality"], report["roi_quality"]) == (3.0, 6.0)
    assert set(report["seconds"]) == {"upper_level", "patches", "synthesis", "total"}


def test_no_larger_picture_than_allowed(zoo: Zoo, blade: bytes) -> None:
    with pytest.raises(BadStream, match="900x700"):
        Decoder(zoo, max_pixels=WIDTH * HEIGHT - 1).decompress(blade)
