"""YCoCg-R: the reversible integer colour transform (Malvar and Sullivan, 2003)."""

from __future__ import annotations

import torch
from torch import Tensor


def to_ycocg(rgb: Tensor) -> Tensor:
    """(B, 3, H, W) RGB integers 0..255, as floats, to Y 0..255, Co and Cg -255..255."""
    red, green, blue = rgb.unbind(1)
    co = red - blue
    middle = blue + torch.floor(co / 2)
    cg = green - middle
    return torch.stack([middle + torch.floor(cg / 2), co, cg], 1)
