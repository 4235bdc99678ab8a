"""Reading exact blades: regions touch their own streams, damage is named and never called exact."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from service.codec.container.layout import Digest
from service.codec.container.parser import Blade, parse
from service.codec.decoder import Decoder
from service.codec.encoder import Compressed, Encoder
from service.codec.integrity import crc32c
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BladestreamError, Cancelled, DamagedStream, UnknownModel
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.service.codec.coding import picture_of, textured
from tests.service.codec.patch_areas import BLADE, Region, blade_area, crop

pytestmark = pytest.mark.usefixtures("base_chain")


def broken(data: bytes, *numbers: int) -> bytes:
    """A bit flipped in the lossless streams of these patches."""
    blade, changed = parse(data), bytearray(data)
    for number in numbers:
        entry = blade.lossless[number]
        changed[entry.offset + entry.length // 2] ^= 16
    return bytes(changed)


# -- regions ------------------------------------------------------------------------------------

REGIONS: list[Region] = [
    (300, 300, 1, 1),  # within one blade patch
    (256, 256, 256, 256),
    (500, 270, 100, 200),  # over two
    (200, 200, 200, 200),  # blade and background
    (0, 0, 256, 256),  # background
    (650, 560, 50, 40),
]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("roi_only", [False, True])
def test_a_region_is_a_crop_and_touches_only_its_streams(
    base_decoder: Decoder,
    wavy_file: Compressed,
    region: Region,
    roi_only: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = base_decoder.decompress(wavy_file.data, DecompressOptions(roi_only=roi_only)).pixels
    read: list[tuple[str, int]] = []
    for kind in ("lossless_stream", "patch", "band"):
        original = getattr(Blade, kind)

        def listen(self, number, kind=kind, original=original):  # type: ignore[no-untyped-def]
            read.append((kind, number))
            return original(self, number)

        monkeypatch.setattr(Blade, kind, listen)
    options = DecompressOptions(region=region, roi_only=roi_only)
    decoded = base_decoder.decompress(wavy_file.data, options)
    assert np.array_equal(decoded.pixels, crop(whole, region))
    area = crop(blade_area(), region)
    shown = [n for n in BLADE if crop(blade_area((n,)), region).any()]
    assert [number for kind, number in read if kind == "lossless_stream"] == shown
    if roi_only or area.all():
        assert {kind for kind, _ in read} <= {"lossless_stream"}
    assert decoded.report["exact"] is bool(shown)


# -- damage -------------------------------------------------------------------------------------


def test_a_damaged_stack_is_named_and_shown_from_the_lossy_layer(
    base_decoder: Decoder, wavy_file: Compressed, wavy: np.ndarray
) -> None:
    decoded = base_decoder.decompress(broken(wavy_file.data, 4))
    report = decoded.report
    assert report["exact"] is False
    assert report["damaged"] == report["damaged_blade"] == report["damaged_streams"] == [4]
    rest, lost = blade_area((1, 5)), blade_area((4,))
    assert np.array_equal(decoded.pixels[rest], wavy[rest])
    error = np.abs(decoded.pixels[lost].astype(int) - wavy[lost])
    assert 0 < error.mean() < 40  # a picture, if a rough one
    background = ~blade_area()
    sound = base_decoder.decompress(wavy_file.data)
    assert np.array_equal(decoded.pixels[background], sound.pixels[background])


def test_a_region_beside_the_damage_does_not_know(
    base_decoder: Decoder, wavy_file: Compressed
) -> None:
    options = DecompressOptions(region=(520, 300, 100, 100), strict=True)
    decoded = base_decoder.decompress(broken(wavy_file.data, 1, 4), options)
    assert (decoded.report["exact"], decoded.report["damaged"]) == (True, [])


def test_strict_refuses_and_names_the_patches(base_decoder: Decoder, wavy_file: Compressed) -> None:
    with pytest.raises(DamagedStream) as refused:
        base_decoder.decompress(broken(wavy_file.data, 1, 5), DecompressOptions(strict=True))
    assert refused.value.extra["patches"] == [1, 5]


def test_lossy_damage_leaves_the_blade_exact(
    base_decoder: Decoder, wavy_file: Compressed, wavy: np.ndarray
) -> None:
    blade, data = parse(wavy_file.data), bytearray(wavy_file.data)
    data[blade.patches[3].offset + 1] ^= 1
    decoded = base_decoder.decompress(bytes(data))
    area = blade_area()
    assert np.array_equal(decoded.pixels[area], wavy[area])
    assert decoded.report["exact"] is True
    assert decoded.report["damaged_streams"] == [3]
    assert 3 in decoded.report["damaged"]
    assert not set(BLADE) & set(decoded.report["damaged"])


def test_without_a_lossy_layer_damage_is_black(
    base_encoder: Encoder, base_decoder: Decoder, wavy: np.ndarray, wavy_mask: np.ndarray
) -> None:
    data = base_encoder.compress(picture_of(wavy), wavy_mask, CompressOptions(mode="roi-only")).data
    decoded = base_decoder.decompress(broken(data, 4))
    assert not decoded.pixels[blade_area((4,))].any()
    assert (decoded.report["exact"], decoded.report["damaged"]) == (False, [4])
    assert np.array_equal(decoded.pixels[blade_area((1, 5))], wavy[blade_area((1, 5))])


def test_every_prefix_shows_what_has_arrived(
    base_decoder: Decoder, wavy_file: Compressed, wavy: np.ndarray
) -> None:
    blade = parse(wavy_file.data)
    for number in BLADE:
        entry = blade.lossless[number]
        for length in (entry.offset + entry.length - 1, entry.offset + entry.length):
            decoded = base_decoder.decompress(wavy_file.data[:length])
            there = [n for n in BLADE if n < number + (length == entry.offset + entry.length)]
            area = blade_area(tuple(there))
            assert np.array_equal(decoded.pixels[area], wavy[area])
            assert decoded.report["damaged_blade"] == [n for n in BLADE if n not in there]
            assert decoded.report["exact"] is (len(there) == 3)
            assert decoded.report["truncated"] is True


def test_the_digest_is_of_the_blade_samples(wavy_file: Compressed, wavy: np.ndarray) -> None:
    expected = hashlib.sha256()
    for row, column in ((0, 1), (1, 1), (1, 2)):
        part = wavy[256 * row : 256 * row + 256, 256 * column : 256 * column + 256]
        expected.update(part.tobytes())
    assert parse(wavy_file.data).digests() == {Digest.BLADE_SAMPLES: expected.digest()}


def test_samples_that_are_not_the_digests_are_not_exact(
    base_decoder: Decoder, wavy_file: Compressed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every stream sound, every check right, and yet another blade than the file promises."""
    monkeypatch.setattr(Blade, "digests", lambda self: {Digest.BLADE_SAMPLES: bytes(32)})
    decoded = base_decoder.decompress(wavy_file.data)
    assert decoded.report["exact"] is False
    assert decoded.report["damaged_metadata"] == ["digests"]
    with pytest.raises(DamagedStream, match="digests"):
        base_decoder.decompress(wavy_file.data, DecompressOptions(strict=True))
    region = DecompressOptions(region=(300, 300, 9, 9))  # the digest says nothing of a part
    assert base_decoder.decompress(wavy_file.data, region).report["exact"] is True


