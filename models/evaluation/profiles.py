"""The profiles beside each other: real files of the same pictures, their bits and their seconds."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from models.evaluation import environment
from models.evaluation.closeups import Closeup, closeup_of
from models.evaluation.masks import is_mask, mask_of, pixels_of
from models.evaluation.rate_distortion import NamedPicture, read_folder
from service.cli.distortion import psnr
from service.cli.layers import LAYERS, bytes_by_layer
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.inspection import inspect
from service.codec.options import CompressOptions, DecompressOptions, Mask
from service.codec.patch_mask import PATCH
from service.codec.profiles import PROFILES, Profile
from service.pictures import Limits, Picture, read_picture
from service.runtime.zoo import Zoo
from service.settings import Settings

DEFINITIONS = {
    "layers": "bytes of whole files; background: its patches' streams, lent ones too; upper "
    "levels: of the whole picture; below the exact blade: the lossy layer's blade patches; blade: "
    "exact, with filler, without what it was lent",
    "background_bpp": "background and upper levels, bits a pixel of the background's patches",
    "blade_bpp": "blade, bits a pixel of the blade's patches, all channels together",
    "background_psnr": "dB, of the background's patches, mean of pictures; both profiles at the "
    "same quality number, which is not the same PSNR",
    "seconds_a_megapixel": "wall clock by stage over all pixels, on models that are loaded; with "
    "verification, as files are made unless told otherwise",
}

CLOSEUPS = 2  # pictures whose blade is shown from near

Row = dict[str, Any]


def evaluate(images: Path, masks: Path, settings: Settings) -> tuple[dict[str, Any], list[Closeup]]:
    """Code a folder of pictures with each profile: an exact blade in a lossy background.

    Parameters
    ----------
    images
        Folder of pictures.
    masks
        Folder of their masks (``masks.mask_of``).

    Returns
    -------
    dict
        JSON-able: pictures, machine, versions, and of every profile its models, totals, and each
        picture's figures.
    list[Closeup]
        Pieces of blade of the first pictures, by the models of ``roi-eml``.

    Raises
    ------
    ValueError
        There is no picture, or a blade pixel does not come back.
    BladestreamError
        A picture or mask cannot be read, or a model cannot run.
    """
    zoo = Zoo.open(settings)
    rows: dict[Profile, list[Row]] = {profile: [] for profile in PROFILES}
    closeups: list[Closeup] = []
    described: dict[str, dict[str, Any]] = {}
    for each in tqdm(_photographs(images, settings), desc="pictures", unit="", disable=None):
        blade = mask_of(each, masks, settings)
        if not described:
            _warm_up(zoo, settings)
        for profile in PROFILES:
            rows[profile].append(_row(zoo, each.picture, blade, profile, settings))
        first = rows["default"][-1]
        described[each.name] = {
            "width": each.picture.width,
            "height": each.picture.height,
            "sha256": each.sha256,
            "posted_bytes": each.picture.source_bytes,
            "blade_pixels": first["blade_pixels"],
        }
        if len(closeups) < CLOSEUPS and first["blade_pixels"]:
            bits = rows["roi-eml"][-1]["blade_bpp"]
            closeups.append(closeup_of(zoo, each, blade, bits, settings))
    if not described:
        raise ValueError(f"{images}: no picture that can be read")
    pixels = sum(told["width"] * told["height"] for told in described.values())
    report = {
        "definitions": DEFINITIONS,
        "images": {"folder": images.resolve().name, "pictures": described},
        "provider": zoo.provider,
        "machine": environment.machine(),
        "versions": environment.versions(),
        "profiles": {profile: _summed(found, pixels) for profile, found in rows.items()},
        "closeups": [each.report() for each in closeups],
    }
    return report, closeups


def _photographs(images: Path, settings: Settings) -> Iterator[NamedPicture]:
    return (each for each in read_folder(images, settings) if not is_mask(each.name))


def _row(zoo: Zoo, picture: Picture, blade: Mask, profile: Profile, settings: Settings) -> Row:
    """Figures of one file."""
    options = CompressOptions(profile=profile, metadata="strip", dilation=settings.dilation_pixels)
    coded = Encoder(zoo).compress(picture, blade, options)
    strict = DecompressOptions(strict=True)
    decoded = Decoder(zoo, settings.max_pixels).decompress(coded.data, strict)
    told: Any = inspect(coded.data, zoo, max_pixels=settings.max_pixels)
    exact = pixels_of(parse(coded.data, max_pixels=settings.max_pixels).header.mask, picture)
    if not np.array_equal(decoded.pixels[exact], picture.pixels[exact]):
        raise ValueError(f"{profile} does not give back the blade that it was given")
    layers = bytes_by_layer(told)
    pixels = {"blade_pixels": int(exact.sum()), "background_pixels": int((~exact).sum())}
    lossless = told["lossless"] or {}
    background = layers["background"] + layers["upper levels"]
    return {
        "models": [f"{model['name']}/{model['version']}" for model in told["models"]],
        "bytes": len(coded.data),
        "layers": layers,
        **pixels,
        "background_bpp": _bpp(background, pixels["background_pixels"]),
        "background_psnr": _rounded(psnr(picture.pixels, decoded.pixels, ~exact)),
        "blade_bpp": _bpp(layers["blade"], pixels["blade_pixels"]),
        **{key: lossless.get(key, 0) for key in ("lent_patches", "lent_bytes", "filler_bytes")},
        "encode_seconds": _stages(coded.report),
        "decode_seconds": _stages(decoded.report),
    }


def _stages(report: dict[str, object]) -> dict[str, float]:
    seconds: Any = report["seconds"]
    return {stage: round(value, 4) for stage, value in seconds.items()}


def _bpp(size: int, pixels: int) -> float | None:
    return round(8 * size / pixels, 4) if pixels else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _summed(rows: Sequence[Row], pixels: int) -> dict[str, Any]:
    """All pictures together, then each."""
    layers = {layer: sum(row["layers"][layer] for row in rows) for layer in LAYERS}
    background = layers["background"] + layers["upper levels"]
    noises = [row["background_psnr"] for row in rows if row["background_psnr"] is not None]
    return {
        "models": max((row["models"] for row in rows), key=len),
        "bytes": sum(row["bytes"] for row in rows),
        "bpp": _bpp(sum(row["bytes"] for row in rows), pixels),
        "layers": layers,
        "background_bpp": _bpp(background, sum(row["background_pixels"] for row in rows)),
        "background_psnr": _rounded(fmean(noises)) if noises else None,
        "blade_bpp": _bpp(layers["blade"], sum(row["blade_pixels"] for row in rows)),
        "seconds_a_megapixel": {
            verb: _a_megapixel([row[f"{verb}_seconds"] for row in rows], pixels)
            for verb in ("encode", "decode")
        },
        "pictures": list(rows),
    }


def _a_megapixel(rows: Sequence[dict[str, float]], pixels: int) -> dict[str, float]:
    """Seconds of each stage over all pictures, the whole of them last."""
    stages = {stage: None for row in rows for stage in row if stage != "total"}
    return {
        stage: round(1e6 * sum(row.get(stage, 0.0) for row in rows) / pixels, 3)
        for stage in (*stages, "total")
    }


def _warm_up(zoo: Zoo, settings: Settings) -> None:
    """Code a small JPEG, so that the first one does not pay for what is done once."""
    out = io.BytesIO()
    Image.fromarray(np.full((PATCH, 2 * PATCH, 3), 128, np.uint8)).save(out, "JPEG")
    flat = read_picture(out.getvalue(), limits=Limits.from_settings(settings))
    blade = np.zeros(flat.pixels.shape[:2], bool)
    blade[:, :PATCH] = True
    for profile in PROFILES:
        data = Encoder(zoo).compress(flat, blade, CompressOptions(profile=profile, dilation=0)).data
        Decoder(zoo).decompress(data)
