"""Pieces of blade from near: photographed, coded lossily, coded exactly (paper roi-eml, fig. 11).

Detail that a quality takes away is seen in the brightness of a blade, enlarged and spread over all
greys; so that is what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from models.evaluation.masks import pixels_of
from models.evaluation.rate_distortion import NamedPicture
from service.cli.layers import bytes_by_layer
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.inspection import inspect
from service.codec.options import CompressOptions, DecompressOptions, Mask
from service.runtime.zoo import Zoo
from service.settings import Settings

SIDE = 80  # pixels of the photograph on a side of a piece
STEP = 8  # places that are looked at for one
QUALITIES = (2.0, 5.0)  # of the blade: two, as in the figure
_ENLARGED = 3
_MARGIN = 16  # pixels on both sides of the blade's outline
_GAP, _CAPTION_HEIGHT = 6, 22
_LUMA = np.array([0.299, 0.587, 0.114])

Grey = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """A piece under one coding: (SIDE, SIDE) brightness, and bits a pixel of blade patches."""

    title: str
    pixels: Grey
    bits: float | None


@dataclass(frozen=True)
class Closeup:
    """The same piece of a picture under each coding; the photograph first.

    ``greys`` are the darkest and the brightest of its blade, but for a few pixels.
    """

    name: str
    top: int
    left: int
    greys: tuple[float, float]
    panels: tuple[Panel, ...]

    def report(self) -> dict[str, Any]:
        """Where it is and what it cost, JSON-able."""
        panels = [{"title": panel.title, "blade_bpp": panel.bits} for panel in self.panels]
        side = {"side": min(self.panels[0].pixels.shape)}
        return {"name": self.name, "left": self.left, "top": self.top, **side, "panels": panels}


def closeup_of(
    zoo: Zoo, each: NamedPicture, blade: Mask, exact_bits: float, settings: Settings
) -> Closeup:
    """Code a picture's blade lossily by the profile ``roi-eml``, and cut out its finest detail.

    ``exact_bits`` are those of the blade where it is exact: its pixels are the photograph's.
    """
    picture = each.picture
    original = _grey(picture.pixels)
    area = np.full(original.shape, blade == "full") if isinstance(blade, str) else blade
    surface = without_outline(area)
    top, left = finest_detail(original, surface)
    where = slice(top, top + SIDE), slice(left, left + SIDE)
    shown = original[where][surface[where]] if surface[where].any() else original[where]
    low, high = np.percentile(shown, (0.5, 99.5)).tolist()
    panels = [Panel("photograph", original[where], None)]
    for quality in QUALITIES:
        options = CompressOptions(
            profile="roi-eml",
            mode="lossy",
            quality=min(quality, 3.0),
            roi_quality=quality,
            metadata="strip",
            verify=False,
            dilation=settings.dilation_pixels,
        )
        data = Encoder(zoo).compress(picture, blade, options).data
        strict = DecompressOptions(strict=True)
        decoded = Decoder(zoo, settings.max_pixels).decompress(data, strict).pixels
        size = bytes_by_layer(inspect(data, zoo, max_pixels=settings.max_pixels))["blade"]
        patches = parse(data, max_pixels=settings.max_pixels).header.mask
        bits = round(8 * size / int(pixels_of(patches, picture).sum()), 4)
        panels.append(Panel(f"lossy, q = {quality:g}", _grey(decoded)[where], bits))
    panels.append(Panel("exact", original[where], exact_bits))
    return Closeup(each.name, top, left, (low, high), tuple(panels))


def _grey(pixels: NDArray[np.uint8]) -> Grey:
    """Brightness, (H, W)."""
    grey: Grey = pixels.astype(float) if pixels.ndim == 2 else pixels @ _LUMA
    return grey


def without_outline(blade: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The blade, (H, W), but for what is near its outline: no detail of its surface."""
    inside = blade.copy()
    for axis in (0, 1):
        for shift in (-_MARGIN, _MARGIN):
            inside &= _shifted(blade, shift, axis)
    return inside


def finest_detail(grey: Grey, surface: NDArray[np.bool_]) -> tuple[int, int]:
    """Top and left of the piece whose surface (H, W) is least even from pixel to pixel."""
    change = np.zeros(grey.shape)
    # Second differences: shading goes on evenly, and is no detail.
    change[:, 1:-1] += np.square(np.diff(grey, 2, axis=1))
    change[1:-1] += np.square(np.diff(grey, 2, axis=0))
    sums = np.zeros((grey.shape[0] + 1, grey.shape[1] + 1))
    sums[1:, 1:] = (change * surface).cumsum(0).cumsum(1)
    tops = np.arange(0, max(grey.shape[0] - SIDE, 0) + 1, STEP)
    lefts = np.arange(0, max(grey.shape[1] - SIDE, 0) + 1, STEP)
    bottoms = np.minimum(tops + SIDE, grey.shape[0])
    rights = np.minimum(lefts + SIDE, grey.shape[1])
    found = (
        sums[np.ix_(bottoms, rights)]
        - sums[np.ix_(tops, rights)]
        - sums[np.ix_(bottoms, lefts)]
        + sums[np.ix_(tops, lefts)]
    )
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    return int(tops[row]), int(lefts[column])


def _shifted(mask: NDArray[np.bool_], shift: int, axis: int) -> NDArray[np.bool_]:
    """The mask moved by some pixels; beyond the picture's border the blade goes on."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (max(shift, 0), max(-shift, 0))
    padded = np.pad(mask, pad, mode="edge")
    start = max(-shift, 0)
    return padded.take(range(start, start + mask.shape[axis]), axis)


def draw(closeups: list[Closeup], path: Path) -> None:
    """Write a PNG: a row a picture, a column a coding.

    The greys of the photographed blade are spread from black to white, alike in all of a row.
    """
    side = SIDE * _ENLARGED
    columns = max(len(each.panels) for each in closeups)
    height = len(closeups) * (side + _CAPTION_HEIGHT + _GAP)
    sheet = Image.new("L", (columns * (side + _GAP) - _GAP, height - _GAP), 255)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for row, each in enumerate(closeups):
        low, high = each.greys
        for column, panel in enumerate(each.panels):
            left, top = column * (side + _GAP), row * (side + _CAPTION_HEIGHT + _GAP)
            spread = (panel.pixels - low) * (255 / max(high - low, 1.0))
            levels = np.clip(np.rint(spread), 0, 255).astype(np.uint8)
            enlarged = levels.repeat(_ENLARGED, 0).repeat(_ENLARGED, 1)
            sheet.paste(Image.fromarray(enlarged), (left, top + _CAPTION_HEIGHT))
            bits = "" if panel.bits is None else f", {panel.bits:.2f} bits a pixel"
            pen.text((left, top + 2), panel.title + bits, fill=0, font=font)
    sheet.save(path, optimize=True)
