"""What stands before a JPEG file's coded data: quantisers, Huffman tables, frame and scan.

Taken are the files whose coefficients one pass reads: sequential Huffman coding, 8 bits, all
components in one scan, grey or YCbCr. All others are None, and so is what is damaged.

Source: ITU-T T.81 (1992), annex B and figure A.6 (zigzag); which colours three components are, as
libjpeg decides it (default_decompress_parms).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.errors import BadPicture
from service.pictures.jpeg import SOS, segments

_SEQUENTIAL: Final = (0xC0, 0xC1)
_OTHER_FRAMES: Final = {*range(0xC2, 0xD0)} - {0xC4, 0xC8, 0xCC}
_DHT: Final = 0xC4
_DQT: Final = 0xDB
_DRI: Final = 0xDD
_APP0: Final = 0xE0
_APP14: Final = 0xEE
_SAMPLINGS: Final = ((1, 1), (2, 1), (2, 2))
_MOST_MCU_BLOCKS: Final = 10

# Frequency in natural (row-major) order at each place of the file's order.
ZIGZAG: Final = np.array(
    sorted(range(64), key=lambda f: (f // 8 + f % 8, (f // 8 if (f // 8 + f % 8) % 2 else f % 8))),
    dtype=np.int64,
)


@dataclass(frozen=True)
class HuffmanTable:
    """The lengths of a code and what the codes stand for."""

    counts: tuple[int, ...]  # 16: how many codes are 1, 2, ... 16 bits long
    symbols: bytes


@dataclass(frozen=True)
class Component:
    """One of the frame's components, with the tables that its scan names."""

    across: int  # blocks of an MCU, across and down
    down: int
    steps: NDArray[np.uint8]  # (64,), natural order, 1..255
    dc: HuffmanTable
    ac: HuffmanTable


