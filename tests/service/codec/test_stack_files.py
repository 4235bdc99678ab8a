"""Files whose blade is on stacks: exact, lent and returned."""

from __future__ import annotations

import json

import numpy as np
import pytest

from service.codec.container.parser import Blade, parse
from service.codec.decoder import Decoder
from service.codec.encoder import Compressed, Encoder
from service.codec.inspection import inspect
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import Cancelled, TargetUnreachable, WorkerFailed
from tests.service.codec.coding import picture_of, psnr, textured
from tests.service.codec.conftest import ToyZoo
from tests.service.codec.patch_areas import BLADE, blade_area

LOSSLESS = CompressOptions(mode="lossless", quality=8.0)
STRICT = DecompressOptions(strict=True)


@pytest.fixture(scope="module")
def stacked(toy_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray) -> Compressed:
    """Three blade patches of nine; a background that can lend to each."""
    return toy_encoder.compress(picture_of(wavy), wavy_mask, LOSSLESS)


def test_every_background_stream_is_stored_once(stacked: Compressed, wavy: np.ndarray) -> None:
    blade = parse(stacked.data)
    assert [stack.patches for stack in blade.stacks] == [(1,), (4,), (5,)]
    lent = [number for stack in blade.stacks for number in stack.donors]
    assert len(lent) == len(set(lent)) == stacked.report["lent_patches"] >= 3
    stored = sum(entry.length for entry in blade.patches if entry.stack is None)
    assert blade.chunks["patches"].length == stored
    assert stacked.report["lent_bytes"] == sum(blade.patches[n].length for n in lent)
    assert stacked.report["filler_bytes"] < 4 * 3  # up to whole words


def test_lending_saves_what_was_lent(
    toy_encoder: Encoder,
    toy_decoder: Decoder,
    stacked: Compressed,
    wavy: np.ndarray,
    wavy_mask: np.ndarray,
) -> None:
    options = CompressOptions(mode="lossless", quality=8.0, progressive=True)
    alone = toy_encoder.compress(picture_of(wavy), wavy_mask, options)
    blade = parse(alone.data)
    assert (alone.report["lent_patches"], alone.report["lent_bytes"]) == (0, 0)
    assert all(entry.stack is None for entry in blade.patches)
    assert alone.report["filler_bytes"] > 300
    a, b = (toy_decoder.decompress(file.data, STRICT) for file in (alone, stacked))
    assert np.array_equal(a.pixels, b.pixels)
    assert len(stacked.data) < len(alone.data)
    # What a picture shows before its stacks arrive: all of it, at the price of those bytes.
    end = blade.chunks["lossless"].offset
    front = toy_decoder.decompress(alone.data[:end])
    assert front.report["damaged_streams"] == front.report["damaged_blade"] == list(BLADE)
    background = ~blade_area()
    assert np.array_equal(front.pixels[background], a.pixels[background])


def test_blade_and_background_come_back(
    toy_decoder: Decoder, stacked: Compressed, wavy: np.ndarray
) -> None:
    decoded = toy_decoder.decompress(stacked.data, STRICT)
    area = blade_area()
    assert np.array_equal(decoded.pixels[area], wavy[area])
    assert psnr(decoded.pixels[~area], wavy[~area]) > 30
    assert decoded.report["exact"] is stacked.report["exact"] is True
    assert decoded.report["exact_patches"] == 3
    json.dumps([decoded.report, stacked.report], allow_nan=False)


def test_roi_only_shares_a_stack(
    toy_encoder: Encoder, toy_decoder: Decoder, wavy: np.ndarray, wavy_mask: np.ndarray
) -> None:
    coded = toy_encoder.compress(picture_of(wavy), wavy_mask, CompressOptions(mode="roi-only"))
    assert [stack.patches for stack in parse(coded.data).stacks] == [BLADE]
    decoded = toy_decoder.decompress(coded.data, STRICT)
    assert np.array_equal(decoded.pixels[blade_area()], wavy[blade_area()])
    assert not decoded.pixels[~blade_area()].any()


def test_a_target_lends_nothing_and_is_met(
    toy_encoder: Encoder,
    toy_decoder: Decoder,
    stacked: Compressed,
    wavy: np.ndarray,
    wavy_mask: np.ndarray,
) -> None:
    target = len(stacked.data) - 2000
    options = CompressOptions(mode="lossless", target_bytes=target)
    coded = toy_encoder.compress(picture_of(wavy), wavy_mask, options)
    assert 0 <= target - len(coded.data) <= 0.03 * (target - coded.report["blade_bytes"]) + 100
    assert coded.report["lent_patches"] == 0
    assert toy_decoder.decompress(coded.data, STRICT).report["exact"] is True
    with pytest.raises(TargetUnreachable):
        options = CompressOptions(mode="lossless", target_bytes=1000)
        toy_encoder.compress(picture_of(wavy), "full", options)


