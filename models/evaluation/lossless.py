"""Blades bit for bit: real files of every lossless model, and the peers on the same pixels."""

from __future__ import annotations

import importlib
import importlib.util
import io
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from models.evaluation import environment
from models.evaluation.latents import evidence_bound
from models.evaluation.masks import mask_of, pixels_of
from models.evaluation.rate_distortion import read_folder
from service.cli.exact_peers import ExactPeer, exact_peers, measure
from service.codec.container.jpeg_fields import JpegSteps
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.grid import Grid
from service.codec.jpeg_coder import JpegCoder
from service.codec.lossless import BATCH, LosslessCoder
from service.codec.options import CompressOptions, DecompressOptions, Mask
from service.codec.patch_mask import PATCH
from service.errors import BadParameter
from service.pictures import Metadata, Picture
from service.pictures.jpeg_blocks import read_blocks
from service.pictures.jpeg_entropy import compile_decoder
from service.runtime.card import LosslessModelCard
from service.runtime.jpeg_model import JpegModel
from service.runtime.latent_model import LatentModel
from service.runtime.lossless_answers import AnyLossless
from service.runtime.zoo import Zoo
from service.settings import Settings

MODEL_PREFIX = "bladestream "
TRANSCODED = "jpeg xl e7 of the jpeg"

DEFINITIONS = {
    "pixels": "of the blade patches (256x256, cut at the picture's borders); all codecs get these",
    "bytes": "of the whole file that holds nothing but the blade, headers and all; peers code "
    "rectangles of patches, a file each",
    "model_bytes": "what the model says the pixels cost: the cross-entropy in the integer tables, "
    "with latents the evidence lower bound",
    "bpp": "bits a blade pixel, all channels together",
    TRANSCODED: "the posted file transcoded without loss; it gives back the file, and its pixels "
    "are not compared",
    "posted_bytes": "of the picture's own file, all pixels of it",
    "seconds": "wall clock from pixels to the bytes of the file and back, without verification",
    "kilo_multiply_adds": "a pixel, as the model's card has them",
}


def evaluate(images: Path, masks: Path | None, settings: Settings) -> dict[str, Any]:
    """Code the blades of a folder of pictures with every lossless model and every peer.

    Parameters
    ----------
    images
        Folder of pictures.
    masks
        Folder of masks, each named as its picture but for the ending; None means that all is
        blade.

    Returns
    -------
    dict
        JSON-able: pictures, machine, versions, and of every codec each picture's figures, their
        mean and their total.

    Raises
    ------
    ValueError
        There is no picture, no lossless model, a picture without a mask, or a pixel that does not
        come back.
    BladestreamError
        A picture or mask cannot be read, or a model cannot run.
    """
    zoo = Zoo.open(settings)
    models = newest(zoo)
    if not models:
        raise ValueError("the zoo has no lossless model")
    codecs: dict[str, dict[str, Any]] = {}
    for title, model in models.items():
        codecs[title] = {
            "version": f"{model.card.name}/{model.card.version}",
            "kilo_multiply_adds": _operations(model.card),
        }
    peers = exact_peers()
    codecs |= {peer.name: {} for peer in peers} | {TRANSCODED: {}}
    rows: dict[str, list[dict[str, float]]] = {title: [] for title in codecs}
    pictures: dict[str, dict[str, Any]] = {}
    for each in tqdm(read_folder(images, settings), desc="pictures", unit="", disable=None):
        blade = mask_of(each, masks, settings)
        if not pictures:
            _warm_up(zoo, models)
        for title, model in models.items():
            try:
                row, patches = _ours(zoo, model, each.picture, blade, settings)
            except BadParameter:  # not a JPEG whose coefficients it could code
                continue
            rows[title].append(row)
        pixels = int(pixels_of(patches, each.picture).sum())
        if patches.all() and (transcoded := _transcoded(each.picture)) is not None:
            rows[TRANSCODED].append(transcoded)
        pictures[each.name] = {
            "width": each.picture.width,
            "height": each.picture.height,
            "sha256": each.sha256,
            "posted_bytes": each.picture.source_bytes,
            "pixels": pixels,
        }
        for peer in peers:
            rows[peer.name].append(_theirs(peer, each.picture.pixels, patches))
    counts = [told["pixels"] for told in pictures.values()]
    for title, found in rows.items():
        if len(found) == len(counts):
            codecs[title] |= _figures(found, counts)
        else:  # not for all of these pictures
            del codecs[title]
    return {
        "definitions": DEFINITIONS,
        "images": {
            "folder": images.resolve().name,
            "masks": masks is not None,
            "pictures": pictures,
        },
        "machine": environment.machine(),
        "versions": environment.versions(),
        "codecs": codecs,
    }


def newest(zoo: Zoo) -> dict[str, AnyLossless]:
    """Every lossless model of a zoo, in its newest version, by the name that results give it."""
    names = sorted({str(card["name"]) for card in zoo.models() if card["kind"] == "lossless"})
    return {MODEL_PREFIX + name: zoo.lossless(name) for name in names}


def _operations(card: LosslessModelCard) -> object:
    """Of all networks together, where a card tells them apart."""
    told = card.quality.get("kilo_multiply_adds_per_pixel")
    return told.get("all") if isinstance(told, dict) else told


