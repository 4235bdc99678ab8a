"""The colours of a JPEG: found again in what Pillow decodes, and nowhere else."""

import io

import numpy as np
import pytest
from PIL import Image

from service.codec.jpeg_colour import from_ycbcr, to_ycbcr


def picture(contrast, seed=2):
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:96, :112]
    waves = np.stack([np.sin(row / (7 + k)) + np.cos(column / (9 + k)) for k in range(3)], -1)
    rgb = 128 + contrast * waves + rng.normal(0, 6, waves.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def through_jpeg(pixels, **options):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", **options)
    with Image.open(data) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("contrast", [40, 120])
def test_decoded_jpegs_are_coded_as_what_they_were_made_of(quality, subsampling, contrast):
    decoded = through_jpeg(picture(contrast), quality=quality, subsampling=subsampling)
    # High contrast clips, so that more than one Y, Cb, Cr would do.
    assert (contrast == 120) == bool((decoded == 255).any() or (decoded == 0).any())
    values = to_ycbcr(decoded)
    assert values is not None
    assert np.array_equal(from_ycbcr(values), decoded)
    low, high = values.reshape(-1, 3).min(0), values.reshape(-1, 3).max(0)
    assert low[0] >= 0 and high[0] <= 255
    assert min(low[1:]) >= -128 and max(high[1:]) <= 127


def test_one_value_more_is_no_colour_of_a_jpeg():
    decoded = through_jpeg(picture(40), quality=90).copy()
    for _ in range(1, 5):
        decoded[50, 60, 1] += 1
        if to_ycbcr(decoded) is None:
            break
    else:
        raise AssertionError("four values away from a JPEG's colours and still taken for one")
    assert to_ycbcr(picture(40)) is None


def test_clipped_colours_that_no_chroma_makes_are_refused():
    possible = [(255, 255, 255), (0, 0, 0), (255, 0, 0), (254, 0, 0), (0, 0, 255), (0, 255, 1)]
    found = [to_ycbcr(np.array([[colour]], np.uint8)) for colour in possible]
    for colour, values in zip(possible, found, strict=True):
        if values is not None:
            assert tuple(from_ycbcr(values)[0, 0]) == colour
    assert found[0] is not None and tuple(found[0][0, 0]) == (255, 0, 0)
    assert found[1] is not None and tuple(found[1][0, 0]) == (0, 0, 0)


def test_whatever_a_damaged_stream_says_gives_samples():
    values = np.array([[[255, 255, 255], [0, -255, -255]]], np.int32)
    rgb = from_ycbcr(values)
    assert rgb.min() >= 0 and rgb.max() <= 255


def test_a_patch_of_clipped_noise_is_given_up_or_right():
    rng = np.random.default_rng(5)
    for count in (40, 256 * 256):
        pixels = rng.integers(0, 256, (1, count, 3), dtype=np.uint8)
        pixels[..., 0] = 255
        values = to_ycbcr(pixels)
        assert values is None or np.array_equal(from_ycbcr(values), pixels)
        assert values is None or count < 10_000
