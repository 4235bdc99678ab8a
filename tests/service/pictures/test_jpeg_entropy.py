"""Huffman decoding, against coefficients that were written one by one."""

import numpy as np
import pytest

from service.pictures import jpeg_entropy
from service.pictures.jpeg_blocks import read_blocks
from service.pictures.jpeg_entropy import compile_decoder, lookup_table
from service.pictures.jpeg_headers import HuffmanTable
from tests.service.pictures.jpeg_files import AC_CODE, DC_CODE, Bits, coded, jpeg, segment

GREY = [(1, 1)]


def random_components(factors, mcus, rng, *, filled=0.2, most=200):
    components = []
    for across, down in factors:
        shape = (mcus[0] * down, mcus[1] * across, 64)
        values = rng.integers(-most, most + 1, shape)
        components.append(np.where(rng.random(shape) < filled, values, 0))
    return components


def read(components, factors, **changes):
    rows, columns, _ = components[0].shape
    factor = factors[0] if len(factors) > 1 else (1, 1)
    assert rows % factor[1] == columns % factor[0] == 0
    return read_blocks(jpeg(components, factors, (8 * rows, 8 * columns), **changes))


def block_of(*codes):
    """A file of one grey block of these (value, bits)."""
    bits = Bits()
    for value, count in codes:
        bits.put(value, count)
    return read_blocks(jpeg([], GREY, (8, 8), data=bits.data()))


@pytest.mark.parametrize("restart_interval", [0, 1, 3, 5])
@pytest.mark.parametrize(
    "factors",
    [
        [(1, 1)],
        [(1, 1), (1, 1), (1, 1)],
        [(2, 1), (1, 1), (1, 1)],
        [(2, 2), (1, 1), (1, 1)],
        [(2, 2), (1, 2), (1, 2)],
        [(1, 2), (1, 2), (1, 2)],
    ],
    ids=str,
)
def test_what_was_written_is_read(factors, restart_interval):
    components = random_components(factors, (5, 6), np.random.default_rng(5))
    blocks = read(components, factors, restart_interval=restart_interval)
    for found, expected in zip(blocks.coefficients, components, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("filled", [0.005, 0.03, 0.5, 1])
def test_any_density(filled):
    components = random_components(GREY, (7, 9), np.random.default_rng(6), filled=filled)
    np.testing.assert_array_equal(read(components, GREY).coefficients[0], components[0])


def test_values_as_large_as_they_get():
    block = np.zeros((1, 2, 64), int)
    block[0, 0, 0], block[0, 1, 0] = 8191, 0
    block[0, :, 63], block[0, :, 62] = (-32767, 32767), (32767, -32767)
    np.testing.assert_array_equal(read([block], GREY).coefficients[0], block)


def test_restart_markers_out_of_turn_are_damage():
    components = random_components(GREY, (4, 5), np.random.default_rng(7))
    data = coded(components, GREY, 2)
    at = data.index(b"\xff\xd3")

    def file(changed):
        return read(components, GREY, restart_interval=2, data=changed)

    assert file(data) is not None
    assert file(data[:at] + b"\xff\xff" + data[at:]) is not None  # fill bytes
    assert file(data[:at] + b"\0" + data[at:]) is None
    assert file(data[:at] + data[at + 2 :]) is None
    assert file(data[:at] + b"\xff\xd4" + data[at + 2 :]) is None
    assert file(data[:at] + b"\xff\xd9" + data[at + 2 :]) is None
    assert read(components, GREY, restart_interval=3, data=data) is None
    assert read(components, GREY, restart_interval=0, data=data) is None


def test_one_mcu_more_or_less():
    components = random_components(GREY, (4, 5), np.random.default_rng(8))
    assert read(components, GREY, data=coded([components[0][:3]], GREY)) is None
    # What is left over does no harm: libjpeg passes over it too.
    assert read([components[0][:3]], GREY, data=coded(components, GREY)) is not None


@pytest.mark.parametrize("end", [b"", b"\xff", b"\xff\xd8", b"\xff\xda\0\2", b"\xff\xdc\0\4\0\1"])
def test_the_picture_ends_with_eoi(end):
    assert read([np.zeros((1, 1, 64), int)], GREY, end=end) is None


def test_blocks_end_where_they_should():
    dc, end = (0, 4), (0, 8)
    zeros, one = (0xF0, 8), (0x01, 8)
    value = (1, 1)
    assert block_of(dc, end) is not None
    # Sixteen zeros at a time up to the last frequency, with no end behind them, and one too far.
    assert block_of(dc, zeros, zeros, zeros, (0xE1, 8), value) is not None
    assert block_of(dc, zeros, zeros, zeros, (0xF1, 8), value) is None
    assert block_of(dc, zeros, zeros, zeros, zeros) is None
    assert block_of(dc, one, value, zeros, zeros, zeros, (0xE1, 8), value) is None
    assert block_of(dc, one, value, zeros, zeros, zeros, (0xD1, 8), value) is not None
    # Ends of bands are progressive's.
    assert block_of(dc, (0x10, 8), end) is None
    # Codes that stand for nothing: of DC, of AC.
    assert block_of((15, 4), end) is None
    assert block_of(dc, (254, 8)) is None


def test_dc_beyond_16_bits_is_damage():
    bits = Bits()
    for _ in range(3):
        bits.put(13, 4)
        bits.signed(8191)
        bits.put(0, 8)
    assert read_blocks(jpeg([], GREY, (8, 24), data=bits.data())) is not None
    for _ in range(2):
        bits.put(13, 4)
        bits.signed(8191)
        bits.put(0, 8)
    assert read_blocks(jpeg([], GREY, (8, 40), data=bits.data())) is None


@pytest.mark.parametrize(("symbol", "taken"), [(0x01, True), (0x11, False)])
def test_dc_has_no_runs(symbol, taken):
    dc_code = DC_CODE[:16] + bytes((symbol,)) + DC_CODE[17:]
    tables = segment(0xC4, b"\0" + dc_code + b"\x10" + AC_CODE)
    bits = Bits()
    for value, count in ((0, 4), (1, 1), (0, 8)):
        bits.put(value, count)
    blocks = read_blocks(jpeg([], GREY, (8, 8), data=bits.data(), tables=tables))
    assert (blocks is not None) == taken


def test_a_lookup_table_knows_each_code_by_its_first_bits():
    #  00 -> 7, 01 -> 3, 100 -> 9, 1010000000000000 -> 1
    table = lookup_table(HuffmanTable((0, 2, 1, *[0] * 12, 1), bytes((7, 3, 9, 1))))
    assert table.shape == (65536,)
    assert set(table[:0x4000].tolist()) == {2 * 256 + 7}
    assert set(table[0x4000:0x8000].tolist()) == {2 * 256 + 3}
    assert set(table[0x8000:0xA000].tolist()) == {3 * 256 + 9}
    assert table[0xA000] == 16 * 256 + 1
    assert not table[0xA001:].any()


def test_what_was_compiled_is_not_compiled_again(monkeypatch):
    jpeg_entropy._compiled.cache_clear()
    compile_decoder()

    def fail(*arguments, **options):
        raise AssertionError

    monkeypatch.setattr("numba.njit", fail)
    assert block_of((0, 4), (0, 8)) is not None
    compile_decoder()