def _ours(
    zoo: Zoo,
    model: AnyLossless,
    picture: Picture,
    blade: Mask,
    settings: Settings,
) -> tuple[dict[str, float], NDArray[np.bool_]]:
    """Figures of a file of the blade alone, and the patches that it holds."""
    options = CompressOptions(
        mode="roi-only", lossless_model=model.card.name, metadata="strip", verify=False
    )
    started = time.perf_counter()
    file = Encoder(zoo).compress(picture, blade, options).data
    encoded = time.perf_counter()
    decoder = Decoder(zoo, settings.max_pixels)
    decoded = decoder.decompress(file, DecompressOptions(strict=True)).pixels
    ended = time.perf_counter()
    patches = parse(file, max_pixels=settings.max_pixels).header.mask
    shown = pixels_of(patches, picture)
    if not shown.any():
        raise ValueError("a picture has no blade")
    if not np.array_equal(decoded[shown], picture.pixels[shown]):
        raise ValueError(f"{model.card.name} does not give back the pixels it was given")
    grid = Grid(picture.width, picture.height)
    numbers = [int(number) for number in np.flatnonzero(patches)]
    return {
        "bytes": len(file),
        "model_bytes": round(_bits(model, picture, grid, numbers) / 8, 1),
        "encode_seconds": encoded - started,
        "decode_seconds": ended - encoded,
    }, patches


def _bits(model: AnyLossless, picture: Picture, grid: Grid, numbers: Sequence[int]) -> float:
    batches = [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]
    if isinstance(model, JpegModel):
        blocks = None if picture.jpeg is None else read_blocks(picture.jpeg)
        assert blocks is not None  # since it was just coded
        of_blocks = JpegCoder(model, grid, JpegSteps(blocks.sampling, blocks.steps))
        return sum(of_blocks.bits(blocks, batch) for batch in batches)
    pixels = picture.pixels
    if isinstance(model, LatentModel):
        parts = (np.ascontiguousarray(pixels[grid.patch(number).slices]) for number in numbers)
        return sum(evidence_bound(model, part) for part in parts)
    coder = LosslessCoder(model, grid, pixels.ndim == 2)
    return sum(coder.bits(pixels, batch) for batch in batches)


def _transcoded(picture: Picture) -> dict[str, float] | None:
    """Figures of JPEG XL's lossless transcoding of a picture's own JPEG; None without either."""
    if picture.jpeg is None or importlib.util.find_spec("pillow_jxl") is None:
        return None
    importlib.import_module("pillow_jxl")  # registers the format with Pillow
    out = io.BytesIO()
    # The plug-in transcodes what lies in a file; other pictures it would code anew, lossily.
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(picture.jpeg)
        file.flush()
        started = time.perf_counter()
        with Image.open(file.name) as image:
            image.save(out, "JXL", lossless_jpeg=True, effort=7)
    encoded = time.perf_counter()
    with Image.open(io.BytesIO(out.getvalue())) as image:
        back = bool(getattr(image, "jpeg", False))
        image.load()
    ended = time.perf_counter()
    if not back:
        raise ValueError("JPEG XL's transcoding does not give back the JPEG")
    return {
        "bytes": len(out.getvalue()),
        "encode_seconds": encoded - started,
        "decode_seconds": ended - encoded,
    }


def _theirs(
    peer: ExactPeer, pixels: NDArray[np.uint8], patches: NDArray[np.bool_]
) -> dict[str, float]:
    found = measure(peer, pixels, patches)
    return {
        "bytes": found["bytes"],
        "encode_seconds": found["compress_seconds"],
        "decode_seconds": found["decompress_seconds"],
    }


def _figures(rows: Sequence[dict[str, float]], counts: Sequence[int]) -> dict[str, Any]:
    """One list a figure, over pictures; then means and totals."""
    figures: dict[str, Any] = {
        name: [round(row[name], 3) for row in rows] for name in rows[0] if name.endswith("bytes")
    }
    rates = [8 * row["bytes"] / count for row, count in zip(rows, counts, strict=True)]
    total = 8 * sum(row["bytes"] for row in rows) / sum(counts)
    figures |= {
        "bpp": [round(rate, 4) for rate in rates],
        "mean_bpp": round(float(np.mean(rates)), 4),
        "total_bpp": round(total, 4),
    }
    if "model_bytes" in rows[0]:
        bits = 8 * sum(row["model_bytes"] for row in rows)
        figures["total_model_bpp"] = round(bits / sum(counts), 4)
    for verb in ("encode", "decode"):
        seconds = sum(row[f"{verb}_seconds"] for row in rows)
        figures[f"{verb}_seconds_a_megapixel"] = round(1e6 * seconds / sum(counts), 3)
    return figures


def _warm_up(zoo: Zoo, models: dict[str, AnyLossless]) -> None:
    """Code a flat patch, so that the first picture does not pay for what is done once."""
    flat = Picture(np.full((PATCH, PATCH, 3), 128, np.uint8), Metadata(), "png", 0)
    for model in models.values():
        if isinstance(model, JpegModel):
            compile_decoder()
            continue
        options = CompressOptions(mode="roi-only", lossless_model=model.card.name, verify=False)
        Encoder(zoo).compress(flat, "full", options)
