"""The container with an exact blade: what is there follows from mode and mask, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec.container.fields import varint
from service.codec.container.layout import Digest, Header, LosslessStream, ModelReference, Stream
from service.codec.container.parser import Blade, parse
from service.codec.container.writer import pack
from service.codec.integrity import crc32c, sha256
from service.errors import BadStream, UnsupportedStream
from service.pictures import Metadata

LOSSY = ModelReference("standard", "1", bytes(range(16)))
LOSSLESS = ModelReference("pyramid", "2", bytes(range(16, 32)))
NOTHING = Metadata(exif=None, xmp=None, icc=None)


def header_of(width: int, height: int, mask: np.ndarray, **changes: object) -> Header:
    fields = {
        "width": width,
        "height": height,
        "grey": False,
        "mode": "lossless",
        "model": LOSSY,
        "quality64": 192,
        "roi_quality64": 0,
        "top_quality": 3,
        "mask": mask,
        "band_rows": 16,
        "lossless_model": LOSSLESS,
    }
    return Header(**(fields | changes))  # type: ignore[arg-type]


def small_file() -> bytes:
    """300x260: of 2x2 patches, the left ones are blade, the lower of them raw."""
    mask = np.array([[True, False], [True, False]])
    patches = [Stream(b"one", 8), Stream(b"", 0), Stream(b"", 0), Stream(b"", 2)]
    raw = LosslessStream(bytes(256 * 4 * 3 + 4), raw=True)
    lossless = [LosslessStream(b"exact", raw=False), raw]
    digests = {Digest.BLADE_SAMPLES: sha256(b"samples")}
    return pack(header_of(300, 260, mask), [Stream(b"top", 1)], patches, NOTHING, digests, lossless)


# Modes 1 and 2 of version 1: docs/FORMAT.md explains every byte, every later reader reads it.
GOLDEN = (
    "bd424c440d0a1a0a"  # signature
    "01 68"  # version, index length
    "00 01"  # flags, mode
    "ac02 8402"  # 300x260
    "c000 0000"  # background at quality 3, blade at the base quality
    "03 10"  # top quality, band rows
    "08 7374616e64617264 01 31 000102030405060708090a0b0c0d0e0f"  # standard, 1
    "07 707972616d6964 01 32 101112131415161718191a1b1c1d1e1f"  # pyramid, 2
    "{mask}"  # corners, order 0: 1 1 011
    "90 03 d17a44be 01 31"  # levels
    "a0 03 {one} 04 38 00 00 02"  # patches: 3, 0, 0, 0 bytes
    "b0 8918 {lossless} 03 14 9160"  # lossless: 5 bytes coded, 3076 bytes raw
    "50 21 {digest} 00"
)


def test_golden_index() -> None:
    data = small_file()
    front = bytes.fromhex(
        GOLDEN.format(
            mask="02 d8",
            one=crc32c(b"one").to_bytes(4, "little").hex(),
            lossless=crc32c(b"exact" + bytes(3076)).to_bytes(4, "little").hex(),
            digest=crc32c(b"\x02" + sha256(b"samples")).to_bytes(4, "little").hex(),
        )
    )
    assert data[: len(front)].hex(" ") == front.hex(" ")
    rest = b"top" + b"one" + b"exact" + bytes(3076) + b"\x02" + sha256(b"samples")
    assert data[len(front) :] == crc32c(front).to_bytes(4, "little") + rest


def test_golden_file_without_a_lossy_layer() -> None:
    header = header_of(1, 1, np.ones((1, 1), bool), model=None, mode="roi-only", grey=True)
    front = bytes.fromhex(
        "bd424c440d0a1a0a 01 27"
        "03 02 01 01"  # grey without lossy layer, roi-only, 1x1
        "07 707972616d6964 01 32 101112131415161718191a1b1c1d1e1f"
        "01"  # all is blade
        "b0 02" + crc32c(b"hi").to_bytes(4, "little").hex() + "01 08"  # two bytes, coded
    )
    data = pack(header, [], [], NOTHING, None, [LosslessStream(b"hi", raw=False)])
    assert data.hex(" ") == (front + crc32c(front).to_bytes(4, "little") + b"hi").hex(" ")


@st.composite
def files(draw: st.DrawFn) -> tuple[Header, list[Stream], list[Stream], list[LosslessStream]]:
    width, height = draw(st.integers(1, 900)), draw(st.integers(1, 900))
    rows, columns = -(-height // 256), -(-width // 256)
    bits = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    mask = np.array(bits).reshape(rows, columns)
    mode = draw(st.sampled_from(["lossless", "roi-only"]))
    layer = mode == "lossless" and (not mask.all() or draw(st.booleans()))
    header = header_of(
        width,
        height,
        mask,
        mode=mode,
        grey=draw(st.booleans()),
        **({} if layer else {"model": None, "quality64": 0, "top_quality": 0, "band_rows": 1}),
    )
    bands, patches = header.stream_counts
    lossless = []
    for number in header.lossless_patches:
        raw = draw(st.booleans())
        size = header.samples_in(number) + 4 if raw else draw(st.integers(0, 60))
        lossless.append(LosslessStream(bytes([number + 1]) * size, raw))
    return (
        header,
        [Stream(b"band", 1)] * bands,
        [Stream(bytes([number]), 2) for number in range(patches)],
        lossless,
    )


@given(files())
@settings(max_examples=100, deadline=None)
def test_parse_is_the_inverse_of_pack(
    content: tuple[Header, list[Stream], list[Stream], list[LosslessStream]],
) -> None:
    header, bands, patches, lossless = content
    whole = pack(header, bands, patches, NOTHING, None, lossless)
    blade = parse(whole)
    assert {k: v for k, v in vars(blade.header).items() if k != "mask"} == {
        k: v for k, v in vars(header).items() if k != "mask"
    }
    assert np.array_equal(blade.header.mask, header.mask)
    assert [blade.band(i) for i in range(len(blade.bands))] == [s.data for s in bands]
    assert [blade.patch(i) for i in range(len(blade.patches))] == [s.data for s in patches]
    assert list(blade.lossless) == np.flatnonzero(header.mask).tolist()
    assert [blade.lossless_stream(i) for i in blade.lossless] == [s.data for s in lossless]
    assert [entry.raw for entry in blade.lossless.values()] == [s.raw for s in lossless]
    assert ("lossless" in blade.chunks) == bool(lossless)
    assert ("patches" in blade.chunks) == ("levels" in blade.chunks) == header.has_lossy_layer
    assert blade.check_chunks() == []


def test_every_flipped_bit_of_the_index_is_found() -> None:
    whole = small_file()
    for at in range(parse(whole).index_length):
        for bit in range(8):
            changed = bytearray(whole)
            changed[at] ^= 1 << bit
            with pytest.raises((BadStream, UnsupportedStream)):
                parse(bytes(changed))


def test_a_prefix_has_the_streams_that_arrived() -> None:
    whole = small_file()
    full = parse(whole)
    first, second = full.lossless.values()
    part: Blade = parse(whole[: second.offset + 3])
    assert part.lossless_stream(0) == b"exact"
    assert part.lossless_stream(2) is None
    assert parse(whole[: first.offset + 4]).lossless_stream(0) is None


def with_index(old: str, new: str) -> bytes:
    """A small file with bytes of its index replaced, and its check made right again."""
    whole = small_file()
    start = parse(whole).index_length
    index = whole[10 : start - 4]
    assert index.count(bytes.fromhex(old)) == 1
    index = index.replace(bytes.fromhex(old), bytes.fromhex(new))
    front = whole[:9] + varint(len(index)) + index
    return front + crc32c(front).to_bytes(4, "little") + whole[start:]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("03 14 9160", "03 16 9160", UnsupportedStream),  # a form that is to come
        ("03 14 9160", "03 14 9360", UnsupportedStream),
        ("03 14 9160", "03 15 9160", BadStream),  # raw, but not as long as its samples
        ("03 14 9160", "03 10 9160", BadStream),  # lengths that do not add up
        ("03 14 9160", "01 14", BadStream),  # an entry too few
        ("03 14 9160", "04 14 9160 00", BadStream),  # one too many
        ("00 01 ac02", "02 01 ac02", BadStream),  # no lossy layer, though its fields follow
        ("00 01 ac02", "00 02 ac02", BadStream),  # roi-only has no lossy layer
        ("00 01 ac02", "00 00 ac02", BadStream),  # lossy has no second model
        ("00 01 ac02", "04 01 ac02", BadStream),  # in stacks, but a stream is none
        ("00 01 ac02", "08 01 ac02", BadStream),  # a JPEG, but no steps
        ("00 01 ac02", "10 01 ac02", UnsupportedStream),
        ("00 01 ac02", "00 03 ac02", UnsupportedStream),
    ],
)
def test_an_index_that_contradicts_itself(old: str, new: str, error: type) -> None:
    with pytest.raises(error):
        parse(with_index(old, new))


def test_chunks_that_contradict_the_mode() -> None:
    """Sound in every byte, but a chunk is missing or one too many."""
    whole = small_file()
    blade = parse(whole)
    entry = blade.chunks["lossless"]
    start = blade.index_length
    index = bytearray(whole[10 : start - 4])
    at = index.index(b"\xb0\x89\x18")
    without = bytes(index[:at] + index[at + 11 :])
    front = whole[:9] + varint(len(without)) + without
    body = whole[start : entry.offset] + whole[entry.offset + entry.length :]
    with pytest.raises(BadStream, match="lossless is missing"):
        parse(front + crc32c(front).to_bytes(4, "little") + body)


def test_streams_that_do_not_fit_the_header_are_not_written() -> None:
    mask = np.array([[True, False], [True, False]])
    header = header_of(300, 260, mask)
    bands, patches = [Stream(b"top", 1)], [Stream(b"", 0)] * 4
    exact = LosslessStream(b"exact", raw=False)
    for lossless in ([], [exact], [exact] * 3):
        with pytest.raises(ValueError, match="expected"):
            pack(header, bands, patches, NOTHING, None, lossless)
    with pytest.raises(ValueError, match="stream length"):
        LosslessStream(bytes(2**20), raw=False)
