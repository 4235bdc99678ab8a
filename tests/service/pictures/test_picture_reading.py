"""Reading: every format, grey and colour, and what is refused unless it is allowed."""

import io

import numpy as np
import pytest
from PIL import Image

from service.errors import BadPicture, LossyConversion, UnsupportedPicture
from service.pictures import read_picture

LOSSLESS = [
    ("PNG", {}, "png"),
    ("TIFF", {}, "tiff"),
    ("TIFF", {"compression": "tiff_lzw"}, "tiff"),
    ("TIFF", {"compression": "tiff_adobe_deflate"}, "tiff"),
    ("PPM", {}, "ppm"),
    ("BMP", {}, "bmp"),
    ("JPEG2000", {}, "jpeg2000"),
    ("JPEG2000", {"no_jp2": True}, "jpeg2000"),
]


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 65_535), (70, 33)])
@pytest.mark.parametrize(("fmt", "options", "name"), LOSSLESS)
def test_lossless_formats_give_the_pixels_that_went_in(
    tools, limits, fmt, options, name, size, grey
):
    pixels = tools.pixels(*size, grey=grey)
    data = tools.encode(pixels, fmt, **options)
    picture = read_picture(data, limits=limits)
    assert np.array_equal(picture.pixels, pixels)
    assert (picture.source_format, picture.source_bytes) == (name, len(data))
    assert (picture.height, picture.width, picture.is_grey) == (*size, grey)
    assert picture.conversions == ()
    assert picture.pixels.flags.c_contiguous


@pytest.mark.parametrize("fmt", ["JPEG", "AVIF"])
def test_grey_stays_grey_in_lossy_formats(tools, limits, fmt):
    pixels = tools.pixels(grey=True)
    picture = read_picture(tools.encode(pixels, fmt, quality=95), limits=limits)
    assert picture.is_grey
    assert np.abs(picture.pixels.astype(int) - pixels).mean() < 4


def test_a_jpeg_is_what_pillow_decodes(tools, limits):
    data = tools.encode(tools.pixels(200, 150), "JPEG", progressive=True)
    picture = read_picture(data, limits=limits)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(picture.pixels, np.asarray(image))


def test_webp_without_loss(tools, limits):
    pixels = tools.pixels()
    picture = read_picture(tools.encode(pixels, "WEBP", lossless=True), limits=limits)
    assert np.array_equal(picture.pixels, pixels)
    assert picture.conversions == ()


def test_ppm_pixels_are_not_copied(tools, limits):
    data = tools.encode(tools.pixels(), "PPM")
    picture = read_picture(data, limits=limits)
    assert np.shares_memory(picture.pixels, np.frombuffer(data, np.uint8))


def test_an_mpo_file_is_its_first_picture(tools, limits):
    first, second = tools.pixels(), 255 - tools.pixels()
    data = tools.encode(
        Image.fromarray(first), "MPO", save_all=True, append_images=[Image.fromarray(second)]
    )
    picture = read_picture(data, limits=limits)
    assert picture.source_format == "jpeg"
    alone = read_picture(tools.encode(first, "JPEG"), limits=limits)
    assert np.array_equal(picture.pixels, alone.pixels)


def test_orientation_is_not_applied(tools, limits):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read_picture(tools.encode(tools.pixels(24, 31), "JPEG", exif=exif), limits=limits)
    assert (picture.height, picture.width) == (24, 31)
    assert picture.metadata.exif == exif.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_orientation_of_tiff_is_not_applied(tools, limits, orientation, compression):
    pixels = tools.pixels(24, 31)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = tools.encode(pixels, "TIFF", exif=exif, compression=compression)
    picture = read_picture(data, limits=limits)
    assert np.array_equal(picture.pixels, pixels)
    kept = Image.Exif()
    kept.load(picture.metadata.exif)
    assert kept[0x0112] == orientation


def test_orientation_in_the_xmp_of_tiff_is_not_applied(tools, limits):
    pixels = tools.pixels(24, 31)
    packet = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    data = tools.encode(pixels, "TIFF", tiffinfo={700: packet})
    picture = read_picture(data, limits=limits)
    assert np.array_equal(picture.pixels, pixels)
    assert picture.metadata.xmp == packet


