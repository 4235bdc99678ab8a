"""A file becomes a picture: regions, prefixes, damage; the same symbols however it is run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from service.codec import grid as grid_module
from service.codec.container.layout import Stream
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BadParameter, BadStream, Cancelled, DamagedStream, UnknownModel
from service.pictures import Metadata
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.conftest import Photograph
from tests.service.codec.coding import picture_of, psnr, same_symbols, symbols_in, textured

Region = tuple[int, int, int, int]
HEIGHT, WIDTH = 700, 900
ROWS, COLUMNS = 3, 4
HALO = 1  # patches around a damaged one that its pixels reach into


@pytest.fixture(scope="module")
def wide(tip: Photograph) -> np.ndarray:
    """A picture of 3 x 4 patches: the photograph and its mirror images."""
    pixels = tip.picture.pixels
    row = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
    return np.concatenate([row, row[::-1]])[:HEIGHT, :WIDTH]


@pytest.fixture(scope="module")
def blade(encoder: Encoder, wide: np.ndarray) -> bytes:
    """That picture at two qualities."""
    mask = np.zeros(wide.shape[:2], bool)
    mask[300:480, 20:200] = True
    options = CompressOptions(mode="lossy", quality=3.0, roi_quality=6.0)
    return encoder.compress(picture_of(wide), mask, options).data


@pytest.fixture(scope="module")
def whole(decoder: Decoder, blade: bytes) -> np.ndarray:
    return decoder.decompress(blade).pixels


@pytest.fixture(scope="module")
def small(encoder: Encoder, tip: Photograph) -> bytes:
    """2 x 3 patches at two qualities."""
    mask = np.zeros((300, 520), bool)
    mask[:, 200:230] = True
    picture = picture_of(tip.picture.pixels[100:400, 60:580])
    return encoder.compress(
        picture, mask, CompressOptions(mode="lossy", quality=2.0, roi_quality=7.0)
    ).data


def crop(pixels: np.ndarray, region: Region) -> np.ndarray:
    x, y, width, height = region
    return pixels[y : y + height, x : x + width]


def near(numbers: set[int], rows: int, columns: int) -> list[int]:
    """Patches and their neighbours."""
    found = {
        (number // columns + r, number % columns + c)
        for number in numbers
        for r in range(-HALO, HALO + 1)
        for c in range(-HALO, HALO + 1)
    }
    return sorted(r * columns + c for r, c in found if 0 <= r < rows and 0 <= c < columns)


def with_streams(data: bytes, change) -> bytes:  # type: ignore[no-untyped-def]
    """A file whose streams are changed, with an index that fits: change(kind, number, bytes)."""
    blade = parse(data)

    def streams(kind: str, entries, read) -> list[Stream]:  # type: ignore[no-untyped-def]
        return [
            Stream(change(kind, number, bytes(read(number))), entry.groups)
            for number, entry in enumerate(entries)
        ]

    bands = streams("band", blade.bands, blade.band)
    patches = streams("patch", blade.patches, blade.patch)
    return pack(blade.header, bands, patches, blade.metadata())


def flipped(data: bytes) -> bytes:
    """A stream with one bit flipped; an empty one stays as it is."""
    if not data:
        return data
    changed = bytearray(data)
    changed[len(data) // 2] ^= 8
    return bytes(changed)


# -- regions --------------------------------------------------------------------------------------

REGIONS: list[Region] = [
    (0, 0, 1, 1),
    (899, 699, 1, 1),
    (300, 270, 100, 60),  # inside one patch
    (250, 250, 12, 12),  # over a corner of four
    (0, 0, 256, 256),
    (177, 0, 600, 33),
    (700, 100, 200, 600),  # to the right and lower border
    (513, 255, 3, 258),
    (0, 0, 900, 700),
]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("tile", [256, 1024])
def test_a_region_is_a_crop_of_the_whole(
    decoder: Decoder,
    blade: bytes,
    whole: np.ndarray,
    region: Region,
    tile: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grid_module, "TILE", tile)
    decoded = decoder.decompress(blade, DecompressOptions(region=region))
    assert np.array_equal(decoded.pixels, crop(whole, region))
    assert decoded.report["region"] == list(region)
    assert (decoded.report["width"], decoded.report["height"]) == region[2:]
    assert decoded.report["damaged"] == []


@pytest.mark.parametrize("region", REGIONS[:8])
def test_a_region_reads_its_halo_and_nothing_else(
    zoo: Zoo, blade: bytes, whole: np.ndarray, region: Region
) -> None:
    """All other streams may be broken: neither the pixels nor the report know."""
    decoder = Decoder(zoo)
    x, y, width, height = region
    halo = zoo.by_name(None).anatomy.synthesis_halo
    reached = np.zeros((ROWS, COLUMNS), bool)
    top, left = max(y - halo, 0) // 256, max(x - halo, 0) // 256
    reached[top : (y + height + halo - 1) // 256 + 1, left : (x + width + halo - 1) // 256 + 1] = 1
    assert not reached.all()
    broken = with_streams(
        blade,
        lambda kind, number, data: (
            flipped(data) if kind == "patch" and not reached.flat[number] else data
        ),
    )
    decoded = decoder.decompress(broken, DecompressOptions(region=region, strict=True))
    assert np.array_equal(decoded.pixels, crop(whole, region))
    assert decoded.report["damaged_streams"] == []
    coded = np.array([entry.length > 0 for entry in parse(blade).patches])
    found = decoder.decompress(broken).report["damaged_streams"]
    assert found == np.flatnonzero(coded & ~reached.ravel()).tolist() != []


def test_regions_outside_are_refused(decoder: Decoder, blade: bytes) -> None:
    for region in [(900, 0, 1, 1), (0, 0, 901, 1), (-1, 0, 2, 2), (0, 0, 2**40, 2**40)]:
        with pytest.raises(BadParameter, match="not within 900x700"):
            decoder.decompress(blade, DecompressOptions(region=region))


def test_blade_alone(decoder: Decoder, blade: bytes, whole: np.ndarray) -> None:
    decoded = decoder.decompress(blade, DecompressOptions(roi_only=True))
    mask = np.kron(parse(blade).header.mask, np.ones((256, 256), bool))[:HEIGHT, :WIDTH]
    assert np.array_equal(decoded.pixels[mask], whole[mask])
    assert not decoded.pixels[~mask].any()
    region = (100, 200, 300, 300)
    part = decoder.decompress(blade, DecompressOptions(region=region, roi_only=True))
    assert np.array_equal(part.pixels, crop(decoded.pixels, region))
    # Background too far off to matter may be broken, and is not named where it is not shown.
    numbers = set(np.flatnonzero(parse(blade).header.mask).tolist())
    far = set(range(ROWS * COLUMNS)) - set(near(numbers, ROWS, COLUMNS))
    assert far
    broken = with_streams(
        blade, lambda kind, n, data: flipped(data) if kind == "patch" and n in far else data
    )
    again = decoder.decompress(broken, DecompressOptions(roi_only=True, strict=True))
    assert np.array_equal(again.pixels, decoded.pixels)


def test_no_seam_between_tiles(zoo: Zoo, wide: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coded and decoded in tiles of 256: the same symbols and the same picture."""
    picture = picture_of(wide[:600, :400])
    options = CompressOptions(mode="lossy", quality=3.0)
    one = Encoder(zoo).compress(picture, "none", options).data
    monkeypatch.setattr(grid_module, "TILE", 256)
    many = Encoder(zoo).compress(picture, "none", options).data
    assert same_symbols(symbols_in(zoo, one, monkeypatch), symbols_in(zoo, many, monkeypatch))
    tiled = Decoder(zoo).decompress(one).pixels.astype(int)
    monkeypatch.setattr(grid_module, "TILE", 2048)
    assert np.abs(tiled - Decoder(zoo).decompress(one).pixels).max() <= 1


