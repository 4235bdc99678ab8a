"""The index of a file that holds a JPEG's coefficients: sampling and steps, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec.container.fields import Reader, varint
from service.codec.container.jpeg_fields import JpegSteps, read_jpeg_steps
from service.codec.container.layout import Header, LosslessStream, ModelReference
from service.codec.container.parser import parse
from service.codec.container.writer import pack
from service.codec.integrity import crc32c
from service.errors import BadStream, UnsupportedStream
from service.pictures import Metadata

MODEL = ModelReference("jpeg-dct", "1", bytes(range(16)))
NOTHING = Metadata()
LUMA, BLUE, RED = (np.arange(first, first + 64, dtype=np.uint8) for first in (1, 70, 140))
COLOUR = JpegSteps((2, 2), (LUMA, BLUE, RED))


def header_of(jpeg: JpegSteps | None, **changes: object) -> Header:
    fields = {
        "width": 1,
        "height": 1,
        "grey": False,
        "mode": "roi-only",
        "model": None,
        "quality64": 0,
        "roi_quality64": 0,
        "top_quality": 0,
        "mask": np.ones((1, 1), bool),
        "band_rows": 1,
        "lossless_model": MODEL,
        "jpeg": jpeg,
    }
    return Header(**(fields | changes))  # type: ignore[arg-type]


def file_of(jpeg: JpegSteps | None, **changes: object) -> bytes:
    header = header_of(jpeg, **changes)
    stream = LosslessStream(b"hi", raw=False)
    return pack(header, [], [], NOTHING, None, [stream] * len(header.lossless_patches))


def test_golden_index() -> None:
    """docs/FORMAT.md explains every byte, every later reader reads it."""
    front = bytes.fromhex(
        "bd424c440d0a1a0a 01 ea01"
        "0a 02 01 01"  # coefficients, no lossy layer; roi-only; 1x1
        "08 6a7065672d646374 01 31 000102030405060708090a0b0c0d0e0f"  # jpeg-dct, 1
        f"03 {LUMA.tobytes().hex()}"  # 4:2:0
        f"{BLUE.tobytes().hex()} 01 {RED.tobytes().hex()}"
        "01"  # all is blade
        "b0 02" + crc32c(b"hi").to_bytes(4, "little").hex() + "01 08"  # two bytes, coded
    )
    whole = file_of(COLOUR)
    assert whole.hex(" ") == (front + crc32c(front).to_bytes(4, "little") + b"hi").hex(" ")


@st.composite
def quantisers(draw: st.DrawFn) -> JpegSteps:
    one = st.lists(st.integers(1, 255), min_size=64, max_size=64)
    luma, blue, red = (np.array(draw(one), np.uint8) for _ in range(3))
    sampling = draw(st.sampled_from([None, (1, 1), (2, 1), (2, 2)]))
    if sampling is None:
        return JpegSteps((1, 1), (luma,))
    return JpegSteps(sampling, (luma, blue, blue if draw(st.booleans()) else red))


@given(quantisers())
@settings(max_examples=50, deadline=None)
def test_read_is_the_inverse_of_write(jpeg: JpegSteps) -> None:
    found = parse(file_of(jpeg, grey=jpeg.is_grey)).header.jpeg
    assert found is not None
    assert (found.sampling, found.label) == (jpeg.sampling, jpeg.label)
    assert np.array_equal(found.steps, jpeg.steps)


def test_the_same_steps_are_stored_once() -> None:
    assert len(COLOUR.write()) == 1 + 64 + 64 + 1 + 64
    assert len(JpegSteps((1, 1), (LUMA, RED, RED)).write()) == 1 + 64 + 64 + 1
    assert len(JpegSteps((1, 1), (LUMA,)).write()) == 1 + 64


def test_files_without_coefficients_have_no_field_more() -> None:
    assert parse(file_of(None)).header.jpeg is None
    assert len(file_of(COLOUR)) == len(file_of(None)) + len(COLOUR.write()) + 1  # of the length


@pytest.mark.parametrize(
    ("at", "value", "error"),
    [
        (0, 4, UnsupportedStream),  # a sampling that is to come
        (0, 255, UnsupportedStream),
        (1, 0, BadStream),  # a step of 0
        (64, 0, BadStream),
        (128, 0, BadStream),
        (193, 0, BadStream),
        (129, 2, BadStream),  # steps of Cr that are neither there nor those of Cb
    ],
)
def test_fields_that_make_no_sense(at: int, value: int, error: type) -> None:
    fields = bytearray(COLOUR.write())
    fields[at] = value
    with pytest.raises(error):
        read_jpeg_steps(Reader(memoryview(bytes(fields))))


def test_fields_cut_short() -> None:
    whole = COLOUR.write()
    for end in range(len(whole)):
        with pytest.raises(BadStream):
            read_jpeg_steps(Reader(memoryview(whole[:end])))


def with_flags(whole: bytes, flags: int, mode: int | None = None) -> bytes:
    """A file with other flags, or another mode, and its check made right again."""
    start = parse(whole).index_length
    reader = Reader(memoryview(whole), 9)
    length = reader.varint()
    index = bytearray(whole[reader.position : reader.position + length])
    index[0] = flags
    index[1] = index[1] if mode is None else mode
    front = whole[:9] + varint(length) + index
    return front + crc32c(front).to_bytes(4, "little") + whole[start:]


@pytest.mark.parametrize(
    ("flags", "mode", "error"),
    [
        (0x0E, None, BadStream),  # coefficients on stacks
        (0x0B, None, BadStream),  # a grey picture with chroma
        (0x02, None, BadStream),  # steps that no bit tells of
        (0x08, 0, BadStream),  # mode lossy
        (0x0A, 0, BadStream),
        (0x1A, None, UnsupportedStream),
    ],
)
def test_flags_that_contradict_the_rest(flags: int, mode: int | None, error: type) -> None:
    whole = file_of(COLOUR)
    assert with_flags(whole, 0x0A) == whole
    with pytest.raises(error):
        parse(with_flags(whole, flags, mode))


def test_colours_without_chroma() -> None:
    whole = file_of(JpegSteps((1, 1), (LUMA,)), grey=True)
    assert with_flags(whole, 0x0B) == whole
    with pytest.raises(BadStream, match="colours"):
        parse(with_flags(whole, 0x0A))


def test_every_flipped_bit_of_the_index_is_found() -> None:
    whole = file_of(COLOUR)
    for at in range(parse(whole).index_length):
        for bit in (0, 3, 7):
            changed = bytearray(whole)
            changed[at] ^= 1 << bit
            with pytest.raises((BadStream, UnsupportedStream)):
                parse(bytes(changed))


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (LUMA, LUMA),
        (LUMA[:63],),
        (LUMA.astype(np.uint16),),
        (np.zeros(64, np.uint8),),
    ],
)
def test_steps_that_are_none_are_not_written(steps: tuple) -> None:
    with pytest.raises(ValueError, match=r"steps|components"):
        JpegSteps((1, 1), steps)


@pytest.mark.parametrize("sampling", [(1, 2), (4, 1), (0, 0)])
def test_samplings_that_are_none_are_not_written(sampling: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="sampling"):
        JpegSteps(sampling, (LUMA, BLUE, RED))
    with pytest.raises(ValueError, match="sampling"):
        JpegSteps((2, 2), (LUMA,))


@pytest.mark.parametrize(
    "changes",
    [
        {"stacks": True},
        {"grey": True},
        {"mask": np.zeros((1, 1), bool)},
        {"mode": "lossy", "model": MODEL, "lossless_model": None},
    ],
)
def test_headers_that_contradict_their_jpeg_are_not_written(changes: dict) -> None:
    header_of(COLOUR)
    with pytest.raises(ValueError, match=r"coefficients|colours|contradict"):
        header_of(COLOUR, **changes)