# What loses nothing, but is named.
@pytest.mark.parametrize(
    ("mode", "fmt", "words"),
    [
        ("P", "PNG", "palette expanded to RGB"),
        ("1", "PNG", "1 bit widened to 8-bit grey"),
        ("RGBA", "PNG", "alpha channel left out: it was fully opaque"),
        ("RGBA", "TIFF", "alpha channel left out: it was fully opaque"),
        ("LA", "PNG", "alpha channel left out: it was fully opaque"),
    ],
)
def test_conversions_without_loss_are_named(tools, limits, mode, fmt, words):
    image = Image.fromarray(tools.pixels()).convert(mode)
    picture = read_picture(tools.encode(image, fmt), limits=limits)
    assert picture.conversions == (words,)
    expected = image.convert("L" if mode in ("1", "LA") else "RGB")
    assert np.array_equal(picture.pixels, np.asarray(expected))


def sixteen_bits(shape=(24, 31, 3)):
    return np.random.default_rng(16).integers(0, 65_536, shape, dtype=np.uint16)


def lossy_files(tools):
    rgb = Image.fromarray(tools.pixels())
    alpha = np.dstack([tools.pixels(), np.full((24, 31), 255, np.uint8)])
    alpha[3, 4, 3] = 254
    see_through = Image.fromarray(alpha)
    grey16, rgb16 = sixteen_bits((24, 31)), sixteen_bits()
    rgba16 = sixteen_bits((24, 31, 4))
    rgba16[..., 3] = 0xFFFF
    palette = rgb.convert("P")
    used = int(np.asarray(palette)[0, 0])
    pgm = b"P5 31 24 65535\n" + grey16.astype(">u2").tobytes()
    ppm = b"P6 31 24 65535\n" + rgb16.astype(">u2").tobytes()
    upper = grey16 >> 8, rgb16 >> 8
    floats = np.linspace(-0.5, 1.5, 24 * 31, dtype=np.float32).reshape(24, 31)
    floats[0, 0] = np.nan
    five = np.dstack([tools.pixels(), tools.pixels()[..., :2]])
    return {
        "alpha-png": (tools.encode(see_through, "PNG"), tools.pixels()),
        "alpha-webp": (tools.encode(see_through, "WEBP", lossless=True), tools.pixels()),
        "alpha-tiff": (tools.encode(see_through, "TIFF"), tools.pixels()),
        "alpha-jpeg2000": (tools.encode(see_through, "JPEG2000"), tools.pixels()),
        "grey-alpha-png": (
            tools.encode(Image.merge("LA", [rgb.convert("L"), rgb.convert("L")]), "PNG"),
            np.asarray(rgb.convert("L")),
        ),
        "colour-key-png": (tools.encode(rgb, "PNG", transparency=(1, 2, 3)), tools.pixels()),
        "palette-alpha-png": (
            tools.encode(palette, "PNG", transparency=used),
            np.asarray(palette.convert("RGB")),
        ),
        "grey16-png": (tools.encode(grey16, "PNG"), upper[0]),
        "rgb16-png": (tools.png_of_16_bits(rgb16), upper[1]),
        "rgba16-png": (tools.png_of_16_bits(rgba16), rgba16[..., :3] >> 8),
        "grey16-tiff": (tools.encode(grey16, "TIFF"), upper[0]),
        "rgb16-tiff": (tools.tiff_of(rgb16), upper[1]),
        "grey16-jpeg2000": (tools.encode(grey16, "JPEG2000"), upper[0]),
        "pgm16": (pgm, upper[0]),
        "ppm16": (ppm, upper[1]),
        "extra-channels-tiff": (tools.tiff_of(five, extra=(0, 0)), tools.pixels()),
        "float-tiff": (
            tools.encode(floats, "TIFF"),
            np.rint(np.clip(np.nan_to_num(floats), 0, 1) * 255),
        ),
        "cmyk-jpeg": (tools.encode(rgb.convert("CMYK"), "JPEG", icc_profile=b"inks" * 9), None),
        "cmyk-tiff": (tools.encode(rgb.convert("CMYK"), "TIFF"), tools.pixels()),
    }


