"""A picture becomes a file: any size, two qualities, metadata untouched, never an unread answer."""

from __future__ import annotations

import json
import threading
from itertools import pairwise

import numpy as np
import pytest

from service.codec.ans import Stack
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions
from service.errors import BadMask, BadParameter, Cancelled, UnknownModel, WorkerFailed
from service.pictures import Limits, Metadata, read_picture, write_picture
from tests.conftest import Photograph
from tests.service.codec.coding import patch_bytes, picture_of, psnr, textured

SIZES = [(1, 1), (1, 300), (300, 1), (16, 16), (255, 257), (256, 513), (257, 256)]


def gps_block() -> bytes:
    """EXIF with an orientation, a maker's name and a position."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (55.0, 41.0, 30.5)
    return exif.tobytes().removeprefix(b"Exif\0\0")


METADATA = Metadata(exif=gps_block(), xmp=b"<x:xmpmeta/>\0\xff odd", icc=bytes(range(256)))


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_any_size_there_and_back(
    encoder: Encoder, decoder: Decoder, height: int, width: int, grey: bool
) -> None:
    pixels = textured(height, width, grey=grey)
    compressed = encoder.compress(
        picture_of(pixels), "full", CompressOptions(mode="lossy", quality=8.0)
    )
    decoded = decoder.decompress(compressed.data)
    assert decoded.pixels.shape == pixels.shape
    assert decoded.pixels.dtype == np.uint8
    assert psnr(decoded.pixels, pixels) > 34
    assert decoded.report["damaged"] == []
    assert parse(compressed.data).header.grey == grey


def test_the_blade_is_better_than_its_background(
    encoder: Encoder, decoder: Decoder, tip: Photograph
) -> None:
    mask = np.zeros((640, 640), bool)
    mask[100:200, 300:310] = True  # 16 pixels or more from all other patches
    options = CompressOptions(mode="lossy", quality=2.0, roi_quality=7.0)
    mixed = encoder.compress(tip.picture, mask, options)
    blade = parse(mixed.data).header.mask
    assert blade.tolist() == [[False, True, False], [False] * 3, [False] * 3]
    low = encoder.compress(tip.picture, "none", options)
    high = encoder.compress(tip.picture, "full", options)
    sizes = [patch_bytes(part.data) for part in (low, mixed, high)]
    assert sizes[1][0, 1] > 2 * sizes[0][0, 1]
    assert np.abs(sizes[1] - sizes[0])[~blade].max() <= 0.02 * sizes[0].max()
    assert len(low.data) < len(mixed.data) < len(high.data)
    shown = [decoder.decompress(part.data).pixels for part in (low, mixed, high)]
    inside, outside = np.s_[:256, 256:512], np.s_[400:, :]
    before, after, best = (psnr(pixels[inside], tip.picture.pixels[inside]) for pixels in shown)
    assert after > before + 3
    assert abs(after - best) < 1
    assert abs(psnr(shown[1][outside], shown[0][outside])) > 45
    assert (mixed.report["quality"], mixed.report["roi_quality"]) == (2.0, 7.0)
    assert mixed.report["blade_share"] == pytest.approx(1 / 9, abs=1e-3)


@pytest.mark.parametrize("name", ["blade-tip", "blade-root"])
def test_quality_rises_with_q(
    encoder: Encoder, decoder: Decoder, photographs: dict[str, Photograph], name: str
) -> None:
    picture = photographs[name].picture
    quality, sizes = [], []
    for q in range(1, 9):
        data = encoder.compress(
            picture, "none", CompressOptions(mode="lossy", quality=float(q))
        ).data
        quality.append(psnr(decoder.decompress(data).pixels, picture.pixels))
        sizes.append(len(data))
    assert all(a < b for a, b in pairwise(quality)), quality
    assert all(a < b for a, b in pairwise(sizes)), sizes


def test_the_mask_grows_by_its_margin(encoder: Encoder, tip: Photograph) -> None:
    mask = np.zeros((640, 640), bool)
    mask[130, 256 + 15] = True
    for dilation, expected in ((0, [1]), (15, [1]), (16, [0, 1])):
        options = CompressOptions(mode="lossy", quality=1.0, dilation=dilation, verify=False)
        header = parse(encoder.compress(tip.picture, mask, options).data).header
        assert np.flatnonzero(header.mask).tolist() == expected


def test_masks_that_are_none_are_refused(encoder: Encoder, tip: Photograph) -> None:
    with pytest.raises(BadMask, match=r"10x20.*640x640"):
        encoder.compress(tip.picture, np.zeros((20, 10), bool), CompressOptions(mode="lossy"))
    with pytest.raises(BadMask, match="'half'"):
        encoder.compress(tip.picture, "half", CompressOptions(mode="lossy"))  # type: ignore[arg-type]


def test_nonsense_is_refused_before_any_work(encoder: Encoder, tip: Photograph) -> None:
    def never(*call: object) -> None:
        raise AssertionError(call)

    with pytest.raises(BadParameter):
        encoder.compress(
            tip.picture, "none", CompressOptions(mode="lossy", quality=float("nan")), never
        )
    with pytest.raises(BadParameter, match="metadata"):
        wrong = CompressOptions(mode="lossy", metadata="all")  # type: ignore[arg-type]
        encoder.compress(tip.picture, "none", wrong, never)
    with pytest.raises(UnknownModel, match="there are: "):
        encoder.compress(tip.picture, "none", CompressOptions(mode="lossy", model="big"), never)


def test_overhead(encoder: Encoder, tip: Photograph) -> None:
    """At most 160 bytes for 512x512: where there is nothing to say, all is overhead."""
    flat = picture_of(np.full((512, 512, 3), 128, np.uint8))
    assert (
        len(encoder.compress(flat, "none", CompressOptions(mode="lossy", quality=1.0)).data) <= 160
    )
    picture = picture_of(tip.picture.pixels[:512, :512])
    data = encoder.compress(picture, "none", CompressOptions(mode="lossy", quality=5.0)).data
    blade = parse(data)
    streams = sum(entry.length for entry in blade.patches + blade.bands)
    assert len(data) - streams <= 160


@pytest.mark.parametrize("policy", ["keep", "strip", "geo-only"])
def test_metadata_byte_for_byte(encoder: Encoder, decoder: Decoder, policy: str) -> None:
    picture = picture_of(textured(40, 60), METADATA)
    options = CompressOptions(mode="lossy", metadata=policy)  # type: ignore[arg-type]
    found = decoder.decompress(encoder.compress(picture, "none", options).data).metadata
    if policy == "keep":
        assert found == METADATA
    elif policy == "strip":
        assert found == Metadata()
    else:
        assert (found.xmp, found.icc) == (None, None)
        assert found.exif is not None
        assert b"Maker" in (METADATA.exif or b"")
        assert b"Maker" not in found.exif
        again = write_picture(picture.pixels, "png", metadata=found)
        assert read_picture(again, limits=Limits(2**20, 2**20, 2**12)).metadata.exif == found.exif


def test_a_file_that_cannot_be_read_back_is_never_an_answer(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = picture_of(textured(100, 300))
    for place in (0, 1, 2):
        count = 0
        honest = Stack.to_bytes

        def lossy(stack: Stack, place: int = place, honest=honest) -> bytes:
            nonlocal count
            count += 1
            data = bytearray(honest(stack))
            if count == place + 1:  # the band's stream, then each patch's
                data[len(data) // 2] ^= 16
            return bytes(data)

        with monkeypatch.context() as patched:
            patched.setattr(Stack, "to_bytes", lossy)
            with pytest.raises(WorkerFailed, match="cannot be read back"):
                encoder.compress(picture, "none", CompressOptions(mode="lossy", quality=4.0))
            assert count > place


def test_streams_packed_in_the_wrong_order_are_never_an_answer(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.codec.container.writer import pack

    def shuffled(header, bands, patches, *rest):  # type: ignore[no-untyped-def]
        return pack(header, bands, patches[::-1], *rest)

    monkeypatch.setattr("service.codec.jobs.pack", shuffled)
    with pytest.raises(WorkerFailed, match="not where the index says"):
        encoder.compress(
            picture_of(textured(100, 300)), "none", CompressOptions(mode="lossy", quality=4.0)
        )


def test_unverified_is_reported_and_the_same(encoder: Encoder) -> None:
    picture = picture_of(textured(100, 300))
    checked = encoder.compress(picture, "none", CompressOptions(mode="lossy"))
    unchecked = encoder.compress(picture, "none", CompressOptions(mode="lossy", verify=False))
    assert (checked.report["verified"], unchecked.report["verified"]) == (True, False)
    assert checked.data == unchecked.data


@pytest.mark.parametrize("stage", ["analysis", "patches", "rate_control"])
def test_cancelling_stops_at_once_and_leaves_nothing(
    encoder: Encoder, tip: Photograph, stage: str
) -> None:
    options = CompressOptions(mode="lossy", target_bytes=15_000)
    calls = []

    def checkpoint(name: str, done: int, total: int) -> None:
        calls.append((name, done, total))
        if name == stage:
            raise Cancelled("The caller has gone.")

    threads = threading.active_count()
    with pytest.raises(Cancelled):
        encoder.compress(tip.picture, "full", options, checkpoint)
    assert [name for name, _, _ in calls].count(stage) == 1
    assert calls[-1][0] == stage
    assert threading.active_count() == threads
    # Nobody holds a lock, and nothing half done is remembered.
    small = picture_of(textured(64, 64))
    once = encoder.compress(small, "none", CompressOptions(mode="lossy")).data
    assert once == Encoder(encoder._zoo).compress(small, "none", CompressOptions(mode="lossy")).data


def test_progress_is_told_by_stage(encoder: Encoder, tip: Photograph) -> None:
    calls: list[tuple[str, int, int]] = []
    encoder.compress(tip.picture, "none", CompressOptions(mode="lossy"), lambda *c: calls.append(c))
    assert calls == [("analysis", 0, 1), ("patches", 0, 9)]


def test_threads_may_share_an_encoder(encoder: Encoder) -> None:
    pictures = [picture_of(textured(200, 300, seed=seed)) for seed in range(4)]
    expected = [encoder.compress(p, "full", CompressOptions(mode="lossy")).data for p in pictures]
    found: list[bytes] = [b""] * 4

    def work(number: int) -> None:
        found[number] = encoder.compress(
            pictures[number], "full", CompressOptions(mode="lossy")
        ).data

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == expected


def test_the_report_is_json_and_adds_up(encoder: Encoder, tip: Photograph) -> None:
    compressed = encoder.compress(tip.picture, tip.blade, CompressOptions(mode="lossy"))
    report = json.loads(json.dumps(compressed.report))
    assert report["bytes"] == len(compressed.data)
    assert report["bpp"] == pytest.approx(8 * len(compressed.data) / 640**2, abs=1e-3)
    assert (report["width"], report["height"], report["mode"]) == (640, 640, "lossy")
    assert (report["quality"], report["roi_quality"]) == (3.0, 6.0)
    assert report["model"].startswith("lite/")
    assert report["mask_bytes"] <= 5
    assert report["source_bytes"] == tip.picture.source_bytes
    assert not report["larger_than_source"]
    seconds = report["seconds"]
    assert {"analysis", "upper_level", "patches", "pack", "total"} == set(seconds)
    assert seconds["total"] == pytest.approx(
        sum(value for name, value in seconds.items() if name != "total"), abs=1e-3
    )


def test_a_file_larger_than_its_source_is_said(encoder: Encoder) -> None:
    picture = picture_of(np.zeros((1, 1), np.uint8))
    report = encoder.compress(picture, "none", CompressOptions(mode="lossy")).report
    assert report["larger_than_source"]
    assert report["warnings"] == ["The file is larger than the picture that was given."]
