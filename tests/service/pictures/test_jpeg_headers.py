"""Which JPEG files are of the plain kind, told from what stands before their data."""

import struct

import numpy as np
import pytest

from service.pictures.jpeg_blocks import read_blocks
from service.pictures.jpeg_headers import ZIGZAG, read_scan_header
from tests.service.pictures import jpeg_files
from tests.service.pictures.conftest import encode, make_pixels
from tests.service.pictures.jpeg_files import (
    AC_CODE,
    DC_CODE,
    frame,
    jpeg,
    quantisers,
    scan_header,
    segment,
)

COLOUR = [(1, 1), (1, 1), (1, 1)]
ZEROS = [np.zeros((1, 1, 64), int)] * 3
SIZE = (8, 8)
JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((transform,)))


def colour(**changes):
    return read_blocks(jpeg(ZEROS, COLOUR, SIZE, **changes))


def with_factors(*factors):
    return read_scan_header(jpeg([], factors, (33, 49), data=b""))


def test_zigzag_is_the_standard_s():
    assert ZIGZAG.tolist() == jpeg_files.ZIGZAG


def test_steps_come_in_natural_order():
    steps = np.arange(1, 65) * 3
    found = colour(steps=steps).steps
    assert [part.tolist() for part in found] == [
        steps.tolist(),
        steps[::-1].tolist(),
        steps[::-1].tolist(),
    ]


def test_the_last_table_of_a_number_counts():
    steps = np.arange(100, 164)
    assert colour(before=quantisers(0, steps)).steps[0][0] == 1
    assert colour(head=quantisers(0, steps) + frame(*SIZE, COLOUR)).steps[0][0] == 100


@pytest.mark.parametrize(("step", "taken"), [(0, False), (255, True), (256, False)])
def test_wide_tables_are_taken_where_the_steps_fit_a_byte(step, taken):
    steps = np.full(64, 17)
    steps[9] = step
    blocks = colour(head=quantisers(1, steps, wide=True) + frame(*SIZE, COLOUR))
    assert (blocks is not None) == taken
    if blocks is not None:
        assert blocks.steps[2].tolist() == steps.tolist()


@pytest.mark.parametrize("marker", [0xC0, 0xC1])
def test_baseline_and_extended_frames_are_taken(marker):
    assert colour(head=frame(*SIZE, COLOUR, marker=marker)) is not None


@pytest.mark.parametrize("marker", [0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCF])
def test_other_frames_are_not(marker):
    assert colour(head=frame(*SIZE, COLOUR, marker=marker)) is None


@pytest.mark.parametrize(
    ("factors", "sampling", "mcus"),
    [
        ([(1, 1)], (1, 1), (5, 7)),
        ([(2, 2)], (1, 1), (5, 7)),
        ([(1, 1), (1, 1), (1, 1)], (1, 1), (5, 7)),
        ([(2, 1), (1, 1), (1, 1)], (2, 1), (5, 4)),
        ([(2, 2), (1, 1), (1, 1)], (2, 2), (3, 4)),
        ([(2, 2), (1, 2), (1, 2)], (2, 1), (3, 4)),
        ([(2, 1), (2, 1), (2, 1)], (1, 1), (5, 4)),
    ],
)
def test_samplings_that_are_taken(factors, sampling, mcus):
    header = with_factors(*factors)
    assert header.sampling == sampling
    assert header.mcus == mcus


@pytest.mark.parametrize(
    "factors",
    [
        [(1, 2), (1, 1), (1, 1)],  # 4:4:0
        [(4, 1), (1, 1), (1, 1)],  # 4:1:1
        [(4, 2), (1, 1), (1, 1)],  # 4:1:0
        [(3, 1), (1, 1), (1, 1)],
        [(3, 1), (2, 1), (2, 1)],
        [(1, 1), (2, 2), (2, 2)],
        [(2, 2), (2, 1), (1, 2)],
        [(2, 2), (1, 1), (2, 2)],
        [(2, 2), (2, 2), (2, 2)],  # 12 blocks an MCU
        [(0, 0), (0, 0), (0, 0)],
        [(2, 0), (1, 0), (1, 0)],
        [(8, 1), (4, 1), (4, 1)],
    ],
)
def test_samplings_that_are_not(factors):
    assert with_factors(*factors) is None


