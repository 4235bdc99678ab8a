import io

import numpy as np
import pytest
from PIL import Image

from models.training.coefficients import (
    Coefficients,
    cells_of,
    mirrored,
    open_coefficients,
)
from service.pictures.jpeg_blocks import read_blocks
from service.runtime.jpeg_model import SAMPLINGS
from tests.models import coefficients


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, sampling in enumerate(SAMPLINGS):
        data = coefficients.file(sampling, 80, height=320, width=400, seed=number)
        (pictures / f"{number}.jpg").write_bytes(data)
    Image.fromarray(coefficients.picture()).save(pictures / "no.png")
    (pictures / "small.jpg").write_bytes(coefficients.file(height=200))
    return pictures


def test_patches_of_all_files_are_read_once(folder, tmp_path):
    cache = open_coefficients(folder, tmp_path / "cache")
    assert set(cache.names) == {"0.jpg", "1.jpg", "2.jpg"}
    again = open_coefficients(folder, tmp_path / "cache")
    assert again.names == cache.names
    assert np.array_equal(again.cells, cache.cells)
    for name, sampling, steps in zip(cache.names, cache.samplings, cache.steps, strict=True):
        assert sampling == int(name[0])
        assert steps.min() > 0
    (folder / "1.jpg").unlink()
    assert set(open_coefficients(folder, tmp_path / "cache").names) == {"0.jpg", "2.jpg"}


def test_a_draw_depends_on_the_generator_alone_and_shows_no_validation(folder, tmp_path):
    source = Coefficients(open_coefficients(folder, tmp_path / "cache"), 0.5)
    first, second = (source.draw(4, np.random.default_rng(7)) for _ in range(2))
    assert first.shape == (4, 16, 16, 961)
    assert np.array_equal(first, second)
    names = np.array(source._cache.names)
    assert not set(names[source.training]) & set(names[source.validation])


def test_nothing_to_learn_from_is_an_error(tmp_path):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(ValueError, match="no colour JPEG"):
        open_coefficients(tmp_path / "pictures", tmp_path / "cache")


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("axis", [0, 1])
def test_mirrored_coefficients_are_those_of_the_mirrored_picture(sampling, axis):
    rgb = coefficients.picture()
    both = []
    for turned in (rgb, np.flip(rgb, axis)):
        out = io.BytesIO()
        Image.fromarray(turned).save(
            out, "JPEG", quality=50, subsampling=coefficients.SUBSAMPLING[sampling]
        )
        blocks = read_blocks(out.getvalue())
        assert blocks is not None
        both.append(cells_of(blocks, 0, 0))
    # Encoders' rounding is not symmetric to the last bit.
    different = mirrored(both[0], axis, sampling) != both[1]
    assert different.mean() < 0.005
    assert (mirrored(both[0], 1 - axis, sampling) != both[1]).mean() > 0.02
