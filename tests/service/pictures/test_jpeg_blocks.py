"""Coefficients of whole files: Pillow's pixels follow from them; damaged files have none."""

import io
import struct
import time

import numpy as np
import pytest
from PIL import Image
from scipy.fft import idctn

from service.pictures.jpeg_blocks import read_blocks
from tests.service.pictures.conftest import encode, make_pixels

SAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}


def planes(blocks):
    """Samples of each component, in floating point, rounded."""
    found = []
    for coefficients, steps in zip(blocks.coefficients, blocks.steps, strict=True):
        rows, columns, _ = coefficients.shape
        values = (coefficients * steps.astype(float)).reshape(rows, columns, 8, 8)
        samples = idctn(values, axes=(2, 3), norm="ortho").transpose(0, 2, 1, 3)
        samples = samples.reshape(8 * rows, 8 * columns) + 128
        found.append(np.clip(np.rint(samples), 0, 255))
    return found


def doubled(plane, axis):
    """Twice as many samples along an axis, each 3/4 the nearer and 1/4 the farther one."""
    plane = np.moveaxis(plane, axis, 0)
    padded = np.concatenate([plane[:1], plane, plane[-1:]])
    pairs = np.stack([3 * plane + padded[:-2], 3 * plane + padded[2:]], axis=1) / 4
    return np.moveaxis(pairs.reshape(-1, *plane.shape[1:]), 0, axis)


def pillow_planes(data):
    image = Image.open(io.BytesIO(data))
    if image.mode == "RGB":
        image.draft("YCbCr", image.size)
    samples = np.asarray(image).astype(int)
    return samples.reshape(*samples.shape[:2], -1).transpose(2, 0, 1)