@pytest.mark.parametrize(
    ("before", "ids", "taken"),
    [
        (b"", (1, 2, 3), True),
        (b"", (0, 1, 2), True),
        (b"", tuple(b"RGB"), False),
        (JFIF, tuple(b"RGB"), True),
        (adobe(1), tuple(b"RGB"), True),
        (adobe(0), (1, 2, 3), False),
        (JFIF + adobe(0), (1, 2, 3), True),
    ],
)
def test_colours_are_what_libjpeg_takes_them_for(before, ids, taken):
    blocks = colour(before=before, head=frame(*SIZE, COLOUR, ids=ids), scan=scan_header(3, ids=ids))
    assert (blocks is not None) == taken


@pytest.mark.parametrize(
    "changes",
    [
        {"head": b""},
        {"head": frame(*SIZE, COLOUR) * 2},
        {"head": frame(0, 8, COLOUR)},  # the height would come in DNL
        {"head": frame(8, 0, COLOUR)},
        {"head": frame(*SIZE, [(1, 1)] * 2)},
        {"head": segment(0xC0, struct.pack(">BHHB", 12, 8, 8, 1) + b"\1\x11\0")},
        {"head": segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 3) + b"\1\x11\0")},
        {"head": segment(0xC0, b"\x08\0\x08")},
        {"head": frame(*SIZE, COLOUR, ids=(1, 1, 1)), "scan": scan_header(3, ids=(1, 1, 1))},
        {"scan": scan_header(1)},  # one of three components
        {"scan": scan_header(3, ids=(1, 3, 2))},
        {"scan": scan_header(3, tail=b"\0\0\0")},
        {"scan": scan_header(3, tail=b"\1\x3f\0")},
        {"scan": scan_header(3, tail=b"\0\x3f\1")},
        {"scan": segment(0xDA, b"")},
        {"scan": segment(0xDA, b"\3\1\0\2\x40\3\0\0\x3f\0")},  # a DC table that is not there
        {"scan": segment(0xDA, b"\3\1\0\2\4\3\0\0\x3f\0")},  # an AC table that is not there
        {"tables": b""},
        {"tables": segment(0xC4, b"\0" + DC_CODE)},
        {"tables": segment(0xC4, b"\0" + DC_CODE + b"\x10" + AC_CODE[:-1])},
        {"tables": segment(0xC4, b"\x04" + DC_CODE + b"\x10" + AC_CODE)},
        {"tables": segment(0xC4, b"\0\2" + bytes(15) + b"\0\1" + b"\x10" + AC_CODE)},
        {"tables": segment(0xC4, b"\0" + DC_CODE + b"\x10" + bytes(16))},
        {"tables": segment(0xC4, b"\0" + DC_CODE + b"\x10\xff" + bytes(15) + bytes(255))},
        {"tables": segment(0xC4, b"\0" + DC_CODE + b"\x10" + b"\0" * 14 + b"\xff\2" + b"\0" * 257)},
        {"before": segment(0xDB, b"\0" + bytes(63))},
        {"before": segment(0xDB, b"\4" + bytes(64))},
        {"before": segment(0xDB, b"\x20" + bytes(64))},
        {"before": segment(0xDD, b"\1")},
        {"before": b"\0"},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_headers_that_are_not_whole_or_not_plain(changes):
    assert colour() is not None
    assert colour(**changes) is None


def test_a_thumbnail_in_the_metadata_is_not_looked_at():
    inner = encode(make_pixels(8, 8), "JPEG", progressive=True)
    assert colour(before=segment(0xE1, b"Exif\0\0" + inner)) is not None
