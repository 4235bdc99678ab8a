"""Hostile files: nothing but the family of errors, and never pixels that are not the file's."""

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import (
    BadMask,
    BadPicture,
    BladestreamError,
    PictureTooLarge,
    UnsupportedPicture,
)
from service.pictures import read_mask, read_picture
from service.pictures.decoding import family_errors

REFUSALS = (BadPicture, UnsupportedPicture, PictureTooLarge)


def test_cut_anywhere_it_is_refused_or_whole(small_file, limits):
    whole = read_picture(small_file, limits=limits)
    for length in range(len(small_file)):
        try:
            picture = read_picture(small_file[:length], limits=limits)
        except REFUSALS:
            continue
        # Padding at the end may go; pixels and their values may not.
        assert np.array_equal(picture.pixels, whole.pixels), length


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_bytes_end_in_the_family(small_file, limits, data):
    changed = bytearray(small_file)
    places = st.one_of(st.integers(0, min(150, len(changed) - 1)), st.integers(0, len(changed) - 1))
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        changed[at] = value
    try:
        picture = read_picture(bytes(changed), limits=limits, convert=True)
    except BladestreamError:
        return
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.size


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    signature=st.sampled_from(
        [
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"II*\0",
            b"MM\0*",
            b"BM",
            b"\xff\x4f\xff\x51",
            b"\0\0\0\x0cjP  \r\n\x87\n",
            b"RIFF\x40\0\0\0WEBPVP8X",
            b"P6 ",
            b"\0\0\0\x20ftypavif",
        ]
    ),
    rest=st.binary(max_size=300),
)
def test_noise_behind_a_signature_ends_in_the_family(limits, signature, rest):
    with pytest.raises(BladestreamError):
        read_picture(signature + rest, limits=limits)
    with pytest.raises(BladestreamError):
        read_mask(signature + rest, width=1000, height=1000, limits=limits)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(exif=st.binary(min_size=1, max_size=200), packet=st.binary(min_size=1, max_size=200))
def test_nonsense_in_metadata_is_carried_not_read(tools, limits, exif, packet):
    segments = b"".join(
        b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        for body in (b"Exif\0\0II*\0" + exif, b"http://ns.adobe.com/xap/1.0/\0" + packet)
    )
    jpeg = tools.encode(tools.pixels(8, 8), "JPEG")
    picture = read_picture(jpeg[:2] + segments + jpeg[2:], limits=limits)
    assert picture.metadata.exif == b"II*\0" + exif
    assert picture.metadata.xmp == packet


def test_a_flipped_bit_in_a_png_never_passes(tools, limits):
    data = tools.encode(tools.pixels(), "PNG")
    for at in range(8, len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(REFUSALS):
            read_picture(bytes(changed), limits=limits)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (struct.error("x"), BadPicture),
        (SyntaxError("x"), BadPicture),
        (OverflowError("x"), BadPicture),
        (KeyError(), BadPicture),
        (RecursionError(), BadPicture),
        (MemoryError(), PictureTooLarge),
        (BadMask("x"), BadMask),
    ],
)
def test_whatever_a_decoder_raises_joins_the_family(raised, expected):
    with pytest.raises(expected) as caught, family_errors():
        raise raised
    assert caught.value.detail
