"""The container: what was packed comes back, and nothing else is believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec.container import parser
from service.codec.container.fields import Reader, varint
from service.codec.container.layout import Digest, Header, ModelReference, Stream
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.integrity import crc32c
from service.errors import BadStream, UnsupportedStream
from service.pictures import Metadata
from tests.service.codec.container_files import (
    MODEL,
    NOTHING,
    header_of,
    small_file,
    streams,
    with_index,
)

model_names = st.text("abcxyz0189._-", min_size=1, max_size=32)
optional_bytes = st.none() | st.binary(max_size=50)
stream = st.tuples(st.binary(max_size=40), st.integers(0, 15)).map(
    lambda s: Stream(s[0] if s[1] else b"", s[1])
)


@st.composite
def files(draw: st.DrawFn) -> tuple[Header, list[Stream], list[Stream], Metadata, dict]:
    width, height = draw(st.integers(1, 1500)), draw(st.integers(1, 1500))
    rows, columns = -(-height // 256), -(-width // 256)
    bits = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    header = Header(
        width=width,
        height=height,
        grey=draw(st.booleans()),
        mode="lossy",
        model=ModelReference(
            draw(model_names), draw(model_names), draw(st.binary(min_size=16, max_size=16))
        ),
        quality64=draw(st.integers(0, 512)),
        roi_quality64=draw(st.integers(0, 512)),
        top_quality=draw(st.integers(0, 15)),
        mask=np.array(bits).reshape(rows, columns),
        band_rows=draw(st.integers(1, 512)),
    )
    count = header.band_count
    bands = draw(st.lists(stream, min_size=count, max_size=count))
    patches = draw(st.lists(stream, min_size=rows * columns, max_size=rows * columns))
    metadata = Metadata(
        exif=draw(optional_bytes), xmp=draw(optional_bytes), icc=draw(optional_bytes)
    )
    digests = draw(st.dictionaries(st.sampled_from(Digest), st.binary(min_size=32, max_size=32)))
    return header, bands, patches, metadata, digests


@given(files())
@settings(max_examples=150, deadline=None)
def test_parse_is_the_inverse_of_pack(
    content: tuple[Header, list[Stream], list[Stream], Metadata, dict],
) -> None:
    header, bands, patches, metadata, digests = content
    whole = pack(*content)
    blade = parse(whole)
    assert {k: v for k, v in vars(blade.header).items() if k != "mask"} == {
        k: v for k, v in vars(header).items() if k != "mask"
    }
    assert np.array_equal(blade.header.mask, header.mask)
    assert [blade.band(i) for i in range(len(bands))] == [s.data for s in bands]
    assert [blade.patch(i) for i in range(len(patches))] == [s.data for s in patches]
    assert [e.groups for e in blade.bands + blade.patches] == [s.groups for s in bands + patches]
    assert blade.metadata() == metadata
    assert blade.digests() == digests
    assert blade.check_chunks() == []
    assert not blade.truncated
    assert pack(*content) == whole


def test_the_fixed_overhead_of_a_512_picture() -> None:
    header = header_of(512, 512)
    bands, patches = streams(1, 300), streams(4, 20_000)
    digests = {Digest.SOURCE_FILE: bytes(32)}
    payload = 300 + 4 * 20_000 + len(b"\x01")  # the mask is one byte
    # The streams hold their checks (4 bytes each) and coder states (a byte at most) themselves.
    inside_streams = 5 * 5
    assert len(pack(header, bands, patches, NOTHING)) - payload + inside_streams <= 110
    assert len(pack(header, bands, patches, NOTHING, digests)) - payload + inside_streams <= 160


def test_the_overhead_of_a_patch() -> None:
    def size(columns: int, length: int, groups: int) -> int:
        header = header_of(256 * columns, 256)
        return len(pack(header, streams(1, 10), streams(columns, length, groups), NOTHING))

    for length, groups, entry in ((0, 0, 1), (1000, 8, 2), (100_000, 8, 3)):
        # 200 and 201 patches have all other fields of equal size.
        assert size(201, length, groups) - size(200, length, groups) == length + entry


# A file of version 1: docs/FORMAT.md explains every byte, and every later reader must read it.
GOLDEN = (
    "bd424c440d0a1a0a"  # signature
    "01 51"  # version, index length
    "00 00"  # flags, mode
    "ac02 9003"  # 300x400
    "c000 8001"  # qualities 3 and 6 in steps of 1/64
    "03 10"  # top quality, band rows
    "08 7374616e64617264 01 31"  # standard, 1
    "000102030405060708090a0b0c0d0e0f"  # digest
    "02 d4"  # mask: corners, order 0: 1 1 010 1
    "90 03 d17a44be 01 31"  # levels: 3 bytes in 1 group
    "a0 08 abce6ed0 04 38 00 5f 02"  # patches: 3, 0, 5, 0 bytes
    "40 04 aabd3962 00"  # EXIF
    "42 00 00000000 00"  # ICC, empty
    "50 21 52ab18bd 00"  # digests
    "ef461fe7"  # index check
    "746f70"  # top
    "6f6e65 7468726565"  # one, three
    "45786966"  # Exif
    "01 41cf6794ba4200b839c53531555f0f3998df4cbb01a4d5cb0b94e3ca5e23947d"  # SHA-256 of the source
)


def test_golden_file() -> None:
    expected = bytes.fromhex(GOLDEN)
    assert small_file() == expected
    assert parse(expected).declared_length == len(expected)


def test_every_prefix_shows_what_has_arrived() -> None:
    whole = small_file()
    full = parse(whole)
    for length in range(len(whole)):
        if length < full.index_length:
            with pytest.raises(BadStream):
                parse(whole[:length])
            continue
        part = parse(whole[:length])
        assert part.truncated
        for i, entry in enumerate(full.patches):
            there = not entry.length or entry.offset + entry.length <= length
            assert part.patch(i) == (full.patch(i) if there else None)
        assert (part.band(0) is not None) == (length >= full.index_length + 3)
        exif = full.chunks["exif"]
        assert (part.metadata().exif is not None) == (length >= exif.offset + exif.length)
        assert part.check_chunks()[-1] == "digests"


def test_what_follows_the_end_is_refused() -> None:
    with pytest.raises(BadStream, match="follow"):
        parse(small_file() + b"\0")


def test_every_flipped_bit_is_found() -> None:
    whole = small_file()
    start = parse(whole).index_length
    for place in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        if place // 8 < start:
            with pytest.raises((BadStream, UnsupportedStream)):
                parse(bytes(flipped))
        else:
            assert len(parse(bytes(flipped)).check_chunks()) == 1


def test_damaged_metadata_are_not_handed_out() -> None:
    whole = bytearray(small_file())
    whole[parse(bytes(whole)).chunks["exif"].offset] ^= 1
    blade = parse(bytes(whole))
    assert blade.metadata() == Metadata(exif=None, xmp=None, icc=b"")
    assert blade.check_chunks() == blade.check_chunks(["exif"]) == ["exif"]


def test_chunks_that_are_not_asked_for_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    blade = parse(small_file())
    read: list[int] = []
    monkeypatch.setattr(parser, "crc32c", lambda data: read.append(len(data)))
    blade.check_chunks(["exif", "icc"])
    assert read == [blade.chunks["exif"].length, blade.chunks["icc"].length]


def add_chunk(kind: int, table: bytes = b"", length: int = 0):  # type: ignore[no-untyped-def]
    entry = bytes([kind]) + varint(length) + crc32c(b"").to_bytes(4, "little")
    entry += varint(len(table)) + table
    return lambda index: index + entry


def test_unknown_chunks() -> None:
    blade = parse(with_index(add_chunk(0x51, table=b"whatever")))
    assert "unknown-51" in blade.chunks
    assert blade.patch(0) == b"one"
    with pytest.raises(UnsupportedStream, match="critical"):
        parse(with_index(add_chunk(0xD1)))


@pytest.mark.parametrize(
    "change",
    [
        add_chunk(0x50),  # a second chunk of a kind
        add_chunk(0x41),  # out of order
        lambda index: index[: index.index(b"\xa0")],  # no patches
        lambda index: index + b"\x51",  # an entry cut short
    ],
)
def test_inconsistent_chunk_tables_are_refused(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadStream):
        parse(with_index(change))


def test_what_a_newer_reader_might_know_is_unsupported() -> None:
    def put(at: int, value: int) -> bytes:
        return with_index(lambda index: index[:at] + bytes([value]) + index[at + 1 :])

    for data in (put(0, 16), put(0, 128), put(1, 3), put(1, 9)):
        with pytest.raises(UnsupportedStream):
            parse(data)
    newer = bytearray(small_file())
    newer[8] = 2
    with pytest.raises(UnsupportedStream, match="version 2"):
        parse(bytes(newer))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 2**14 - 1, 2**14, 2**28, 2**32 - 1])
def test_varints_come_back(value: int) -> None:
    assert Reader(memoryview(varint(value))).varint() == value


@pytest.mark.parametrize("data", ["8000", "ff00", "ffffffff1f", "808080808001", "80", ""])
def test_varints_that_are_too_long_or_cut_short_are_refused(data: str) -> None:
    with pytest.raises(BadStream):
        Reader(memoryview(bytes.fromhex(data))).varint()


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"height": 2**17 + 1},
        {"quality64": 513},
        {"roi_quality64": -1},
        {"top_quality": 16},
        {"band_rows": 0},
        {"mode": "bitswap"},
        {"model": None},  # mode lossy is nothing without its layer
        {"lossless_model": MODEL},  # and has no second model
        {"mode": "lossless"},
        {"mode": "roi-only", "lossless_model": MODEL},
        {"mode": "roi-only", "model": None},
        {"mode": "lossless", "lossless_model": MODEL, "model": None, "mask": np.eye(2) > 0},
        {"mask": np.ones((3, 2), bool)},
        {"mask": np.ones((2, 2), np.uint8)},
    ],
)
def test_a_header_that_cannot_be_written_is_refused(changes: dict) -> None:
    with pytest.raises(ValueError):
        header_of(**({"width": 300, "height": 300, "mask": np.ones((2, 2), bool)} | changes))


def test_streams_that_cannot_be_written_are_refused() -> None:
    for data, groups in ((b"x", 0), (b"x", 16), (bytes(2**20), 1)):
        with pytest.raises(ValueError):
            Stream(data, groups)
    with pytest.raises(ValueError, match="expected"):
        pack(header_of(300, 300), streams(1, 3), streams(3, 3), NOTHING)
    for name in ("", "UPPER", "a b", "x" * 33, "a\n"):
        with pytest.raises(ValueError):
            ModelReference(name, "1", bytes(16))
    with pytest.raises(ValueError):
        ModelReference("a", "1", bytes(15))
