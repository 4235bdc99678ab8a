"""Reading stacks: regions go no deeper than they must, damage is named and never called exact."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec.container.parser import Blade, parse
from service.codec.decoder import Decoder
from service.codec.encoder import Compressed, Encoder
from service.codec.options import CompressOptions, DecompressOptions
from service.codec.stacks import blocks_of
from service.errors import BladestreamError, DamagedStream, UnknownModel
from service.pictures import Metadata
from service.runtime.zoo import Zoo
from tests.service.codec.coding import picture_of, textured
from tests.service.codec.conftest import ToyZoo
from tests.service.codec.patch_areas import BLADE, Region, blade_area, crop
from tests.service.codec.test_exact_decoding import with_right_check

LOSSLESS = CompressOptions(mode="lossless", quality=8.0, dilation=0)


@pytest.fixture(scope="module")
def stacked(toy_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray) -> Compressed:
    """Each of three blade patches on a stack of its own."""
    return toy_encoder.compress(picture_of(wavy), wavy_mask, LOSSLESS)


@pytest.fixture(scope="module")
def chained(toy_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray) -> Compressed:
    """The three on one stack, 5 on top of 4 on top of 1, above a loan of them all."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "service.codec.stack_layer.initial_bytes",
            lambda model, pixels, grid, numbers: iter([10**5] * len(numbers)),
        )
        return toy_encoder.compress(picture_of(wavy), wavy_mask, LOSSLESS)


def broken(data: bytes, stack: int, share: float) -> bytes:
    """A bit flipped in a stack: 0 just above its loan, 1 at the top, which is read first."""
    blade, changed = parse(data), bytearray(data)
    entry = blade.stacks[stack]
    loan = entry.filler + sum(blade.patches[donor].length for donor in entry.donors)
    changed[entry.offset + loan + int(share * (entry.length - 1 - loan))] ^= 16
    return bytes(changed)


# -- regions ------------------------------------------------------------------------------------


class Reading:
    """Which stacks a decoder opened, and how many blocks it took from them."""

    def __init__(self, patched: pytest.MonkeyPatch, zoo: ToyZoo) -> None:
        self.stacks: list[int] = []
        original = Blade.stack

        def listen(blade: Blade, number: int) -> memoryview | None:
            self.stacks.append(number)
            return original(blade, number)

        patched.setattr(Blade, "stack", listen)
        self._zoo = zoo
        self._before = zoo.toy.calls

    @property
    def blocks(self) -> int:
        """Steps that stacks took together; two levels of latents make six calls of each."""
        return (self._zoo.toy.calls - self._before) // 6


INSIDE: list[tuple[Region, list[int]]] = [
    ((300, 300, 1, 1), [1]),  # within one blade patch
    ((256, 0, 256, 256), [0]),
    ((500, 270, 100, 200), [1, 2]),  # over two
]