def test_a_digest_that_is_cut_off_is_missed(
    base_decoder: Decoder, wavy_file: Compressed, wavy: np.ndarray
) -> None:
    """One byte short: every blade pixel is there, but the file is not what it was."""
    cut = wavy_file.data[:-1]
    decoded = base_decoder.decompress(cut)
    assert np.array_equal(decoded.pixels[blade_area(BLADE)], wavy[blade_area(BLADE)])
    assert decoded.report["damaged_metadata"] == ["digests"]
    with pytest.raises(DamagedStream, match="digests"):
        base_decoder.decompress(cut, DecompressOptions(strict=True))


def test_a_lossless_model_that_is_not_here(
    zoo_folder: Path, wavy_file: Compressed, base_encoder: Encoder, wavy: np.ndarray
) -> None:
    """Needed for the blade alone: background decodes without."""
    other = Decoder(Zoo(zoo_folder, Device("cpu", 1), "lite"))
    with pytest.raises(UnknownModel):
        other.decompress(wavy_file.data)
    part = other.decompress(wavy_file.data, DecompressOptions(region=(0, 0, 200, 200)))
    assert part.report["exact"] is False
    with pytest.raises(UnknownModel):
        base_encoder.compress(
            picture_of(wavy), "full", CompressOptions(mode="lossless", lossless_model="other")
        )


# -- hostile bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["lossless", "roi-only"])
def test_mutated_files_are_refused_or_told(
    base_encoder: Encoder, base_decoder: Decoder, mode: str
) -> None:
    """Whatever is changed: an error of the family, or no wrong pixel called exact."""
    pixels = textured(60, 290) // 4
    mask = np.zeros((60, 290), bool)
    mask[:, :200] = True
    options = CompressOptions(mode=mode, dilation=0)  # type: ignore[arg-type]
    data = base_encoder.compress(picture_of(pixels), mask, options).data
    rng = np.random.default_rng(0)
    exact = 0
    for _ in range(150):
        changed = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            changed[at] = rng.integers(256)
        if rng.random() < 0.3:
            del changed[int(rng.integers(len(changed))) :]
        if rng.random() < 0.5:  # an index that is whole again, whatever it says
            changed = bytearray(with_right_check(bytes(changed)))
        try:
            decoded = base_decoder.decompress(bytes(changed))
        except BladestreamError:
            continue
        if decoded.report["exact"]:
            exact += 1
            assert np.array_equal(decoded.pixels[:, :256], pixels[:, :256])
    assert exact  # metadata, digests and background may be hit without harm to the blade


def with_right_check(data: bytes) -> bytes:
    """The file with the CRC32C that its index ought to have, if it has one."""
    length, size = 0, 0
    for size, byte in enumerate(data[9:14], 1):
        length |= (byte & 0x7F) << 7 * (size - 1)
        if byte < 0x80:
            break
    end = 9 + size + length
    return data[:end] + crc32c(data[:end]).to_bytes(4, "little") + data[end + 4 :]


def test_cancelling_stops_between_batches(
    base_encoder: Encoder, base_decoder: Decoder, wavy: np.ndarray, wavy_file: Compressed
) -> None:
    def cancel(stage: str, done: int, total: int) -> None:
        if stage == "lossless":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        base_encoder.compress(picture_of(wavy), "full", CompressOptions(mode="lossless"), cancel)
    with pytest.raises(Cancelled):
        base_decoder.decompress(wavy_file.data, DecompressOptions(), cancel)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_batches_leave_no_trace(
    base_encoder: Encoder,
    base_decoder: Decoder,
    wavy: np.ndarray,
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = base_encoder.compress(picture_of(wavy), "full", CompressOptions(mode="lossless")).data
    monkeypatch.setattr("service.codec.blade_layer.BATCH", batch)
    assert (
        base_encoder.compress(picture_of(wavy), "full", CompressOptions(mode="lossless")).data
        == once
    )
    assert np.array_equal(base_decoder.decompress(once).pixels, wavy)
