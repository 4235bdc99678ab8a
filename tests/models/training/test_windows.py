import math

import numpy as np
import pytest

from models.training.pairs import BLADE, TURBINE, levels_of
from models.training.windows import Window, draw_window, view, whole


def picture(height=120, width=200):
    """A colour ramp down and across, a blade on a turbine's tower."""
    array = np.zeros((height, width, 5), np.uint8)
    array[..., 0] = np.arange(height)[:, None] % 256
    array[..., 1] = np.arange(width) % 256
    array[40:80, 100:110, TURBINE] = 255
    array[40:60, 100:110, BLADE] = 255
    return array


def test_the_whole_picture_at_its_own_size_is_the_picture():
    array = picture()
    seen = view(levels_of(array), whole((120, 200), 120, 200), (120, 200))
    assert np.array_equal(seen, array)


def test_a_mirrored_window_is_the_mirror_image():
    array = picture()
    window = Window((60, 100), (1, 1), mirrored=True)
    seen = view(levels_of(array), window, (120, 200))
    assert np.array_equal(seen, array[:, ::-1])


def test_smaller_views_are_means_of_areas():
    array = picture()
    seen = view(levels_of(array), whole((30, 50), 120, 200), (30, 50))
    expected = array[..., BLADE].reshape(30, 4, 50, 4).mean((1, 3))
    assert np.abs(seen[..., BLADE] - expected).max() <= 1
    assert seen[..., BLADE].astype(float).sum() * 16 == pytest.approx(255 * 200, rel=0.01)


@pytest.mark.parametrize("angle", [0.3, -0.2])
def test_a_turned_window_shows_what_lies_there(angle):
    window = Window((60, 105), (1.5, 1.2), angle)
    size = (40, 60)
    seen = view(levels_of(picture()), window, size)
    matrix = window.matrix(size)
    for row, column in ((5, 7), (20, 30), (33, 50)):
        x, y = matrix @ [column + 0.5, row + 0.5, 1]
        assert abs(float(seen[row, column, 0]) - (y - 0.5)) <= 1.5
        assert abs(float(seen[row, column, 1]) - (x - 0.5)) <= 1.5


def test_beyond_the_picture_there_is_nothing():
    assert not view(levels_of(picture()), Window((-500, -500), (1, 1)), (40, 60)).any()
    half = view(levels_of(picture()), Window((60, 0), (1, 1)), (40, 60))
    assert not half[:, :30].any()
    assert half[:, 31:, 0].all()


def test_random_windows_lie_within_the_picture_and_vary():
    levels, size = levels_of(picture()), (40, 60)
    rng = np.random.default_rng(0)
    zooms, mirrored = [], 0
    for _ in range(200):
        window = draw_window(levels, size, rng)
        down, across = window.extent(size)
        assert down <= 120 + 1e-6
        assert across <= 200 + 1e-6
        assert window.centre[0] - down / 2 >= -1e-6
        assert window.centre[0] + down / 2 <= 120 + 1e-6
        assert window.centre[1] - across / 2 >= -1e-6
        assert window.centre[1] + across / 2 <= 200 + 1e-6
        zooms.append(math.sqrt(120 * 200 / (40 * 60)) / window.scale[0])
        mirrored += window.mirrored
    assert min(zooms) < 1.4
    assert max(zooms) > 3
    assert 60 < mirrored < 140


def test_zooms_look_for_blades():
    array, size = picture(600, 1000), (60, 90)
    array[:500, :, BLADE] = 0
    array[500:, 800:, BLADE] = 255
    levels, rng = levels_of(array), np.random.default_rng(1)
    windows = [draw_window(levels, size, rng) for _ in range(60)]
    seen = [view(levels, window, size)[..., BLADE].any() for window in windows]
    # Of windows anywhere, zoomed or not, about half would show it.
    assert np.mean(seen) > 0.75
