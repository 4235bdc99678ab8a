"""Huffman decoding of a sequential JPEG scan, compiled at its first use or by `compile_decoder`.

Compiled code does not check its indices, so all that the file has a say in is checked here, bit by
bit.

Source: ITU-T T.81 (1992), annex F.2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.compiling import array, compiled
from service.pictures.jpeg_headers import ZIGZAG, HuffmanTable

# Columns of a plan, whose rows are the components of an MCU.
PLAN_COLUMNS: Final = 6

Decode = Callable[..., int]


def lookup_table(table: HuffmanTable) -> NDArray[np.uint16]:
    """Tell for each 16 bits which code they begin with.

    Returns
    -------
    NDArray[np.uint16]
        (65536,): 256 * length + symbol; 0 where no code begins so.
    """
    lengths = np.repeat(np.arange(1, 17), table.counts)
    entries = (256 * lengths + np.frombuffer(table.symbols, np.uint8)).astype(np.uint16)
    # Codes of a length are consecutive numbers, so each takes the next 2^(16 - length) places.
    filled = np.repeat(entries, 1 << (16 - lengths))
    return np.concatenate([filled, np.zeros(65536 - filled.size, np.uint16)])


def decode_scan(
    data: bytes,
    start: int,
    tables: NDArray[np.uint16],
    plan: NDArray[np.int64],
    mcus: tuple[int, int],
    restart_interval: int,
    coefficients: NDArray[np.int16],
) -> int:
    """Decode the scan that begins at `start`.

    Parameters
    ----------
    tables
        (n, 65536), each as `lookup_table` makes it.
    plan
        (components, 6) of int64: the place of the component's first block in `coefficients`, its
        blocks in a row, blocks of an MCU across and down, number of its DC and of its AC table.
    mcus
        Rows and columns.
    restart_interval
        In MCUs; 0: no restarts.
    coefficients
        Flat zeros to be filled: blocks of 64 in natural order.

    Returns
    -------
    int
        Where the bytes that were not needed begin; -1 for damaged or too few data.
    """
    bytes_ = np.frombuffer(data, np.uint8)
    rows, columns = mcus
    return int(
        _compiled()(
            bytes_, start, tables, plan, rows, columns, restart_interval, ZIGZAG, coefficients
        )
    )


def compile_decoder() -> None:
    """Compile what `decode_scan` runs, so that its first call need not."""
    _compiled()


@cache
def _compiled() -> Decode:
    from numba import types

    signature = types.int64(
        array(types.uint8, 1),
        types.int64,
        types.Array(types.uint16, 2, "C"),
        types.Array(types.int64, 2, "C"),
        types.int64,
        types.int64,
        types.int64,
        types.Array(types.int64, 1, "C"),
        types.Array(types.int16, 1, "C"),
    )
    return compiled(_decode, signature)


def _decode(
    data: NDArray[Any],
    start: int,
    tables: NDArray[Any],
    plan: NDArray[Any],
    rows: int,
    columns: int,
    restart_interval: int,
    zigzag: NDArray[Any],
    coefficients: NDArray[Any],
) -> int:
    """Do what `decode_scan` says, in what Numba compiles fast: integers and plain loops."""
    at = start
    bits = 0  # the lowest `held` bits are those not yet used
    held = 0
    padding = 0  # how many of them are zeros that stand for data that is not there
    predictions = np.zeros(len(plan), np.int64)
    until_restart = restart_interval
    restart = 0
    for mcu in range(rows * columns):
        if restart_interval > 0:
            if until_restart == 0:
                # Less than a byte is left over, then comes the marker, maybe after fill bytes.
                while at + 1 < len(data) and data[at] == 0xFF and data[at + 1] == 0xFF:
                    at += 1
                if held - padding >= 8 or at + 1 >= len(data):
                    return -1
                if data[at] != 0xFF or data[at + 1] != 0xD0 + restart:
                    return -1
                at += 2
                bits = held = padding = 0
                predictions[:] = 0
                until_restart = restart_interval
                restart = (restart + 1) % 8
            until_restart -= 1
        mcu_row = mcu // columns
        mcu_column = mcu % columns
        for c in range(len(plan)):
            across, down = plan[c, 2], plan[c, 3]
            for block in range(across * down):
                row = mcu_row * down + block // across
                column = mcu_column * across + block % across
                base = plan[c, 0] + 64 * (row * plan[c, 1] + column)
                if base < 0 or base + 64 > len(coefficients):
                    return -1
                table = plan[c, 4]
                k = 0
                while k < 64:
                    # 32 bits hold the longest code and the longest value behind it.
                    if held < 32:
                        while held <= 48:
                            bits = (bits & 0xFFFFFFFFFFFF) << 8
                            held += 8
                            if at < len(data) and data[at] != 0xFF:
                                bits |= data[at]
                                at += 1
                            elif at + 1 < len(data) and data[at + 1] == 0:  # 0xFF 0x00
                                bits |= 0xFF
                                at += 2
                            else:  # a marker or the end
                                padding += 8
                    entry = tables[table, (bits >> (held - 16)) & 0xFFFF]
                    run = (entry >> 4) & 15
                    size = entry & 15
                    held -= entry >> 8
                    if entry == 0:
                        return -1
                    if k > 0 and size == 0:
                        if run == 0:
                            break
                        k += 16
                        if run < 15 or k > 64:
                            return -1
                        continue
                    if k == 0 and run > 0:
                        return -1
                    place = k + run
                    if place > 63:
                        return -1
                    held -= size
                    value = (bits >> held) & ((1 << size) - 1)
                    if size > 0 and value < 1 << (size - 1):
                        value -= (1 << size) - 1
                    if k == 0:
                        value += predictions[c]
                        if value < -32768 or value > 32767:
                            return -1
                        predictions[c] = value
                        table = plan[c, 5]
                    coefficients[base + zigzag[place]] = value
                    k = place + 1
        if held < padding:
            return -1
    return at
