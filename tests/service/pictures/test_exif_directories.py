"""EXIF directories: values copied exactly, hostile offsets never followed."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.pictures import read_picture
from service.pictures.exif import Block, DamagedDirectoryError, from_tiff, gps_alone


def block(order, gps, *, pointer=None):
    """An EXIF block whose first directory holds a maker and a GPS pointer."""
    gps_at = 8 + 2 + 2 * 12 + 4
    mark = b"II*\0" if order == "<" else b"MM\0*"
    top = struct.pack(order + "H", 2)
    top += struct.pack(order + "HHI4s", 271, 2, 3, b"XY\0\0")
    top += struct.pack(order + "HHII", 34853, 4, 1, gps_at if pointer is None else pointer)
    entries, values = b"", b""
    values_at = gps_at + 2 + 12 * len(gps) + 4
    for tag, kind, count, value in gps:
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack(order + "I", values_at + len(values))
            values += value
        entries += struct.pack(order + "HHI", tag, kind, count) + place
    directory = struct.pack(order + "H", len(gps)) + entries + bytes(4) + values
    return mark + struct.pack(order + "I", 8) + top + bytes(4) + directory


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_are_copied_to_the_bit(order):
    odd = struct.pack(order + "6I", 54, 1, 0, 0, 4_000_000_000, 7)  # 0/0 stays 0/0
    gps = [(0, 1, 4, b"\2\3\0\0"), (1, 2, 2, b"N\0"), (2, 5, 3, odd), (27, 7, 5, b"ASCII")]
    kept = Block.parse(gps_alone(block(order, gps)))
    assert kept.order == order
    top, following = kept.directory(kept.first)
    assert (list(top), following) == ([34853], 0)
    found, _ = kept.directory(kept.number(top, 34853))
    assert [(tag, f.kind, f.count, f.value) for tag, f in found.items()] == gps


@pytest.mark.parametrize(
    "pointer", [0, 7, 8 + 2 + 24, 0xFFFFFFFF, 60], ids=["none", "header", "gap", "far", "middle"]
)
def test_a_pointer_astray_leaves_nothing(pointer):
    assert gps_alone(block("<", [(1, 2, 2, b"N\0")], pointer=pointer)) is None


def test_a_value_out_of_bounds_leaves_nothing():
    whole = block("<", [(2, 5, 3, bytes(24))])
    assert gps_alone(whole) is not None
    assert gps_alone(whole[:-1]) is None


def test_values_that_overlap_take_no_memory():
    # 2,000 fields that all show the same 20,000 bytes would be 40 MB.
    entries = b"".join(struct.pack("<HHII", 1000 + n, 7, 20_000, 8) for n in range(2000))
    data = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2000) + entries + bytes(20_000)
    with pytest.raises(DamagedDirectoryError):
        Block.parse(data).directory(8)


@settings(max_examples=200, deadline=None)
@given(order=st.sampled_from("<>"), rest=st.binary(max_size=200))
def test_noise_gives_a_block_or_nothing(order, rest):
    mark = b"II*\0\x08\0\0\0" if order == "<" else b"MM\0*\0\0\0\x08"
    kept = gps_alone(mark + rest)
    assert kept is None or kept.startswith(mark[:4])
    try:
        from_tiff(mark + rest)
    except DamagedDirectoryError:
        return


def test_a_tiff_says_what_its_photograph_is(tools, limits):
    exif = Image.Exif()
    exif[271] = "Maker"
    exif[274] = 6
    exif.get_ifd(0x8769)[0x9003] = "2026:05:01 10:00:00"
    exif.get_ifd(0x8825)[1] = "N"
    data = tools.encode(tools.pixels(), "TIFF", exif=exif.tobytes())
    found = read_picture(data, limits=limits).metadata.exif
    read = Image.Exif()
    read.load(b"Exif\0\0" + found)
    assert (read[271], read[274]) == ("Maker", 6)
    assert read.get_ifd(0x8769)[0x9003] == "2026:05:01 10:00:00"
    assert read.get_ifd(0x8825)[1] == "N"
    # Nothing that locates or describes the strips of pixels.
    assert not {256, 257, 258, 273, 277, 279} & set(read)
