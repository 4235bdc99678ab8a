"""Rate and distortion: the real encoder and decoder, and the peers, on a folder of pictures."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.evaluation import environment, peers, published
from models.evaluation.cache import PeerCache
from models.evaluation.points import Point, measure
from models.evaluation.summary import Codec, Measure, compare
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import UnsupportedPicture
from service.pictures import Limits, Picture, read_picture
from service.runtime.card import LossyModelCard
from service.runtime.zoo import Zoo
from service.settings import Settings

log = logging.getLogger(__name__)

DEFINITIONS = {
    "bpp": "8 * length of the file / pixels of the picture; metadata is not coded",
    "psnr": "dB, decoded 8-bit samples, channels taken together; null where nothing was lost",
    "ms_ssim": "mean of the values of R, G and B; null below 176 pixels a side",
    "curve": "means over pictures at equal settings",
    "bd_rate": "percent, PCHIP of log rate over PSNR, or over -10 log10(1 - MS-SSIM), on the "
    "shared range; of_curves compares the averaged curves, of_pictures is the mean over pictures "
    "of their own figures",
    "seconds": "wall clock from pixels to the bytes of the file and back, all settings together, "
    "of ours without verification; upper bounds where the machine had other work, too; peers' may "
    "be kept from an earlier run on this processor",
    "peers": "as an application gets them from Pillow: chroma is subsampled in JPEG, WebP and "
    "AVIF, which costs PSNR in RGB at high rates; AVIF at speed 6; JPEG 2000 with its colour "
    "transform, its quality_layers are compression ratios; AVIF and JPEG XL run on all cores, the "
    "others on one",
    "published": "averaged curves that others measured with reference encoders, not run here: AV1 "
    "so run is far ahead of AVIF from Pillow",
}


@dataclass(frozen=True)
class NamedPicture:
    """A picture of the folder: its file's name, and a digest of the file."""

    name: str
    sha256: str
    picture: Picture


def read_folder(folder: Path, settings: Settings) -> Iterator[NamedPicture]:
    """Every picture of a folder, by name, one at a time.

    Files that are no pictures are left out with a note.

    Raises
    ------
    ValueError
        There was no picture.
    BladestreamError
        One is damaged or larger than the settings allow.
    """
    limits, found = Limits.from_settings(settings), 0
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        data = path.read_bytes()
        try:
            picture = read_picture(data, limits=limits, convert=True)
        except UnsupportedPicture as error:
            log.warning("%s left out: %s", path.name, error)
            continue
        found += 1
        yield NamedPicture(path.name, hashlib.sha256(data).hexdigest(), picture)
    if not found:
        raise ValueError(f"{folder}: no picture that can be read")


def evaluate(
    images: Path,
    cache: Path,
    qualities: Sequence[float],
    model: str | None,
    settings: Settings,
    also: Sequence[str] = (),
    ms_ssim_model: str | None = None,
) -> dict[str, object]:
    """Code every picture of a folder with Bladestream and its peers.

    Parameters
    ----------
    images
        Folder of pictures, coded whole at each quality.
    cache
        Folder where the peers' points are kept.
    qualities
        1 to 8, ascending.
    model
        Name in the zoo; None is the default.
    also
        Names of others, each coded with and judged in PSNR beside it.
    ms_ssim_model
        Name of another, judged in MS-SSIM; without it the first model is judged in both.

    Returns
    -------
    dict
        JSON-able: pictures, machine, versions, every point, curves and BD-rates.

    Raises
    ------
    ValueError
        The folder holds no picture, or a model is named twice.
    BladestreamError
        A picture cannot be read, or a model cannot run.
    """
    zoo = Zoo.open(settings)
    tuned = [] if ms_ssim_model is None else [ms_ssim_model]
    cards = [zoo.by_name(name).card for name in (model, *also, *tuned)]
    ours = {f"bladestream-{card.name}": _codec(card, qualities) for card in cards}
    if len(ours) < len(cards):
        raise ValueError("each model is measured once: one of them is named twice")
    others, missing = peers.available()
    kept = PeerCache(cache)
    theirs = {
        peer.key: Codec(peer.title, peer.turned, list(peer.ladder), peer.version) for peer in others
    }
    described: dict[str, dict[str, object]] = {}
    for each in tqdm(read_folder(images, settings), desc="pictures", unit="", disable=None):
        pixels = each.picture.pixels
        size = (each.picture.width, each.picture.height)
        if not described:
            for card in cards:
                _warm_up(zoo, each.picture, card.name)
        described[each.name] = _described(each)
        for codec, card in zip(ours.values(), cards, strict=True):
            points = [_ours(zoo, each.picture, quality, card.name) for quality in qualities]
            codec.add(each.name, size, points)
        for peer in others:
            theirs[peer.key].add(each.name, size, kept.points(peer, pixels))
    judged: list[tuple[str, Measure]] = [(key, "psnr") for key in list(ours)[: 1 + len(also)]]
    judged.append((list(ours)[-1 if tuned else 0], "ms_ssim"))
    return {
        "definitions": DEFINITIONS,
        "images": {
            "folder": images.resolve().name,
            "pictures": described,
        },
        "models": {key: _named(card) for key, card in zip(ours, cards, strict=True)},
        "provider": zoo.provider,
        "machine": environment.machine(),
        "versions": environment.versions(),
        "peers_left_out": missing,
        **compare(ours, theirs, published.curves_for(described), judged),
    }


def _codec(card: LossyModelCard, qualities: Sequence[float]) -> Codec:
    version = f"{card.name}/{card.version}"
    return Codec(f"Bladestream {card.name}", "quality", list(qualities), version)


def _named(card: LossyModelCard) -> dict[str, str]:
    return {"name": card.name, "version": card.version, "digest": card.digest.hex()}


def _ours(zoo: Zoo, picture: Picture, quality: float, model: str) -> Point:
    """One file of ours: the whole picture at one quality."""
    options = CompressOptions(
        mode="lossy", quality=quality, model=model, metadata="strip", verify=False
    )
    started = time.perf_counter()
    file = Encoder(zoo).compress(picture, "full", options).data
    encoded = time.perf_counter()
    decoder = Decoder(zoo, max_pixels=picture.width * picture.height)
    decoded = decoder.decompress(file, DecompressOptions(strict=True)).pixels
    ended = time.perf_counter()
    return measure(picture.pixels, decoded, len(file), encoded - started, ended - encoded)


def _warm_up(zoo: Zoo, picture: Picture, model: str) -> None:
    """Code a corner, so that the first picture does not pay for what is done once."""
    corner: NDArray[np.uint8] = np.ascontiguousarray(picture.pixels[:256, :256])
    small = Picture(corner, picture.metadata, picture.source_format, 0, ())
    _ours(zoo, small, 4.0, model)


def _described(each: NamedPicture) -> dict[str, object]:
    told: dict[str, object] = {
        "width": each.picture.width,
        "height": each.picture.height,
        "sha256": each.sha256,
    }
    if each.picture.conversions:
        told["conversions"] = list(each.picture.conversions)
    return told
