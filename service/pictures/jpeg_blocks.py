"""The quantised DCT coefficients of a JPEG file.

They are all that the file says about the picture: its pixels follow from them. A file that is not
of the plain kind (sequential, one scan, 8 bits, grey or YCbCr 4:4:4, 4:2:2 or 4:2:0), or is not
whole, has none here; its pixels, as far as there are any, are for the picture's decoder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.pictures.jpeg_entropy import PLAN_COLUMNS, decode_scan, lookup_table
from service.pictures.jpeg_headers import HuffmanTable, ScanHeader, read_scan_header

# 0xFF 0x00 is data and 0xFF 0xFF padding; a restart marker behind the last MCU does no harm.
_MARKER: Final = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)
_EOI: Final = b"\xd9"

# The shortest block: one bit for DC, one for the end of the block.
_FEWEST_BLOCK_BITS: Final = 2


@dataclass(frozen=True)
class JpegBlocks:
    """Coefficients and quantisers as the file has them.

    Attributes
    ----------
    width, height
        Of the picture, in pixels.
    sampling
        Pixels of luma per chroma sample, across and down: (1, 1), (2, 1) or (2, 2); (1, 1) for a
        grey picture.
    steps
        (64,) a component, natural order, 1..255; 1 or 3 components.
    coefficients
        (rows, columns, 64) a component, natural order, DC itself and not its difference. Whole
        MCUs: the blocks with which the file fills them up are there too.
    """

    width: int
    height: int
    sampling: tuple[int, int]
    steps: tuple[NDArray[np.uint8], ...]
    coefficients: tuple[NDArray[np.int16], ...]


def read_blocks(data: bytes) -> JpegBlocks | None:
    """Read the coefficients of a JPEG file whose size in pixels was found acceptable.

    Returns
    -------
    JpegBlocks | None
        None if the file is of another kind (progressive, arithmetic coding, CMYK or RGB, other
        samplings, several scans, steps above 255), or damaged, or cut off.
    """
    header = read_scan_header(data)
    if header is None:
        return None
    shapes = _shapes(header)
    sizes = [rows * columns for rows, columns in shapes]
    if sum(sizes) * _FEWEST_BLOCK_BITS > 8 * (len(data) - header.start):
        return None
    flat = np.zeros(64 * sum(sizes), np.int16)
    starts = [64 * sum(sizes[:number]) for number in range(len(sizes))]
    tables, plan = _plan(header, shapes, starts)
    end = decode_scan(data, header.start, tables, plan, header.mcus, header.restart_interval, flat)
    if end < 0:
        return None
    marker = _MARKER.search(data, end)
    if marker is None or marker[1] != _EOI:
        return None
    return JpegBlocks(
        width=header.width,
        height=header.height,
        sampling=header.sampling,
        steps=tuple(component.steps for component in header.components),
        coefficients=tuple(
            flat[start : start + 64 * size].reshape(*shape, 64)
            for start, size, shape in zip(starts, sizes, shapes, strict=True)
        ),
    )


def _shapes(header: ScanHeader) -> list[tuple[int, int]]:
    rows, columns = header.mcus
    return [(rows * component.down, columns * component.across) for component in header.components]


def _plan(
    header: ScanHeader, shapes: list[tuple[int, int]], starts: list[int]
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Tables, each one once, and plan for `decode_scan`."""
    numbers: dict[HuffmanTable, int] = {}
    plan = np.zeros((len(header.components), PLAN_COLUMNS), np.int64)
    for number, component in enumerate(header.components):
        dc = numbers.setdefault(component.dc, len(numbers))
        ac = numbers.setdefault(component.ac, len(numbers))
        blocks = (shapes[number][1], component.across, component.down)
        plan[number] = (starts[number], *blocks, dc, ac)
    return np.stack([lookup_table(table) for table in numbers]), plan