@pytest.mark.parametrize(
    "name",
    [
        "alpha-png",
        "alpha-webp",
        "alpha-tiff",
        "alpha-jpeg2000",
        "grey-alpha-png",
        "colour-key-png",
        "palette-alpha-png",
        "grey16-png",
        "rgb16-png",
        "rgba16-png",
        "grey16-tiff",
        "rgb16-tiff",
        "grey16-jpeg2000",
        "pgm16",
        "ppm16",
        "extra-channels-tiff",
        "float-tiff",
        "cmyk-jpeg",
        "cmyk-tiff",
    ],
)
def test_losing_values_is_refused_unless_allowed(tools, limits, name):
    data, expected = lossy_files(tools)[name]
    with pytest.raises(LossyConversion) as caught:
        read_picture(data, limits=limits)
    assert caught.value.extra["conversions"]
    picture = read_picture(data, limits=limits, convert=True)
    assert set(caught.value.extra["conversions"]) <= set(picture.conversions)
    assert picture.pixels.dtype == np.uint8
    if expected is not None:
        # Pillow rounds 16-bit PPM where all else cuts.
        tolerance = 1 if name == "ppm16" else 0
        assert np.abs(picture.pixels.astype(int) - expected).max() <= tolerance


def test_a_profile_for_inks_does_not_stay_with_rgb(tools, limits):
    image = Image.fromarray(tools.pixels()).convert("CMYK")
    data = tools.encode(image, "JPEG", icc_profile=b"inks" * 9)
    assert read_picture(data, limits=limits, convert=True).metadata.icc is None


def test_avif_of_ten_bits_is_refused(tools, limits):
    data = bytearray(tools.encode(tools.pixels(), "AVIF"))
    data[data.index(b"av1C") + 6] |= 0x40
    depths = data.index(b"pixi") + 9
    data[depths : depths + 3] = bytes((10, 10, 10))
    with pytest.raises(LossyConversion, match="10 bits"):
        read_picture(bytes(data), limits=limits)


def test_jpeg2000_of_sixteen_bits_a_colour_is_refused(tools, limits):
    data = bytearray(tools.encode(tools.pixels(), "JPEG2000", no_jp2=True))
    data[42] = 15
    with pytest.raises(LossyConversion, match="16 bits"):
        read_picture(bytes(data), limits=limits)


@pytest.mark.parametrize("fmt", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_several_pictures_are_refused(tools, limits, fmt):
    pictures = [Image.fromarray(tools.pixels()), Image.fromarray(255 - tools.pixels())]
    data = tools.encode(pictures[0], fmt, save_all=True, append_images=pictures[1:])
    with pytest.raises(UnsupportedPicture):
        read_picture(data, limits=limits)


@pytest.mark.parametrize(
    "data", [b"hello", b"GIF89a" + bytes(50), b"P3 1 1 255\n1 2 3", b"%PDF-1.7"]
)
def test_other_formats_are_refused(limits, data):
    with pytest.raises(UnsupportedPicture, match="JPEG"):
        read_picture(data, limits=limits)


def test_nothing_at_all_is_refused(limits):
    with pytest.raises(BadPicture, match="empty"):
        read_picture(b"", limits=limits)


def test_a_raw_photograph_is_not_mistaken_for_its_thumbnail(tools, limits):
    with pytest.raises(UnsupportedPicture, match="reduced"):
        read_picture(tools.tiff_of(tools.pixels(), tag_254=(4, [1])), limits=limits)
    with pytest.raises(UnsupportedPicture, match="Raw"):
        read_picture(tools.tiff_of(tools.pixels(), tag_50706=(4, [0x401])), limits=limits)


def test_tiff_samples_without_a_known_range_are_refused(tools, limits):
    integers = np.zeros((24, 31), np.int32)
    with pytest.raises(UnsupportedPicture):
        read_picture(tools.encode(integers, "TIFF"), limits=limits, convert=True)
    twelve = tools.tiff_of(sixteen_bits(), tag_258=(3, [12, 12, 12]))
    with pytest.raises(UnsupportedPicture, match="12 bits"):
        read_picture(twelve, limits=limits, convert=True)


def test_jpeg_of_twelve_bits_is_named(tools, limits):
    data = bytearray(tools.encode(tools.pixels(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnsupportedPicture, match="12 bits"):
        read_picture(bytes(data), limits=limits)


def test_run_length_coded_bmp_is_named(tools, limits):
    data = bytearray(tools.encode(tools.pixels(grey=True), "BMP"))
    data[30] = 1
    with pytest.raises(UnsupportedPicture, match="Run-length"):
        read_picture(bytes(data), limits=limits)
