import numpy as np
import pytest
from PIL import Image

from models.networks import registry
from models.training import trainer
from models.training.pictures import Crops, open_cache
from tests.models.training.toy import Toy


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


def turbine_picture(rng, height=160, width=240):
    """Noise, a bright blade (0/255) and, with its tower, the whole turbine (0/255)."""
    rgb = rng.integers(0, 120, (height, width, 3), np.uint8)
    blade = np.zeros((height, width), np.uint8)
    blade[20:80, 110:122] = 255
    whole = blade.copy()
    whole[80:150, 112:120] = 255
    rgb[whole > 0] = 230
    return rgb, blade, whole


@pytest.fixture
def sets(tmp_path):
    """A folder of sets: turbines with masks, one of them held back, and places without."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "sets"
    for home, names in {"turbines": "01", "validation/turbines": "9"}.items():
        for name in names:
            for kind, array in zip(
                ("images", "masks", "masks_whole"), turbine_picture(rng), strict=True
            ):
                (folder / home / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(folder / home / kind / f"{name}.png")
    (folder / "places/images").mkdir(parents=True)
    for name in "01":
        pixels = rng.integers(0, 256, (150, 150, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "places/images" / f"{name}.png")
    return folder


@pytest.fixture
def toy(monkeypatch):
    """The toy network among the architectures, and a log after every other step."""
    monkeypatch.setitem(registry.ARCHITECTURES, "toy", Toy)
    monkeypatch.setattr(Toy, "broken_steps", frozenset())
    monkeypatch.setattr(trainer, "LOG_EVERY", 2)
    monkeypatch.setattr(trainer, "SAVE_EVERY", 4)
