"""One stream a patch: encode and decode are inverse, batches do not matter, damage stays put."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec.ans import Stack
from service.codec.container.fields import varint
from service.codec.container.layout import Stream
from service.codec.grid import Grid
from service.codec.lossy import UpperLevel, analyse, quantise_upper
from service.codec.options import no_checkpoint
from service.codec.patches import PatchCoder, patch_slices
from service.errors import BadStream
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo
from tests.conftest import Photograph

GRID = Grid(640, 640)
ALL = list(range(9))


@pytest.fixture(scope="module")
def model(zoo: Zoo) -> LossyModel:
    return zoo.by_name(None)


@pytest.fixture(scope="module")
def y(model: LossyModel, tip: Photograph) -> np.ndarray:
    return analyse(model, tip.picture.pixels, GRID, no_checkpoint)


@pytest.fixture(scope="module")
def upper(model: LossyModel, y: np.ndarray) -> UpperLevel:
    return quantise_upper(model, y, 3)


@pytest.fixture(scope="module")
def coder(model: LossyModel, upper: UpperLevel) -> PatchCoder:
    quality = np.array([[64, 200, 512], [128, 129, 130], [300, 64, 400]], np.int32)
    return PatchCoder(model, GRID, upper, quality)


@pytest.fixture(scope="module")
def streams(coder: PatchCoder, y: np.ndarray) -> list[Stream]:
    return coder.encode(y, ALL, verify=True)


def decode(coder: PatchCoder, streams: list[Stream], numbers: list[int], channels: int):
    decoded = np.zeros((48, 48, channels), np.float32)
    parts = [(stream.data, stream.groups) for stream in streams]
    return decoded, coder.decode(parts, numbers, decoded)


def test_a_decoder_finds_the_centroids_of_the_encoders_symbols(
    model: LossyModel,
    upper: UpperLevel,
    coder: PatchCoder,
    y: np.ndarray,
    streams: list[Stream],
) -> None:
    decoded, damaged = decode(coder, streams, ALL, model.anatomy.channels)
    assert damaged == []
    symbols, tables = coder.quantise(y, ALL)
    layouts = model.lower.layouts
    quality = [64, 200, 512, 128, 129, 130, 300, 64, 400]
    for number in ALL:
        expected = np.zeros((1, 16, 16, model.anatomy.channels), np.float32)
        for group in range(streams[number].groups):
            ints, chosen = symbols[number][group], tables[number][group]
            gain = model.gain(quality[number], group)
            values = model.quantiser.reconstruct(ints[None], chosen[None]) / gain
            layouts[group].fold_into(expected, values)
        where = patch_slices(GRID, number)
        expected[0, ..., : model.anatomy.mean_channels] += upper.means[where]
        assert np.allclose(decoded[where], expected[0], atol=1e-4)


def test_no_latent_is_shown_further_off_than_the_next_symbol_but_one(
    model: LossyModel, coder: PatchCoder, y: np.ndarray, streams: list[Stream]
) -> None:
    """Whatever means encoder and decoder add: they are the same."""
    decoded, _ = decode(coder, streams, ALL, model.anatomy.channels)
    quality = [64, 200, 512, 128, 129, 130, 300, 64, 400]
    for number in (0, 1, 3, 4):  # no padding
        where = patch_slices(GRID, number)
        for group in range(streams[number].groups):
            layout = model.lower.layouts[group]
            away = layout.unfold((decoded[where] - y[where])[None])
            assert np.abs(away * model.gain(quality[number], group)).max() < 1.5


def test_a_better_quality_costs_more_and_errs_less(
    model: LossyModel, upper: UpperLevel, y: np.ndarray
) -> None:
    sizes, errors = [], []
    for quality in (64, 192, 320, 512):
        coder = PatchCoder(model, GRID, upper, np.full((3, 3), quality, np.int32))
        streams = coder.encode(y, [4], verify=True)
        decoded, _ = decode(coder, streams, [4], model.anatomy.channels)
        where = patch_slices(GRID, 4)
        sizes.append(len(streams[0].data))
        errors.append(np.square(decoded[where] - y[where]).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


def test_a_stream_costs_what_its_symbols_cost_and_at_most_12_bytes(
    model: LossyModel, coder: PatchCoder, y: np.ndarray, streams: list[Stream]
) -> None:
    """Coder state, check and the entry in the index are all that comes on top."""
    symbols, tables = coder.quantise(y, ALL)
    for number, stream in enumerate(streams):
        coded = zip(symbols[number], tables[number], strict=True)
        bits = sum(
            model.tables.bits(ints.ravel(), chosen.ravel())
            for ints, chosen in list(coded)[: stream.groups]
        )
        entry = len(varint(len(stream.data) << 4 | stream.groups))
        assert 0 < len(stream.data) + entry - bits / 8 <= 12


@pytest.mark.parametrize("size", [1, 2, 8])
def test_batches_do_not_matter(
    model: LossyModel, coder: PatchCoder, y: np.ndarray, streams: list[Stream], size: int
) -> None:
    whole, _ = decode(coder, streams, ALL, model.anatomy.channels)
    for start in range(0, 9, size):
        numbers = ALL[start : start + size]
        assert coder.encode(y, numbers, verify=False) == streams[start : start + size]
        part, damaged = decode(coder, streams[start : start + size], numbers, y.shape[2])
        assert damaged == []
        for number in numbers:
            where = patch_slices(GRID, number)
            assert np.array_equal(part[where], whole[where])


def test_a_patch_that_its_upper_level_tells_whole_is_an_empty_stream(
    model: LossyModel, upper: UpperLevel, coder: PatchCoder
) -> None:
    y = np.zeros((48, 48, model.anatomy.channels), np.float32)
    y[..., : model.anatomy.mean_channels] = upper.means
    assert coder.encode(y, [0, 5], verify=True) == [Stream(b"", 0)] * 2
    decoded, damaged = decode(coder, [Stream(b"", 0)] * 2, [0, 5], y.shape[2])
    assert damaged == []
    where = patch_slices(GRID, 5)
    assert np.array_equal(decoded[where], y[where])


def test_groups_end_with_the_last_symbol_that_is_not_zero(
    model: LossyModel, upper: UpperLevel, coder: PatchCoder
) -> None:
    y = np.zeros((48, 48, model.anatomy.channels), np.float32)
    y[..., : model.anatomy.mean_channels] = upper.means
    for group, layout in enumerate(model.lower.layouts):
        part = y.copy()
        part[3, 7, layout.start] += 1000
        assert coder.encode(part, [0], verify=True)[0].groups == group + 1


def test_latents_far_beyond_the_table_come_back(
    model: LossyModel, coder: PatchCoder, y: np.ndarray, upper: UpperLevel
) -> None:
    wild = y.copy()
    wild[2, 3] += 1e5
    streams = coder.encode(wild, [0], verify=True)
    decoded, damaged = decode(coder, streams, [0], y.shape[2])
    assert damaged == []
    for group, layout in enumerate(model.lower.layouts):
        away = layout.unfold((decoded[2:3, 3:4] - wild[2:3, 3:4])[None])
        assert np.abs(away * model.gain(64, group)).max() < 1.5


def test_damage_stays_in_its_patch(
    model: LossyModel, coder: PatchCoder, upper: UpperLevel, streams: list[Stream]
) -> None:
    whole, _ = decode(coder, streams, ALL, model.anatomy.channels)
    rng = np.random.default_rng(0)
    for _ in range(6):
        hurt = list(streams)
        for number in (2, 6):
            data = bytearray(streams[number].data)
            data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
            hurt[number] = Stream(bytes(data), streams[number].groups)
        decoded, damaged = decode(coder, hurt, ALL, model.anatomy.channels)
        assert damaged == [2, 6]
        for number in ALL:
            where = patch_slices(GRID, number)
            if number in damaged:
                # What the upper level tells, and nothing of what a broken stream says.
                k = model.anatomy.mean_channels
                assert np.array_equal(decoded[where][..., :k], upper.means[where])
                assert not decoded[where][..., k:].any()
            else:
                assert np.array_equal(decoded[where], whole[where])


@pytest.mark.parametrize(
    ("data", "groups"),
    [(b"", 3), (b"\1", 7), (b"\xff" * 4000, 7), (b"abc\0", 7), (b"\x55" * 40, 15), (b"\1" * 9, 8)],
)
def test_streams_that_are_none_are_damage(
    model: LossyModel, coder: PatchCoder, data: bytes, groups: int
) -> None:
    assert decode(coder, [Stream(data, groups)], [1], model.anatomy.channels)[1] == [1]


def test_one_group_too_few_or_too_many_is_damage(
    model: LossyModel, coder: PatchCoder, streams: list[Stream]
) -> None:
    for change in (-1, 1):
        groups = streams[0].groups + change
        wrong = Stream(streams[0].data, groups)
        assert decode(coder, [wrong], [0], model.anatomy.channels)[1] == [0]


def test_verification_sees_a_coder_that_loses_a_bit(
    coder: PatchCoder, y: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Stack.to_bytes

    def lossy(stack: Stack) -> bytes:
        data = bytearray(honest(stack))
        data[len(data) // 2] ^= 4
        return bytes(data)

    monkeypatch.setattr(Stack, "to_bytes", lossy)
    with pytest.raises(BadStream):
        coder.encode(y, [1], verify=True)
