"""Write golden files with the models that ship: ``python -m tests.golden.write``.

Only for a new format version or a new model: a golden file that is there is a promise to everyone
who has such files, and is never written again. Existing ones are left alone.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.integrity import crc32c_of_symbols
from service.codec.options import CompressOptions
from service.pictures import Limits, Metadata, Picture, read_picture, write_picture
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from service.settings import Settings
from tests.service.codec.coding import picture_of, symbols_in

FOLDER = Path(__file__).parent
SAMPLES = FOLDER.parents[1] / "samples"


def pictures() -> dict[str, tuple[Picture, np.ndarray, CompressOptions]]:
    """What is coded: two qualities over six patches, grey, exact blades, the paper's chain."""
    limits = Limits(2**24, 2**20, 2**12)
    photograph = read_picture((SAMPLES / "blade-tip.jpg").read_bytes(), limits=limits).pixels
    colour = photograph[100:400, 60:580]
    mask = np.zeros(colour.shape[:2], bool)
    mask[:, 220:230] = True
    metadata = Metadata(exif=b"II*\0golden", xmp=b"<x:xmpmeta/>", icc=bytes(range(64)))
    return {
        "colour": (
            picture_of(colour, metadata),
            mask,
            CompressOptions(mode="lossy", quality=2.5, roi_quality=6.25),
        ),
        "grey": (
            picture_of(photograph[200:233, :300, 1]),
            np.ones((33, 300), bool),
            CompressOptions(mode="lossy", quality=4.0),
        ),
        "tuned": (
            picture_of(colour[:, :260]),
            mask[:, :260],
            CompressOptions(mode="lossy", quality=2.5, roi_quality=6.25, model="lite-ms-ssim"),
        ),
        "predicted": (
            picture_of(colour[:, :260], metadata),
            mask[:, :260],
            CompressOptions(mode="lossy", quality=2.5, roi_quality=6.25, model="standard"),
        ),
        "exact": (
            picture_of(colour[:280], metadata),
            mask[:280],
            CompressOptions(mode="lossless", quality=2.5),
        ),
        "exact-mixed": (
            picture_of(_half_from_a_jpeg(colour[:280])),
            np.ones((280, 520), bool),
            CompressOptions(mode="roi-only"),
        ),
        "exact-grey": (
            picture_of(photograph[200:233, :300, 1]),
            np.ones((33, 300), bool),
            CompressOptions(mode="roi-only"),
        ),
        "420": (
            _as_jpeg(colour[:280], subsampling=2),
            mask[:280],
            CompressOptions(mode="lossless", quality=2.5, lossless_model="jpeg-dct"),
        ),
        "422": (
            _as_jpeg(colour[:280, 3:260], subsampling=1),
            np.ones((280, 257), bool),
            CompressOptions(mode="roi-only", lossless_model="jpeg-dct"),
        ),
        "444": (
            _as_jpeg(colour[100:133, :300], subsampling=0),
            np.ones((33, 300), bool),
            CompressOptions(mode="roi-only", lossless_model="jpeg-dct"),
        ),
        "one-channel": (
            _as_jpeg(photograph[200:233, :300, 1]),
            np.ones((33, 300), bool),
            CompressOptions(mode="roi-only", lossless_model="jpeg-dct"),
        ),
        "lent": (
            picture_of(colour[:280], metadata),
            mask[:280],
            CompressOptions(mode="lossless", quality=2.5, lossless_model="bitswap"),
        ),
        "chained-grey": (
            picture_of(photograph[200:233, :300, 1]),
            np.ones((33, 300), bool),
            CompressOptions(mode="roi-only", lossless_model="bitswap"),
        ),
        "two-qualities": (
            picture_of(colour, metadata),
            mask,
            CompressOptions(mode="lossy", quality=2.5, roi_quality=6.25, model="hp-easn-deep"),
        ),
        "roi-eml": (
            picture_of(colour[:280], metadata),
            mask[:280],
            CompressOptions(profile="roi-eml", quality=2.5),
        ),
        "roi-eml-grey": (
            picture_of(photograph[200:233, :300, 1]),
            np.ones((33, 300), bool),
            CompressOptions(profile="roi-eml", mode="lossy", quality=4.0),
        ),
    }


def _as_jpeg(pixels: np.ndarray, **options: int) -> Picture:
    """What a reader sees of pixels that Pillow saved as JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=88, **options)
    return read_picture(file.getvalue(), limits=Limits(2**24, 2**20, 2**12))


def _half_from_a_jpeg(pixels: np.ndarray) -> np.ndarray:
    """Decoded pixels of a JPEG, but that the left patches could not have come out of one."""
    changed = pixels.copy()
    changed[::7, :256:5, 1] ^= 3
    return changed


def main() -> None:
    """Write what is not there yet: the file, its symbols' checks, its pixels."""
    zoo = Zoo(Settings().zoo_path, Device("cpu", 1), Settings().default_model)
    for name, (picture, mask, options) in pictures().items():
        lossy = options.mode == "lossy" or options.profile != "default"
        chain = options.chain
        card = (zoo.by_name(chain.model) if lossy else zoo.lossless(chain.lossless_model)).card
        path = FOLDER / f"{card.name}-{card.version}-{name}.blade"
        if path.exists():
            print(f"{path.name} is there and stays")
            continue
        data = Encoder(zoo).compress(picture, mask, options).data
        with pytest.MonkeyPatch.context() as patched:
            checks = [crc32c_of_symbols(*steps) for steps in symbols_in(zoo, data, patched)]
        decoded = Decoder(zoo).decompress(data)
        header = parse(data).header
        told = {
            "digest": header.model and header.model.digest.hex(),
            "lossless_digest": header.lossless_model and header.lossless_model.digest.hex(),
            "quality64": header.quality64,
            "roi_quality64": header.roi_quality64,
            "top_quality": header.top_quality,
            "mask": header.mask.astype(int).tolist(),
            "checks": checks,
        }
        path.write_bytes(data)
        path.with_suffix(".json").write_text(json.dumps(told) + "\n")
        png = write_picture(decoded.pixels, "png", metadata=picture.metadata)
        path.with_suffix(".png").write_bytes(png)
        print(f"{path.name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