# -- the same symbols everywhere -----------------------------------------------------------------


class _Float(Device):
    """The CPU with the lowering that GPUs use."""

    @property
    def lowering(self):  # type: ignore[no-untyped-def, override]
        return "float"


@pytest.fixture(scope="module")
def reference(zoo: Zoo, small: bytes) -> list[list[np.ndarray]]:
    with pytest.MonkeyPatch.context() as patched:
        return symbols_in(zoo, small, patched)


@pytest.mark.parametrize(
    "device", [Device("cpu", 1), Device("cpu", 2), _Float("cpu", 1), _Float("cpu", 2)]
)
def test_threads_and_lowerings_give_the_same_symbols(
    zoo_folder: Path,
    small: bytes,
    reference: list[list[np.ndarray]],
    device: Device,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Zoo(zoo_folder, device, "lite")
    assert same_symbols(symbols_in(other, small, monkeypatch), reference)


@pytest.mark.parametrize("batch", [1, 3, 8, 16])
def test_batches_give_the_same_symbols(
    zoo: Zoo,
    small: bytes,
    reference: list[list[np.ndarray]],
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.codec.lossy_layer.BATCH", batch)
    assert same_symbols(symbols_in(zoo, small, monkeypatch), reference)


@pytest.mark.parametrize("lowering", [Device, _Float])
@pytest.mark.parametrize(
    "level", ["ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"]
)
def test_optimisation_levels_give_the_same_symbols(
    zoo_folder: Path,
    small: bytes,
    reference: list[list[np.ndarray]],
    lowering: type[Device],
    level: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = ort.SessionOptions

    def at_level() -> ort.SessionOptions:
        made = options()
        made.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
        return made

    monkeypatch.setattr("service.runtime.sessions.ort.SessionOptions", at_level)
    other = Zoo(zoo_folder, lowering("cpu", 1), "lite")
    assert same_symbols(symbols_in(other, small, monkeypatch), reference)


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
