"""Files of all versions and models decode for ever, to the same symbols."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.integrity import crc32c_of_symbols
from service.pictures import Limits, read_picture
from service.runtime.zoo import Zoo
from tests.service.codec.coding import symbols_in

FILES = sorted((Path(__file__).parents[2] / "golden").glob("*.blade"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_decodes_as_it_did(
    path: Path, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = path.read_bytes()
    told = json.loads(path.with_suffix(".json").read_text())
    header = parse(data).header
    models = {"digest": header.model, "lossless_digest": header.lossless_model}
    for key, model in models.items():
        assert (model and model.digest.hex()) == told.get(key)
    assert [header.quality64, header.roi_quality64, header.top_quality] == [
        told["quality64"],
        told["roi_quality64"],
        told["top_quality"],
    ]
    assert header.mask.astype(int).tolist() == told["mask"]
    checks = [crc32c_of_symbols(*steps) for steps in symbols_in(zoo, data, monkeypatch)]
    assert checks == told["checks"]
    limits = Limits(2**24, 2**20, 2**12)
    first = read_picture(path.with_suffix(".png").read_bytes(), limits=limits)
    decoded = Decoder(zoo).decompress(data)
    assert decoded.pixels.shape == first.pixels.shape
    assert np.abs(decoded.pixels.astype(int) - first.pixels).max() <= 1
    if header.lossless_model:
        assert decoded.report["exact"] is True
        blade = np.kron(header.mask, np.ones((256, 256), bool))
        blade = blade[: header.height, : header.width]
        assert np.array_equal(decoded.pixels[blade], first.pixels[blade])
    assert decoded.metadata == first.metadata