def test_a_picture_that_is_all_blade_has_several_stacks(
    toy_encoder: Encoder, toy_decoder: Decoder, toy_zoo: ToyZoo
) -> None:
    pixels = np.tile(textured(256, 256, grey=True), (3, 5))[:700, :1200]
    coded = toy_encoder.compress(picture_of(pixels), "full", LOSSLESS)
    stacks = parse(coded.data).stacks
    assert sorted(len(stack.patches) for stack in stacks) == [7, 8]
    assert np.array_equal(toy_decoder.decompress(coded.data, STRICT).pixels, pixels)


def test_a_stack_that_is_short_is_coded_again(
    toy_encoder: Encoder,
    toy_decoder: Decoder,
    wavy: np.ndarray,
    wavy_mask: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def far_too_little(model, pixels, grid, numbers):  # type: ignore[no-untyped-def]
        return iter([8] * len(numbers))

    monkeypatch.setattr("service.codec.stack_layer.initial_bytes", far_too_little)
    coded = toy_encoder.compress(picture_of(wavy), wavy_mask, LOSSLESS)
    assert coded.report["lent_bytes"] + coded.report["filler_bytes"] > 3 * 300
    decoded = toy_decoder.decompress(coded.data, STRICT)
    assert np.array_equal(decoded.pixels[blade_area()], wavy[blade_area()])


@pytest.mark.parametrize("lanes", [1, 2])
def test_batches_leave_no_trace(
    toy_encoder: Encoder,
    toy_decoder: Decoder,
    stacked: Compressed,
    wavy: np.ndarray,
    wavy_mask: np.ndarray,
    lanes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.codec.stacks.LANES", lanes)
    monkeypatch.setattr("service.codec.stack_reader.LANES", lanes)
    again = toy_encoder.compress(picture_of(wavy), wavy_mask, LOSSLESS)
    assert again.data == stacked.data
    assert toy_decoder.decompress(again.data, STRICT).report["exact"] is True


def test_stacks_advance_together(
    toy_encoder: Encoder, toy_zoo: ToyZoo, wavy: np.ndarray, wavy_mask: np.ndarray
) -> None:
    """Sixteen blocks, as many network calls for three stacks as for one."""
    options = CompressOptions(mode="lossless", quality=8.0, verify=False, dilation=0)
    one = np.zeros_like(wavy_mask)
    one[300, 300] = True
    calls = []
    for mask in (one, wavy_mask):
        before = toy_zoo.toy.calls
        toy_encoder.compress(picture_of(wavy), mask, options)
        calls.append(toy_zoo.toy.calls - before)
    assert calls == [1 + 16 * 6, 1 + 16 * 6]  # q and p of two levels, three components


def test_verification_reads_stacks_and_loans(
    toy_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flipped(self: Blade, number: int) -> bytes:
        entry = self.stacks[number]
        data = bytearray(self.data[entry.offset : entry.offset + entry.length])
        data[0 if number else -1] ^= 1  # a lent word; a blade's last symbols
        return bytes(data)

    monkeypatch.setattr(Blade, "stack", flipped)
    for mask in (wavy_mask, blade_area((4,))):
        with pytest.raises(WorkerFailed):
            toy_encoder.compress(picture_of(wavy), mask, LOSSLESS)
    options = CompressOptions(mode="lossless", verify=False)
    coded = toy_encoder.compress(picture_of(wavy), wavy_mask, options)
    assert coded.report["exact"] is coded.report["verified"] is False


def test_cancelling_stops_between_blocks(
    toy_encoder: Encoder, toy_decoder: Decoder, wavy: np.ndarray, stacked: Compressed
) -> None:
    def cancel(stage: str, done: int, total: int) -> None:
        if stage == "lossless":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        toy_encoder.compress(picture_of(wavy), "full", LOSSLESS, cancel)
    with pytest.raises(Cancelled):
        toy_decoder.decompress(stacked.data, DecompressOptions(), cancel)


def test_inspection_shows_who_lent_to_whom(stacked: Compressed, toy_zoo: ToyZoo) -> None:
    told = json.loads(json.dumps(inspect(stacked.data, toy_zoo)))
    blade = parse(stacked.data)
    assert sum(told["chunks"].values()) == told["bytes"] == len(stacked.data)
    lossless = told["lossless"]
    assert lossless["bytes"] + lossless["lent_bytes"] == told["chunks"]["lossless"]
    assert lossless["blade_bpp"] == stacked.report["blade_bpp"]
    assert lossless["bytes"] == stacked.report["blade_bytes"]
    assert lossless["lent_patches"] == stacked.report["lent_patches"]
    assert told["patches"]["background"]["bytes"] == sum(
        entry.length for number, entry in enumerate(blade.patches) if number not in BLADE
    )
    for shown, entry in zip(lossless["stacks"], blade.stacks, strict=True):
        assert (shown["patches"], shown["donors"]) == (list(entry.patches), list(entry.donors))
        assert (shown["bytes"], shown["filler_bytes"]) == (entry.length, entry.filler)
        assert shown["lent_bytes"] == sum(blade.patches[n].length for n in entry.donors)
