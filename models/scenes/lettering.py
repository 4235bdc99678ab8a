"""Names as makers paint them on nacelles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_LETTERS = "ABCDEGHIKLMNOPRSTUVXZ"
_TALL = 64  # pixels


def draw_lettering(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Bold letters of a made-up name (height, width), cut to their outline."""
    name = "".join(rng.choice(list(_LETTERS), int(rng.integers(5, 10))))
    font = ImageFont.load_default(_TALL)
    left, top, right, bottom = font.getbbox(name)
    canvas = Image.new("1", (int(right - left) + 8, int(bottom - top) + 8))
    pen = ImageDraw.Draw(canvas)
    pen.text((4 - left, 4 - top), name, fill=1, font=font, stroke_width=3)
    return np.array(canvas, np.bool_)