@dataclass(frozen=True)
class ScanHeader:
    """A frame whose components all come in one scan."""

    width: int
    height: int
    sampling: tuple[int, int]
    components: tuple[Component, ...]  # 1 or 3
    restart_interval: int  # in MCUs; 0: no restarts
    start: int  # where the coded data begins

    @property
    def mcus(self) -> tuple[int, int]:
        """Rows and columns of MCUs."""
        across = 8 * max(component.across for component in self.components)
        down = 8 * max(component.down for component in self.components)
        return -(-self.height // down), -(-self.width // across)


def read_scan_header(data: bytes) -> ScanHeader | None:
    """Read all that decoding the coefficients of a JPEG file needs; None if it is not so made."""
    if data[:2] != b"\xff\xd8":
        return None
    headers = _Headers()
    try:
        for marker, payload, end in segments(data):
            if marker == SOS:
                return headers.scan(payload, end) if end <= len(data) else None
            headers.add(marker, payload)
    except (BadPicture, _NotTaken):
        return None
    return None


class _NotTaken(Exception):  # noqa: N818 - not an error: there are other JPEGs
    """The file is damaged or of another kind."""


def _demand(condition: bool) -> None:
    if not condition:
        raise _NotTaken


class _Headers:
    """Tables and frame as segments bring them; a later table takes the place of an earlier one."""

    def __init__(self) -> None:
        self.steps: dict[int, NDArray[np.uint8] | None] = {}
        self.codes: dict[int, HuffmanTable] = {}  # DC 0..3, AC 16..19
        self.frame: bytes | None = None
        self.restart_interval = 0
        self.is_jfif = False
        self.adobe_transform: int | None = None

    def add(self, marker: int, payload: bytes) -> None:
        """Take up a segment before the scan; _NotTaken if it is damaged or of another kind."""
        if marker in _SEQUENTIAL:
            _demand(self.frame is None and len(payload) >= 6)
            self.frame = payload
        elif marker == _DQT:
            self._add_steps(payload)
        elif marker == _DHT:
            self._add_codes(payload)
        elif marker == _DRI:
            _demand(len(payload) == 2)
            self.restart_interval = int.from_bytes(payload, "big")
        elif marker == _APP0 and len(payload) >= 14 and payload.startswith(b"JFIF\0"):
            self.is_jfif = True
        elif marker == _APP14 and len(payload) >= 12 and payload.startswith(b"Adobe"):
            self.adobe_transform = payload[11]
        else:
            _demand(marker not in _OTHER_FRAMES)

    def scan(self, payload: bytes, start: int) -> ScanHeader:
        """Join the scan's header with what came before; _NotTaken as above."""
        if self.frame is None:
            raise _NotTaken
        bits, height, width, count = struct.unpack_from(">BHHB", self.frame)
        _demand(bits == 8 and height > 0 and width > 0 and count in (1, 3))
        _demand(len(self.frame) == 6 + 3 * count)
        # Ids, then what each component of the scan names; the whole spectrum in one pass.
        _demand(len(payload) == 4 + 2 * count and payload[0] == count)
        _demand(payload[-3:] == b"\0\x3f\0")
        ids = self.frame[6::3]
        _demand(len(set(ids)) == count and payload[1:-3:2] == ids)
        _demand(count == 1 or self._is_ycbcr(ids))
        # One component alone comes block by block, whatever its factors.
        factors = [divmod(pair, 16) for pair in self.frame[7::3]] if count == 3 else [(1, 1)]
        return ScanHeader(
            width=width,
            height=height,
            sampling=_sampling(factors),
            components=tuple(
                self._component(pair, table, codes)
                for pair, table, codes in zip(
                    factors, self.frame[8::3], payload[2:-3:2], strict=True
                )
            ),
            restart_interval=self.restart_interval,
            start=start,
        )

    def _component(self, factors: tuple[int, int], table: int, codes: int) -> Component:
        steps = self.steps.get(table)
        dc = self.codes.get(codes >> 4)
        ac = self.codes.get(16 + (codes & 15))
        if steps is None or dc is None or ac is None:
            raise _NotTaken
        return Component(factors[0], factors[1], steps, dc, ac)

    def _is_ycbcr(self, ids: bytes) -> bool:
        if self.is_jfif:
            return True
        if self.adobe_transform is not None:
            return self.adobe_transform != 0
        return ids != b"RGB"

    def _add_steps(self, payload: bytes) -> None:
        at = 0
        while at < len(payload):
            precision, number = divmod(payload[at], 16)
            _demand(precision <= 1 and number <= 3)
            size = 64 * (1 + precision)
            _demand(at + 1 + size <= len(payload))
            listed = np.frombuffer(payload, ">u2" if precision else "u1", 64, at + 1)
            at += 1 + size
            # A table that cannot be held only counts if a component names it.
            self.steps[number] = None
            if listed.min() > 0 and listed.max() <= 255:
                steps = np.zeros(64, np.uint8)
                steps[ZIGZAG] = listed
                self.steps[number] = steps

    def _add_codes(self, payload: bytes) -> None:
        at = 0
        while at < len(payload):
            _demand(at + 17 <= len(payload) and payload[at] & 0xEC == 0)
            counts = tuple(payload[at + 1 : at + 17])
            symbols = payload[at + 17 : at + 17 + sum(counts)]
            _demand(len(symbols) == sum(counts) and _is_code(counts))
            self.codes[payload[at]] = HuffmanTable(counts, symbols)
            at += 17 + len(symbols)


def _is_code(counts: tuple[int, ...]) -> bool:
    """Whether codes of these lengths fit, with the code of ones alone left free at each length."""
    code = 0
    for length, count in enumerate(counts, start=1):
        code = 2 * code + count
        if count and code >= 1 << length:
            return False
    return 0 < sum(counts) <= 256


def _sampling(factors: list[tuple[int, int]]) -> tuple[int, int]:
    _demand(all(1 <= across <= 4 and 1 <= down <= 4 for across, down in factors))
    _demand(sum(across * down for across, down in factors) <= _MOST_MCU_BLOCKS)
    (across, down), *chroma = factors
    if not chroma:
        return 1, 1
    for sampling in _SAMPLINGS:
        ratios = (across / sampling[0], down / sampling[1])
        if all(pair == ratios for pair in chroma):
            return sampling
    raise _NotTaken
