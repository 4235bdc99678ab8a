"""Other codecs as Pillow runs them, each over a ladder of its own settings.

Chroma is subsampled where that is the codec's default (JPEG, WebP, AVIF). JPEG, JPEG 2000 and
WebP run on one core, AVIF and JPEG XL on all of them, as Pillow has them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from models.evaluation.points import Point, measure

JPEG_XL_PLUGIN = "pillow-jxl-plugin"

Option = int | bool | str | list[int]


@dataclass(frozen=True)
class Peer:
    """A codec: Pillow's name of the format, options that stay, and the option that is turned.

    Attributes
    ----------
    key, title
        Name in results, and name for readers.
    format
        As ``Image.save`` calls it.
    turned
        The option that sets the rate.
    ladder
        Its values, from the smallest file to the largest.
    fixed
        The other options.
    """

    key: str
    title: str
    format: str
    turned: str
    ladder: tuple[int, ...]
    fixed: dict[str, Option] = field(default_factory=dict)

    def options(self, setting: int, mode: str) -> dict[str, Option]:
        """What ``Image.save`` is given for a picture of mode RGB or L."""
        options = dict(self.fixed)
        if self.format == "JPEG2000":
            # Pillow leaves the colour transform off: JPEG 2000 looks a quarter worse than it is.
            options["mct"] = int(mode == "RGB")
            return options | {self.turned: [setting]}
        return options | {self.turned: setting}

    @property
    def version(self) -> str:
        """The library behind it."""
        if self.format == "JXL":
            return f"{JPEG_XL_PLUGIN} {importlib.metadata.version(JPEG_XL_PLUGIN)}"
        library, name = {
            "JPEG": ("libjpeg_turbo", "libjpeg-turbo"),
            "JPEG2000": ("jpg_2000", "OpenJPEG"),
            "WEBP": ("webp", "libwebp"),
            "AVIF": ("avif", "libavif"),
        }[self.format]
        return f"{name} {features.version(library)}"


JPEG = Peer(
    "jpeg", "JPEG", "JPEG", "quality", (5, 10, 20, 35, 50, 65, 80, 90, 95), {"optimize": True}
)
# Rates are compression ratios of 24-bit pixels: 0.1 to 4 bits a pixel.
JPEG_2000 = Peer(
    "jpeg2000",
    "JPEG 2000",
    "JPEG2000",
    "quality_layers",
    (240, 120, 60, 40, 24, 16, 10, 6),
    {"irreversible": True, "no_jp2": True, "quality_mode": "rates"},
)
WEBP = Peer("webp", "WebP", "WEBP", "quality", (0, 10, 30, 55, 75, 85, 92, 97))
AVIF = Peer("avif", "AVIF", "AVIF", "quality", (5, 10, 20, 30, 45, 60, 70, 80, 90), {"speed": 6})
JPEG_XL = Peer("jpegxl", "JPEG XL", "JXL", "quality", (1, 10, 20, 30, 50, 70, 85, 92, 97))


def available() -> tuple[list[Peer], dict[str, str]]:
    """The peers that can run here, and of the others the reason why not, by title."""
    found, missing = [JPEG, WEBP], {}
    for peer, feature in ((JPEG_2000, "jpg_2000"), (AVIF, "avif")):
        if features.check(feature):
            found.append(peer)
        else:
            missing[peer.title] = "this Pillow is built without it"
    if importlib.util.find_spec("pillow_jxl") is None:
        missing[JPEG_XL.title] = f"{JPEG_XL_PLUGIN} is not installed"
    else:
        importlib.import_module("pillow_jxl")  # registers the format with Pillow
        found.append(JPEG_XL)
    return found, missing


def run(peer: Peer, pixels: NDArray[np.uint8]) -> list[Point]:
    """Code (H, W, 3) or (H, W) at every setting of the ladder."""
    return [_one(peer, pixels, setting) for setting in peer.ladder]


def _one(peer: Peer, pixels: NDArray[np.uint8], setting: int) -> Point:
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    started = time.perf_counter()
    image.save(buffer, peer.format, **peer.options(setting, image.mode))
    encoded = time.perf_counter()
    with Image.open(io.BytesIO(buffer.getvalue())) as file:
        decoded = np.asarray(file.convert(image.mode))
    ended = time.perf_counter()
    return measure(pixels, decoded, len(buffer.getvalue()), encoded - started, ended - encoded)