def assert_like_pillow(data, sampling):
    blocks = read_blocks(data)
    expected = pillow_planes(data)
    assert (blocks.height, blocks.width) == expected.shape[1:]
    assert blocks.sampling == sampling
    assert len(blocks.steps) == len(blocks.coefficients) == len(expected)

    tables = Image.open(io.BytesIO(data)).quantization
    for number, steps in enumerate(blocks.steps):
        assert steps.dtype == np.uint8
        assert steps.tolist() == list(tables[min(number, len(tables) - 1)])

    for number, (plane, truth) in enumerate(zip(planes(blocks), expected, strict=True)):
        assert blocks.coefficients[number].dtype == np.int16
        across, down = sampling if number else (1, 1)
        plane = plane[: -(-blocks.height // down), : -(-blocks.width // across)]
        plane = doubled(plane, 0) if down == 2 else plane
        plane = doubled(plane, 1) if across == 2 else plane
        plane = plane[: blocks.height, : blocks.width]
        # A level of the inverse transform, and half a one for each rounding of the upsampling.
        assert np.abs(plane - truth).max() <= (1 if across == down == 1 else 2)


@pytest.mark.parametrize("quality", [30, 55, 75, 90, 97, 100])
@pytest.mark.parametrize("name", SAMPLINGS)
def test_the_pixels_follow_from_the_coefficients(name, quality):
    data = encode(make_pixels(75, 93), "JPEG", subsampling=name, quality=quality)
    assert_like_pillow(data, SAMPLINGS[name])


@pytest.mark.parametrize("name", SAMPLINGS)
@pytest.mark.parametrize("size", [(8, 8), (16, 32), (17, 33), (40, 9), (5, 70)])
def test_any_size(name, size):
    blocks = read_blocks(encode(make_pixels(*size), "JPEG", subsampling=name))
    (height, width), (across, down) = size, SAMPLINGS[name]
    mcus = -(-height // (8 * down)), -(-width // (8 * across))
    assert blocks.coefficients[0].shape == (mcus[0] * down, mcus[1] * across, 64)
    assert blocks.coefficients[1].shape == blocks.coefficients[2].shape == (*mcus, 64)
    assert_like_pillow(encode(make_pixels(*size), "JPEG", subsampling=name), SAMPLINGS[name])


@pytest.mark.parametrize("quality", [30, 75, 100])
def test_a_grey_picture_has_one_component(quality):
    data = encode(make_pixels(45, 70, grey=True), "JPEG", quality=quality)
    assert_like_pillow(data, (1, 1))
    assert read_blocks(data).coefficients[0].shape == (6, 9, 64)


@pytest.mark.parametrize("name", SAMPLINGS)
@pytest.mark.parametrize(
    "options",
    [
        {"optimize": True},
        {"restart_marker_blocks": 1},
        {"restart_marker_blocks": 4},
        {"restart_marker_rows": 1},
        {"optimize": True, "restart_marker_blocks": 3},
        {"exif": b"Exif\0\0" + bytes(9000), "icc_profile": bytes(300)},
    ],
    ids=str,
)
def test_the_ways_of_writing_a_file_change_no_coefficient(name, options):
    pixels = make_pixels(90, 130)
    plain = read_blocks(encode(pixels, "JPEG", subsampling=name, quality=92))
    other = read_blocks(encode(pixels, "JPEG", subsampling=name, quality=92, **options))
    for expected, found in zip(plain.coefficients, other.coefficients, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_comes_behind_the_picture_does_not_matter():
    data = encode(make_pixels(), "JPEG")
    blocks = read_blocks(data)
    for tail in (b"\0" * 9, data, data[:100], b"\xff"):
        assert (read_blocks(data + tail).coefficients[0] == blocks.coefficients[0]).all()
    padded = data[:-2] + b"\0\0\xff\xff" + data[-2:]
    assert (read_blocks(padded).coefficients[0] == blocks.coefficients[0]).all()


def test_other_kinds_have_no_blocks():
    pixels = make_pixels()
    assert read_blocks(encode(pixels, "JPEG", progressive=True)) is None
    assert read_blocks(encode(pixels, "JPEG", keep_rgb=True)) is None
    assert read_blocks(encode(Image.fromarray(pixels).convert("CMYK"), "JPEG")) is None
    assert read_blocks(encode(pixels, "PNG")) is None
    assert read_blocks(b"") is None
    assert read_blocks(b"\xff\xd8") is None


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 2}], ids=str)
def test_cut_anywhere_there_are_no_blocks(options):
    data = encode(make_pixels(30, 40), "JPEG", quality=90, **options)
    assert read_blocks(data) is not None
    assert [length for length in range(len(data)) if read_blocks(data[:length])] == []


def test_a_huge_frame_over_few_data_costs_nothing():
    data = bytearray(encode(make_pixels(), "JPEG"))
    at = data.index(b"\xff\xc0")
    assert read_blocks(bytes(data)) is not None
    data[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)
    before = time.perf_counter()
    # Memory for 4 gigapixels is not even asked for.
    assert read_blocks(bytes(data)) is None
    # Enough bytes, but not of this scan: given up at the first MCU that is not there.
    data[at + 5 : at + 9] = struct.pack(">HH", 8000, 8000)
    assert read_blocks(bytes(data) + bytes(500_000)) is None
    assert time.perf_counter() - before < 0.5


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}, {"optimize": True}], ids=str)
@pytest.mark.parametrize("part", ["header", "data"])
def test_damage_gives_blocks_of_the_right_form_or_none(options, part):
    whole = encode(make_pixels(50, 70), "JPEG", quality=85, **options)
    border = whole.index(b"\xff\xda")
    low, high = (2, border + 14) if part == "header" else (border + 14, len(whole))
    rng = np.random.default_rng(len(whole) + low)
    refused = 0
    for _ in range(1500):
        data = bytearray(whole)
        for at in rng.integers(low, high, rng.integers(1, 5)):
            data[at] = rng.integers(256)
        blocks = read_blocks(bytes(data))
        if blocks is None:
            refused += 1
            continue
        (across, down), (rows, columns, _) = blocks.sampling, blocks.coefficients[0].shape
        assert 8 * rows >= blocks.height > 0
        assert 8 * columns >= blocks.width > 0
        for coefficients, steps in zip(blocks.coefficients[1:], blocks.steps[1:], strict=True):
            assert coefficients.shape == (rows // down, columns // across, 64)
            assert steps.min() > 0
    assert refused > 0
