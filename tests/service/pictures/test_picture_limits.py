"""Limits: held against what a header declares, before anything is decoded."""

import struct

import pytest

from service.errors import BadPicture, PictureTooLarge
from service.pictures import Limits, decoding, read_picture, reading
from service.settings import Settings

HUGE = 60_000


def huge_files(tools, small_files):
    """Tiny files that declare 60,000 x 60,000 pixels."""
    sides = struct.pack(">II", HUGE, HUGE)
    jpeg = bytearray(small_files["jpeg"])
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", HUGE, HUGE)
    png = small_files["png"][:8] + tools.png_chunk(b"IHDR", sides + bytes((8, 2, 0, 0, 0)))
    canvas = (HUGE - 1).to_bytes(3, "little") * 2
    webp = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    avif = bytearray(small_files["avif"])
    at = avif.index(b"ispe") + 8
    avif[at : at + 8] = sides
    bmp = bytearray(small_files["bmp"])
    bmp[18:26] = struct.pack("<II", HUGE, HUGE)
    codestream = bytearray(small_files["jpeg2000-codestream"])
    codestream[8:16] = codestream[24:32] = sides
    # The boxes say little, the codestream inside them much.
    boxed = bytearray(small_files["jpeg2000"])
    at = boxed.index(b"\xff\x4f\xff\x51")
    boxed[at + 8 : at + 16] = boxed[at + 24 : at + 32] = sides
    pixels = tools.pixels()
    return {
        "jpeg": bytes(jpeg),
        "png": png + tools.png_chunk(b"IEND", b""),
        "webp": webp,
        "tiff": tools.tiff_of(pixels, tag_256=(4, [HUGE]), tag_257=(4, [HUGE])),
        "tiff-tile": tools.tiff_of(pixels, tag_322=(4, [HUGE]), tag_323=(4, [HUGE])),
        "ppm": b"P6 %d %d 255\n" % (HUGE, HUGE),
        "bmp": bytes(bmp),
        "avif": bytes(avif),
        "jpeg2000": bytes(boxed),
        "jpeg2000-codestream": bytes(codestream),
    }


@pytest.mark.parametrize(
    "name",
    [
        "jpeg",
        "png",
        "webp",
        "tiff",
        "tiff-tile",
        "ppm",
        "bmp",
        "avif",
        "jpeg2000",
        "jpeg2000-codestream",
    ],
)
def test_a_bomb_is_refused_from_its_header(tools, small_files, limits, monkeypatch, name):
    data = huge_files(tools, small_files)[name]
    monkeypatch.setattr(reading, "to_pixels", None)
    if name not in ("bmp", "ppm"):
        # All but these two take memory on opening, or could: they are not even opened.
        monkeypatch.setattr(decoding, "_PLUGINS", {})
    with pytest.raises(PictureTooLarge) as caught:
        read_picture(data, limits=limits, convert=True)
    assert caught.value.extra == {"limit": limits.max_pixels}


def test_jpeg2000_cut_into_crumbs_is_refused(tools, limits):
    data = bytearray(tools.encode(tools.pixels(), "JPEG2000", no_jp2=True))
    sides = struct.pack(">II", 2000, 2000)
    data[8:16] = data[24:32] = sides
    style = data.index(b"\xff\x52")
    data[style + 10 : style + 12] = bytes(2)  # blocks of 4 x 4
    with pytest.raises(BadPicture, match="absurdly many small pieces"):
        read_picture(bytes(data), limits=limits)


def test_a_jpeg_of_endless_scans_is_refused(small_files, limits):
    data = small_files["jpeg-progressive"]
    scan = data[data.index(b"\xff\xda") : data.index(b"\xff\xda") + 14]
    with pytest.raises(BadPicture, match="scans"):
        read_picture(data[:-2] + scan * 200 + data[-2:], limits=limits)


def test_a_jpeg_of_endless_exif_is_refused(small_files, limits):
    segment = b"\xff\xe1" + struct.pack(">H", 8) + b"Exif\0\0"
    data = small_files["jpeg"]
    with pytest.raises(BadPicture, match="EXIF"):
        read_picture(data[:2] + segment * 300 + data[2:], limits=limits)


def test_bytes_are_counted_first(small_file):
    limits = Limits(max_bytes=len(small_file) - 1, max_pixels=1, max_side=1)
    with pytest.raises(PictureTooLarge) as caught:
        read_picture(small_file, limits=limits)
    assert caught.value.extra == {"limit": limits.max_bytes}


def test_pixels_and_sides_may_reach_their_limits(small_file):
    exact = Limits(max_bytes=len(small_file), max_pixels=24 * 31, max_side=31)
    assert read_picture(small_file, limits=exact).width == 31
    for over in (Limits(1 << 20, 24 * 31 - 1, 31), Limits(1 << 20, 24 * 31, 30)):
        with pytest.raises(PictureTooLarge):
            read_picture(small_file, limits=over)


def test_limits_are_those_of_the_settings():
    settings = Settings(max_upload_bytes=3, max_pixels=4, max_side=5)
    assert Limits.from_settings(settings) == Limits(3, 4, 5)
