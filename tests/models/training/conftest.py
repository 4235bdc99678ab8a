import numpy as np
import pytest
from PIL import Image

from models.training.pictures import Crops, open_cache


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of small synthetic pictures, one of them below the crop, and a file that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, (height, width) in {
        "a.png": (256, 256),
        "b.png": (300, 400),
        "deep/c.png": (270, 256),
        "deep/small.png": (100, 500),
        "d.png": (280, 290),
        "e.png": (256, 300),
    }.items():
        coarse = rng.integers(0, 256, (height // 20 + 1, width // 20 + 1, 3), np.uint8)
        pixels = coarse.repeat(20, 0).repeat(20, 1)[:height, :width]
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / name)
    (folder / "readme.txt").write_text("not a picture")
    return folder


@pytest.fixture
def crops(pictures, tmp_path):
    return Crops(open_cache(pictures, tmp_path / "cache"), (256, 256), 0.25)
