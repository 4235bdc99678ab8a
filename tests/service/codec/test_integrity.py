"""Checks against published values."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec.integrity import crc32c, crc32c_of_symbols, sha256


@pytest.mark.parametrize(
    ("data", "check"),
    # RFC 3720, B.4, and the usual check value.
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_crc32c_is_castagnoli(data: bytes, check: int) -> None:
    assert crc32c(data) == check
    assert crc32c(memoryview(b"x" + data)[1:]) == check


def test_symbols_are_checked_as_little_endian_int32_in_c_order() -> None:
    symbols = np.array([[[0, 1], [-1, 2]], [[300, -300], [2**24 - 1, 7]]], np.int32)
    turned = np.ascontiguousarray(symbols.transpose(2, 1, 0)).transpose(2, 1, 0)
    by_hand = b"".join(int(s).to_bytes(4, "little", signed=True) for s in symbols.ravel())
    assert crc32c_of_symbols(symbols) == crc32c(by_hand)
    assert crc32c_of_symbols(turned) == crc32c(by_hand)


def test_steps_are_checked_one_after_another() -> None:
    symbols = np.arange(-10, 10, dtype=np.int32)
    empty = np.empty(0, np.int32)
    parts = crc32c_of_symbols(symbols[:3], empty, symbols[3:])
    assert parts == crc32c_of_symbols(symbols)
    assert crc32c_of_symbols() == 0


def test_other_widths_are_refused() -> None:
    with pytest.raises(TypeError, match="int32"):
        crc32c_of_symbols(np.zeros(3, np.int16))  # type: ignore[arg-type]


def test_sha256() -> None:
    assert sha256(memoryview(b"abc")).hex().startswith("ba7816bf8f01cfea")
