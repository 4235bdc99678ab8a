"""What inspect says is what the file holds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from service.codec.container.parser import parse
from service.codec.encoder import Encoder
from service.codec.inspection import inspect
from service.codec.options import CompressOptions
from service.errors import BadStream
from service.pictures import Metadata
from service.runtime.zoo import Zoo
from tests.service.codec.coding import picture_of, textured

METADATA = Metadata(exif=b"II*\0" + bytes(30), xmp=None, icc=b"profile")


@pytest.fixture(scope="module")
def data(encoder: Encoder) -> bytes:
    mask = np.zeros((300, 520), bool)
    mask[10, 10] = True
    options = CompressOptions(mode="lossy", quality=2.0, roi_quality=5.5)
    return encoder.compress(picture_of(textured(300, 520), METADATA), mask, options).data


def test_keys(data: bytes, zoo: Zoo) -> None:
    found = json.loads(json.dumps(inspect(data, zoo)))
    card = zoo.by_name(None).card
    assert (found["width"], found["height"]) == (520, 300)
    assert (found["mode"], found["grey"]) == ("lossy", False)
    assert (found["quality"], found["roi_quality"], found["top_quality"]) == (2.0, 5.5, 2)
    assert found["models"] == [
        {"name": card.name, "version": card.version, "digest": card.digest.hex(), "known": True}
    ]
    assert found["bytes"] == found["bytes_present"] == len(data)
    assert found["bpp"] == pytest.approx(8 * len(data) / (520 * 300), abs=1e-3)
    assert found["metadata"] == {"exif": 34, "xmp": 0, "icc": 7}
    assert (found["truncated"], found["damaged_chunks"]) == (False, [])
    assert found["bands"] == 1
    assert found["blade_share"] == pytest.approx(1 / 6, abs=1e-3)
    assert 1 <= found["mask_bytes"] <= 2


def test_all_bytes_are_accounted_for(data: bytes) -> None:
    found = inspect(data)
    chunks = found["chunks"]
    assert isinstance(chunks, dict)
    assert sum(chunks.values()) == len(data)
    assert list(chunks) == ["index", "levels", "patches", "exif", "icc"]
    patches = found["patches"]
    assert isinstance(patches, dict)
    assert (patches["rows"], patches["columns"]) == (2, 3)
    assert (patches["blade"]["count"], patches["background"]["count"]) == (1, 5)
    assert patches["blade"]["bytes"] + patches["background"]["bytes"] == chunks["patches"]
    blade = parse(data)
    assert patches["blade"]["bytes"] == patches["blade"]["largest"] == blade.patches[0].length
    assert patches["background"]["largest"] == max(entry.length for entry in blade.patches[1:])


def test_nothing_is_known_without_a_zoo(data: bytes) -> None:
    assert inspect(data)["models"][0]["known"] is None  # type: ignore[index]


def test_an_unknown_model_is_no_obstacle(data: bytes, zoo: Zoo, monkeypatch) -> None:
    monkeypatch.setattr(zoo, "_cards", {})
    assert inspect(data, zoo)["models"][0]["known"] is False  # type: ignore[index]


def test_no_blade(encoder: Encoder) -> None:
    picture = picture_of(textured(20, 20))
    found = inspect(encoder.compress(picture, "none", CompressOptions(mode="lossy")).data)
    assert found["patches"]["blade"] == {"count": 0, "bytes": 0, "largest": 0}  # type: ignore[index]


def test_damage_and_truncation_show(data: bytes) -> None:
    found = inspect(data[:-3])
    assert (found["truncated"], found["damaged_chunks"]) == (True, ["icc"])
    assert (found["bytes"], found["bytes_present"]) == (len(data), len(data) - 3)
    damaged = bytearray(data)
    damaged[parse(data).chunks["patches"].offset] ^= 1
    assert inspect(bytes(damaged))["damaged_chunks"] == ["patches"]


def test_what_is_no_file_is_refused(data: bytes) -> None:
    for wrong in (b"", b"P6 1 1 255 abc", data[:20]):
        with pytest.raises(BadStream):
            inspect(wrong)
    with pytest.raises(BadStream, match="520x300"):
        inspect(data, max_pixels=520 * 300 - 1)
