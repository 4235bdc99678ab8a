import numpy as np

from models.training.pairs import levels_of
from models.training.pasting import paste


def turbine():
    array = np.full((160, 240, 5), 40, np.uint8)
    array[..., 3:] = 0
    array[20:80, 110:122] = 250, 250, 250, 255, 255
    array[80:150, 110:122] = 250, 250, 250, 0, 255
    return levels_of(array)


def place():
    array = np.zeros((100, 150, 5), np.uint8)
    array[..., 2] = 200
    return levels_of(array)


def test_the_cut_out_lies_in_the_place_with_its_mask():
    rng = np.random.default_rng(0)
    blades = towers = 0
    for _ in range(40):
        found = paste(turbine(), place(), (64, 96), rng)
        blade = found[..., 3] > 200
        red = found[..., 0] > 60
        # Blue alone is the place: where blade is said to be, the turbine's white shows.
        assert red[blade].all()
        blades += blade.any()
        towers += (red & (found[..., 3] == 0)).any()
        assert (found[..., 2][found[..., 0] == 0] >= 198).all()
    assert blades > 20
    assert towers > 20


def test_turbines_come_in_many_sizes():
    rng = np.random.default_rng(1)
    sizes = [(paste(turbine(), place(), (64, 96), rng)[..., 3] > 127).mean() for _ in range(60)]
    shown = [size for size in sizes if size]
    assert max(shown) > 20 * min(shown)
