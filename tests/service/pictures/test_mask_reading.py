"""Masks: what counts as blade, and every doubt refused."""

import numpy as np
import pytest
from PIL import Image

from service.errors import BadMask, PictureTooLarge
from service.pictures import Limits, read_mask


@pytest.fixture
def blade():
    mask = np.zeros((24, 31), bool)
    mask[5:20, 8:13] = True
    mask[0, 30] = True
    return mask


def files(tools, blade):
    white = np.where(blade, 255, 0).astype(np.uint8)
    grey = Image.fromarray(white)
    red = np.zeros((*blade.shape, 3), np.uint8)
    red[blade, 0] = 200
    palette = Image.fromarray(blade.astype(np.uint8))
    palette = Image.frombytes("P", palette.size, palette.tobytes())
    palette.putpalette([0, 0, 0, 0, 180, 0])
    return {
        "grey": tools.encode(grey, "PNG"),
        "just-enough": tools.encode(np.where(blade, 128, 127).astype(np.uint8), "PNG"),
        "one-bit": tools.encode(grey.convert("1"), "PNG"),
        "palette": tools.encode(palette, "PNG"),
        "red": tools.encode(red, "PNG"),
        "sixteen-bits": tools.encode(np.where(blade, 0x8000, 0x7FFF).astype(np.uint16), "PNG"),
        "opaque-alpha": tools.encode(grey.convert("RGBA"), "PNG"),
        "pgm": tools.encode(grey, "PPM"),
        "tiff": tools.encode(grey, "TIFF"),
        "bmp": tools.encode(grey.convert("1"), "BMP"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "grey",
        "just-enough",
        "one-bit",
        "palette",
        "red",
        "sixteen-bits",
        "opaque-alpha",
        "pgm",
        "tiff",
        "bmp",
    ],
)
def test_every_way_to_draw_a_blade_is_read(tools, limits, blade, name):
    mask = read_mask(files(tools, blade)[name], width=31, height=24, limits=limits)
    assert mask.dtype == np.bool_
    assert np.array_equal(mask, blade)


@pytest.mark.parametrize("value", [0, 255])
def test_all_or_nothing_is_a_mask(tools, limits, value):
    data = tools.encode(np.full((24, 31), value, np.uint8), "PNG")
    assert (read_mask(data, width=31, height=24, limits=limits) == bool(value)).all()


@pytest.mark.parametrize("size", [(24, 31), (31, 25), (1, 1)])
def test_another_size_is_refused_before_it_is_decoded(tools, limits, monkeypatch, size):
    from service.pictures import masks

    monkeypatch.setattr(masks, "decode", None)
    data = tools.encode(np.zeros((24, 31), np.uint8), "PNG")
    with pytest.raises(BadMask, match="31 x 24"):
        read_mask(data, width=size[0], height=size[1], limits=limits)


def test_a_mask_of_zeros_and_ones_is_refused_not_taken_for_empty(tools, limits, blade):
    data = tools.encode(blade.astype(np.uint8), "PNG")
    with pytest.raises(BadMask, match="255"):
        read_mask(data, width=31, height=24, limits=limits)


def test_a_blade_drawn_as_transparency_is_refused(tools, limits, blade):
    drawn = np.zeros((24, 31, 4), np.uint8)
    drawn[blade, 3] = 255
    with pytest.raises(BadMask, match="transparency"):
        read_mask(tools.encode(drawn, "PNG"), width=31, height=24, limits=limits)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_a_bad_mask(limits, data):
    with pytest.raises(BadMask):
        read_mask(data, width=31, height=24, limits=limits)


def test_limits_hold_for_masks(tools):
    data = tools.encode(np.zeros((24, 31), np.uint8), "PNG")
    with pytest.raises(PictureTooLarge):
        read_mask(data, width=31, height=24, limits=Limits(1 << 20, 100, 100))
