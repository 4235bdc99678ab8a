"""A codec that keeps pixels as they are, and misbehaves when the model's name asks for it."""

from __future__ import annotations

import hashlib
import os
import struct
import time
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from service.api.worker.codec import Codec
from service.errors import BadParameter, BadStream, ModelUnavailable
from service.pictures import Metadata
from service.segmentation.pipeline import Segmenter
from tests.service.segmentation.bright import BrightModel

STUCK = "FAKE_CODEC_STUCK"
"""Environment variable: a file that a job makes when it is about to hold the device for good."""
_HEAD = struct.Struct("<4sIII")
_DIGEST = hashlib.sha256(b"fake").hexdigest()


class Panic(BaseException):
    """Like a native library's panic: not an Exception."""


def _misbehave(model, checkpoint):
    if model == "slow":
        model = "tiles-60"
    if model and model.startswith("tiles-"):
        total = int(model.removeprefix("tiles-"))
        for done in range(total):
            checkpoint("tile", done, total)
            time.sleep(0.05)
    elif model == "stuck":
        if STUCK in os.environ:
            Path(os.environ[STUCK]).touch()
        time.sleep(600)
    elif model == "busy":
        # Native code that holds this process's interpreter, not the service's.
        sum(range(150_000_000))
    elif model == "panic":
        raise Panic("a native panic")
    elif model == "dies":
        os._exit(139)
    elif model == "memory":
        raise MemoryError
    elif model == "bug":
        raise KeyError("secret detail")


class FakeEncoder:
    def compress(self, picture, mask, options, checkpoint):
        _misbehave(options.model, checkpoint)
        height, width = picture.pixels.shape[:2]
        head = _HEAD.pack(b"FAKE", width, height, picture.pixels.ndim)
        data = head + zlib.compress(picture.pixels.tobytes(), 1)
        share = float(mask.mean()) if isinstance(mask, np.ndarray) else float(mask == "full")
        report = {
            "bytes": len(data),
            "bpp": 8 * len(data) / (width * height),
            "width": width,
            "height": height,
            "mode": options.mode or "lossless",
            "profile": options.profile,
            "model": options.model or "fake",
            "quality": options.quality or 3.0,
            "roi_quality": options.roi_quality or 6.0,
            "blade_share": share,
            "mask_bytes": 0,
            "seconds": {"transform": 0.001, "entropy": 0.001, "total": 0.002},
            "conversions": list(picture.conversions),
            "source_bytes": picture.source_bytes,
            "verified": options.verify,
            "progressive": options.progressive,
            "warnings": [],
            "larger_than_source": len(data) > picture.source_bytes,
        }
        return SimpleNamespace(data=data, report=report)


def _parse(data):
    if len(data) < _HEAD.size or data[:4] != b"FAKE":
        raise BadStream("this is not a .blade file")
    _, width, height, axes = _HEAD.unpack_from(data)
    shape = (height, width, 3) if axes == 3 else (height, width)
    try:
        pixels = np.frombuffer(zlib.decompress(data[_HEAD.size :]), np.uint8).reshape(shape)
    except (zlib.error, ValueError) as error:
        raise BadStream("the file is truncated or damaged") from error
    return width, height, pixels


class FakeDecoder:
    def decompress(self, data, options, checkpoint):
        width, height, pixels = _parse(data)
        checkpoint("tile", 1, 1)
        # So that a test can ask for damage without a stream that has any.
        damaged = 1000 if options.roi_only else 0
        if options.region is not None:
            left, top, wide, high = options.region
            if left + wide > width or top + high > height:
                raise BadParameter("the region is not inside the picture")
            pixels = pixels[top : top + high, left : left + wide]
        report = {
            "width": pixels.shape[1],
            "height": pixels.shape[0],
            "region": list(options.region or (0, 0, width, height)),
            "mode": "lossy",
            "model": "fake",
            "quality": 3.0,
            "exact": True,
            "damaged": list(range(damaged)),
            "truncated": False,
            "seconds": {"entropy": 0.001, "total": 0.001},
        }
        pixels = np.ascontiguousarray(pixels)
        return SimpleNamespace(pixels=pixels, metadata=Metadata(None, None, None), report=report)


class FakeZoo:
    provider = "cpu"

    def models(self):
        return [{"name": "fake", "version": "1", "digest": _DIGEST}]

    def health(self):
        return {"known_answers": "right", "device_memory_bytes": 4096, "segmentation": True}


def _inspect(data):
    width, height, _ = _parse(data)
    return {
        "width": width,
        "height": height,
        "mode": "lossy",
        "models": [{"name": "fake", "version": "1", "digest": _DIGEST, "known": True}],
        "quality": 3.0,
        "roi_quality": 6.0,
        "bytes": len(data),
        "bpp": 8 * len(data) / (width * height),
        "chunks": {"pixels": len(data) - _HEAD.size},
        "patches": {
            "rows": 1,
            "columns": 1,
            "blade": {"count": 1, "bytes": len(data) - _HEAD.size, "largest": len(data)},
            "background": {"count": 0, "bytes": 0, "largest": 0},
        },
        "mask_bytes": 0,
        "truncated": False,
        "damaged_chunks": [],
    }


def open_codec(settings):
    return Codec(FakeEncoder(), FakeDecoder(), _inspect, FakeZoo(), Segmenter(BrightModel()))


class SlowModel(BrightModel):
    """Takes its time for each flipped picture."""

    def probability(self, pictures):
        time.sleep(0.5)
        return super().probability(pictures)


def open_slow_codec(settings):
    return Codec(FakeEncoder(), FakeDecoder(), _inspect, FakeZoo(), Segmenter(SlowModel()))


def open_blind_codec(settings):
    return Codec(FakeEncoder(), FakeDecoder(), _inspect, FakeZoo())


def open_broken_codec(settings):
    raise ModelUnavailable("the model gives wrong answers")