@pytest.mark.parametrize(("region", "stacks"), INSIDE)
def test_a_region_of_blade_touches_only_its_stacks(
    toy_decoder: Decoder,
    toy_zoo: ToyZoo,
    stacked: Compressed,
    wavy: np.ndarray,
    region: Region,
    stacks: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = Reading(monkeypatch, toy_zoo)
    decoded = toy_decoder.decompress(stacked.data, DecompressOptions(region=region, strict=True))
    assert np.array_equal(decoded.pixels, crop(wavy, region))
    assert decoded.report["exact"] is True
    assert (reading.stacks, reading.blocks) == (stacks, 16)


def test_a_region_of_a_chain_goes_no_deeper_than_it_must(
    toy_decoder: Decoder,
    toy_zoo: ToyZoo,
    chained: Compressed,
    wavy: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blade = parse(chained.data)
    assert [stack.patches for stack in blade.stacks] == [BLADE]
    depth = 0
    grid_blocks = {1: 16, 4: 16, 5: 12}  # the last one is 188 pixels wide
    for number in reversed(BLADE):
        depth += grid_blocks[number]
        region = (256 * (number % 3) + 9, 256 * (number // 3) + 9, 20, 30)
        with monkeypatch.context() as patched:
            reading = Reading(patched, toy_zoo)
            decoded = toy_decoder.decompress(chained.data, DecompressOptions(region=region))
            assert (reading.stacks, reading.blocks) == ([0], depth)
        assert np.array_equal(decoded.pixels, crop(wavy, region))
        assert decoded.report["exact"] is True


def test_blocks_are_counted_as_they_lie(wavy: np.ndarray) -> None:
    from service.codec.grid import Grid

    grid = Grid(wavy.shape[1], wavy.shape[0])
    assert [len(blocks_of(grid, number)) for number in (0, 2, 6, 8)] == [16, 12, 8, 6]


def test_a_region_of_background_opens_the_stack_that_holds_it(
    toy_decoder: Decoder,
    toy_zoo: ToyZoo,
    stacked: Compressed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blade = parse(stacked.data)
    whole = toy_decoder.decompress(stacked.data).pixels
    lent = {n: entry.stack for n, entry in enumerate(blade.patches) if entry.stack is not None}
    assert len(lent) >= 3
    for number in set(range(9)) - set(BLADE):
        region = (256 * (number % 3) + 60, 256 * (number // 3) + 50, 30, 30)
        with monkeypatch.context() as patched:
            reading = Reading(patched, toy_zoo)
            options = DecompressOptions(region=region, strict=True)
            decoded = toy_decoder.decompress(stacked.data, options)
            assert np.array_equal(decoded.pixels, crop(whole, region))
            assert decoded.report["exact"] is False
            assert (lent.get(number) is None) or lent[number] in reading.stacks
            assert set(reading.stacks) <= set(lent.values())


def test_background_needs_the_model_only_where_it_was_lent(
    zoo: Zoo, stacked: Compressed, toy_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray
) -> None:
    other, region = Decoder(zoo), DecompressOptions(region=(60, 50, 30, 30))
    with pytest.raises(UnknownModel):
        other.decompress(stacked.data, region)
    options = CompressOptions(mode="lossless", progressive=True)
    alone = toy_encoder.compress(picture_of(wavy), wavy_mask, options)
    assert other.decompress(alone.data, region).report["damaged"] == []


@pytest.mark.parametrize("region", [(200, 200, 200, 200), (0, 0, 700, 600), (690, 590, 10, 10)])
@pytest.mark.parametrize("roi_only", [False, True])
def test_a_region_is_a_crop(
    toy_decoder: Decoder, chained: Compressed, region: Region, roi_only: bool
) -> None:
    whole = toy_decoder.decompress(chained.data, DecompressOptions(roi_only=roi_only)).pixels
    options = DecompressOptions(region=region, roi_only=roi_only)
    assert np.array_equal(toy_decoder.decompress(chained.data, options).pixels, crop(whole, region))


# -- damage -------------------------------------------------------------------------------------


def test_a_damaged_stack_is_named_with_its_patches_and_donors(
    toy_decoder: Decoder, stacked: Compressed, wavy: np.ndarray
) -> None:
    hit = parse(stacked.data).stacks[1]
    assert hit.patches == (4,)
    data = broken(stacked.data, 1, 0.9)
    report = toy_decoder.decompress(data).report
    assert report["exact"] is False
    assert report["damaged_blade"] == [4]
    assert report["damaged_streams"] == sorted((4, *hit.donors))
    assert set(report["damaged"]) >= {4, *hit.donors}
    assert report["damaged_stacks"] == [1]
    decoded = toy_decoder.decompress(data)
    rest = blade_area((1, 5))
    assert np.array_equal(decoded.pixels[rest], wavy[rest])
    with pytest.raises(DamagedStream) as refused:
        toy_decoder.decompress(data, DecompressOptions(strict=True))
    assert refused.value.extra["patches"] == sorted((4, *hit.donors))
    assert refused.value.extra["stacks"] == [{"patches": [4], "donors": list(hit.donors)}]


def test_a_damaged_loan_leaves_the_blade_exact(
    toy_decoder: Decoder, stacked: Compressed, wavy: np.ndarray
) -> None:
    """The bottom of a stack is read last: what lies above it is sound."""
    hit = parse(stacked.data).stacks[1]
    data = bytearray(stacked.data)
    data[hit.offset] ^= 16
    decoded = toy_decoder.decompress(bytes(data))
    area = blade_area()
    assert np.array_equal(decoded.pixels[area], wavy[area])
    assert decoded.report["exact"] is True
    assert set(decoded.report["damaged_streams"]) <= set(hit.donors)
    assert decoded.report["damaged_streams"]
    assert decoded.report["damaged_stacks"] == [1]


@pytest.mark.parametrize(("share", "lost"), [(1.0, (1, 4, 5)), (0.5, (1, 4)), (0.1, (1,))])
def test_damage_in_a_chain_hits_what_lies_below(
    toy_decoder: Decoder, chained: Compressed, wavy: np.ndarray, share: float, lost: tuple[int, ...]
) -> None:
    decoded = toy_decoder.decompress(broken(chained.data, 0, share))
    donors = parse(chained.data).stacks[0].donors
    assert decoded.report["damaged_blade"] == list(lost)
    assert decoded.report["damaged_streams"] == sorted((*lost, *donors))
    kept = blade_area(tuple(set(BLADE) - set(lost)))
    assert np.array_equal(decoded.pixels[kept], wavy[kept])
    assert decoded.report["exact"] is False
    area = blade_area(lost)
    assert (decoded.pixels[area] != wavy[area]).any()


def test_damaged_blade_is_shown_with_the_streams_that_others_hold(
    toy_decoder: Decoder, stacked: Compressed, wavy: np.ndarray
) -> None:
    """The lossy layer below patch 1 needs its neighbours' streams, from stacks nobody asked for."""
    region = (300, 10, 150, 240)
    whole = toy_decoder.decompress(broken(stacked.data, 0, 0.9)).pixels
    part = toy_decoder.decompress(
        broken(stacked.data, 0, 0.9), DecompressOptions(region=region, roi_only=True)
    )
    assert part.report["damaged_blade"] == [1]
    assert np.array_equal(part.pixels, crop(whole, region))
    sound = toy_decoder.decompress(stacked.data).pixels
    error = np.abs(part.pixels.astype(int) - crop(sound, region)).mean()
    assert 0 < error < 40


def test_a_region_beside_the_damage_does_not_know(
    toy_decoder: Decoder, stacked: Compressed
) -> None:
    options = DecompressOptions(region=(520, 300, 100, 100), strict=True)
    decoded = toy_decoder.decompress(broken(stacked.data, 0, 0.5), options)
    assert (decoded.report["exact"], decoded.report["damaged"]) == (True, [])


def test_a_cut_file_shows_the_stacks_that_arrived(
    toy_decoder: Decoder, stacked: Compressed, wavy: np.ndarray
) -> None:
    blade = parse(stacked.data)
    for count, entry in enumerate(blade.stacks):
        for length in (entry.offset + entry.length - 1, entry.offset + entry.length):
            decoded = toy_decoder.decompress(stacked.data[:length])
            there = BLADE[: count + (length == entry.offset + entry.length)]
            area = blade_area(there)
            assert np.array_equal(decoded.pixels[area], wavy[area])
            assert decoded.report["damaged_blade"] == [n for n in BLADE if n not in there]
            assert decoded.report["truncated"] is True


@pytest.mark.parametrize("mode", ["lossless", "roi-only"])
def test_mutated_files_are_refused_or_told(
    toy_encoder: Encoder, toy_decoder: Decoder, mode: str
) -> None:
    """Whatever is changed: an error of the family, or no wrong pixel called exact."""
    pixels = textured(40, 540) // 4
    mask = np.zeros((40, 540), bool)
    mask[:, :300] = True
    options = CompressOptions(mode=mode, dilation=0, quality=8.0)  # type: ignore[arg-type]
    metadata = Metadata(exif=b"II*\0" + bytes(20_000), xmp=None, icc=None)  # room for harmless hits
    data = toy_encoder.compress(picture_of(pixels, metadata), mask, options).data
    assert len(parse(data).stacks) == 1
    rng = np.random.default_rng(0)
    exact = 0
    for _ in range(100):
        changed = bytearray(data)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            changed[at] = rng.integers(256)
        if rng.random() < 0.3:
            del changed[int(rng.integers(len(changed))) :]
        if rng.random() < 0.5:  # an index that is whole again, whatever it says
            changed = bytearray(with_right_check(bytes(changed)))
        try:
            decoded = toy_decoder.decompress(bytes(changed))
        except BladestreamError:
            continue
        if decoded.report["exact"]:
            exact += 1
            assert np.array_equal(decoded.pixels[:, :512], pixels[:, :512])
    assert exact  # metadata and what the background has of its own
