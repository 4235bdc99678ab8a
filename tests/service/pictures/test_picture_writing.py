"""Writing: what goes in comes out, or is refused with the way out."""

import numpy as np
import pytest

from service.errors import BadParameter
from service.pictures import Metadata, read_picture, write_picture


@pytest.mark.parametrize("size", [(1, 1), (3, 1000), (65, 64)])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("fmt", ["png", "ppm"])
def test_lossless_formats_give_back_the_pixels(tools, limits, fmt, grey, size):
    pixels = tools.pixels(*size, grey=grey)
    picture = read_picture(write_picture(pixels, fmt, metadata=Metadata()), limits=limits)
    assert np.array_equal(picture.pixels, pixels)
    assert picture.source_format == fmt


def test_webp_loses_nothing_unless_asked(tools, limits):
    pixels = tools.pixels()
    exact = read_picture(write_picture(pixels, "webp", metadata=Metadata()), limits=limits)
    assert np.array_equal(exact.pixels, pixels)
    lossy = write_picture(pixels, "webp", metadata=Metadata(), quality=30)
    assert not np.array_equal(read_picture(lossy, limits=limits).pixels, pixels)


def test_grey_webp_is_three_equal_channels(tools, limits):
    pixels = tools.pixels(grey=True)
    picture = read_picture(write_picture(pixels, "webp", metadata=Metadata()), limits=limits)
    assert np.array_equal(picture.pixels, np.dstack([pixels] * 3))


@pytest.mark.parametrize("grey", [False, True])
def test_jpeg_is_near_and_keeps_grey(tools, limits, grey):
    pixels = tools.pixels(grey=grey)
    coarse, default, fine = (
        read_picture(
            write_picture(pixels, "jpeg", metadata=Metadata(), quality=quality), limits=limits
        )
        for quality in (40, None, 100)
    )
    assert coarse.is_grey == default.is_grey == grey
    errors = [np.abs(p.pixels.astype(int) - pixels).mean() for p in (coarse, default, fine)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 4


def test_a_view_of_an_array_is_written_like_its_copy(tools):
    pixels = tools.pixels(40, 60)
    view = pixels[::2, ::-1]
    for fmt in ("png", "ppm", "jpeg", "webp"):
        assert write_picture(view, fmt, metadata=Metadata()) == write_picture(
            view.copy(), fmt, metadata=Metadata()
        )


@pytest.mark.parametrize(
    ("fmt", "quality", "words"),
    [
        ("gif", None, "png, jpeg, webp or ppm"),
        ("jpeg", 0, "1 to 100"),
        ("webp", 101, "1 to 100"),
        ("png", 90, "no quality"),
        ("ppm", 90, "no quality"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(tools, fmt, quality, words):
    with pytest.raises(BadParameter, match=words):
        write_picture(tools.pixels(), fmt, metadata=Metadata(), quality=quality)


@pytest.mark.parametrize(("fmt", "side"), [("webp", 16_384), ("jpeg", 65_501)])
def test_a_side_longer_than_the_format_holds_is_refused(fmt, side):
    with pytest.raises(BadParameter, match="png"):
        write_picture(np.zeros((1, side), np.uint8), fmt, metadata=Metadata())


@pytest.mark.parametrize("pixels", [np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2), np.float32)])
def test_other_arrays_are_a_programmer_error(pixels):
    with pytest.raises(ValueError, match="not a picture"):
        write_picture(pixels, "png", metadata=Metadata())
