from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def photograph(height: int, width: int, seed: int = 3) -> np.ndarray:
    """Smooth areas, edges and a little grain, (H, W, 3)."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (height // 24 + 2, width // 24 + 2, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    grain = random.normal(0, 2, (height, width, 1))
    pixels = np.clip(np.asarray(smooth) + grain, 0, 255)
    pixels[height // 3 : height // 2, width // 4 : width // 2] = 230
    return pixels.astype(np.uint8)


@pytest.fixture
def two_pictures(tmp_path: Path) -> Path:
    """A folder of two pictures, one of them too small for MS-SSIM, and a text."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(photograph(176, 200)).save(folder / "large.png")
    Image.fromarray(photograph(90, 120, seed=4)).save(folder / "small.png")
    (folder / "notes.txt").write_text("no picture")
    return folder
