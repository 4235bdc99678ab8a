"""One picture of three: the original, the decoded one, and what differs."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_GAIN = 8
_CAPTION_HEIGHT = 32
_GAP = 8


def side_by_side(original: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> Image.Image:
    """Put original, decoded picture and the difference times eight next to each other.

    Parameters
    ----------
    original, decoded : ndarray of uint8, (H, W, 3) or (H, W)
        Pictures of one shape.

    Returns
    -------
    PIL.Image.Image
        RGB, three panels with captions. The difference is absolute, black where there is none.
    """
    distance = np.abs(original.astype(np.int16) - decoded)
    amplified = np.minimum(distance * _GAIN, 255).astype(np.uint8)
    panels = {"original": original, "decoded": decoded, f"difference x{_GAIN}": amplified}
    height, width = original.shape[:2]
    sheet = Image.new("RGB", (3 * width + 2 * _GAP, height + _CAPTION_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=20)
    for position, (caption, pixels) in enumerate(panels.items()):
        left = position * (width + _GAP)
        sheet.paste(Image.fromarray(pixels).convert("RGB"), (left, _CAPTION_HEIGHT))
        draw.text((left + 4, 3), caption, fill="black", font=font)
    return sheet
