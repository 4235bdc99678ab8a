"""How large a file with an exact blade is, who gives way, and where its bytes are shown."""

from __future__ import annotations

import json

import numpy as np
import pytest

from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Compressed, Encoder
from service.codec.inspection import inspect
from service.codec.options import CompressOptions
from service.errors import TargetUnreachable
from service.runtime.zoo import Zoo
from tests.service.codec.coding import picture_of, textured
from tests.service.codec.patch_areas import blade_area

pytestmark = pytest.mark.usefixtures("base_chain")


def test_a_target_is_met_by_the_background_alone(
    base_encoder: Encoder,
    base_decoder: Decoder,
    wavy: np.ndarray,
    wavy_mask: np.ndarray,
    wavy_file: Compressed,
) -> None:
    qualities = []
    for more in (-700, 1500, 4000):
        target = len(wavy_file.data) + more
        compressed = base_encoder.compress(
            picture_of(wavy), wavy_mask, CompressOptions(mode="lossless", target_bytes=target)
        )
        rest = target - compressed.report["blade_bytes"]
        assert 0 <= target - len(compressed.data) <= 0.03 * rest + 100
        qualities.append(compressed.report["quality"])
        decoded = base_decoder.decompress(compressed.data)
        assert np.array_equal(decoded.pixels[blade_area()], wavy[blade_area()])
    assert qualities == sorted(set(qualities))


@pytest.mark.parametrize("mode", ["lossless", "roi-only"])
@pytest.mark.parametrize("where", ["full", "blade"])
def test_what_an_exact_blade_needs_is_the_minimum(
    base_encoder: Encoder, wavy: np.ndarray, wavy_mask: np.ndarray, mode: str, where: str
) -> None:
    given = "full" if where == "full" else wavy_mask
    with pytest.raises(TargetUnreachable) as refused:
        options = CompressOptions(mode=mode, target_bytes=1000)
        base_encoder.compress(picture_of(wavy), given, options)
    minimum = refused.value.extra["minimum_bytes"]
    options = CompressOptions(mode=mode, target_bytes=minimum)
    compressed = base_encoder.compress(picture_of(wavy), given, options)
    assert len(compressed.data) == minimum


def test_a_file_larger_than_its_source_is_said(base_encoder: Encoder) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    compressed = base_encoder.compress(picture_of(noise), "full", CompressOptions(mode="lossless"))
    assert compressed.report["larger_than_source"] is True
    assert compressed.report["raw_patches"] == 1
    assert any("larger" in warning for warning in compressed.report["warnings"])


def test_overhead_of_a_512_picture(base_encoder: Encoder) -> None:
    """All but latents, blade, mask and metadata; coder states and checks are in the streams."""
    pixels = textured(512, 512)
    mask = np.zeros((512, 512), bool)
    mask[100, 100] = True
    for given in (mask, "full"):
        blade = parse(
            base_encoder.compress(picture_of(pixels), given, CompressOptions(mode="lossless")).data
        )
        payload = sum(entry.length for entry in [*blade.bands, *blade.patches])
        payload += sum(entry.length for entry in blade.lossless.values())
        assert blade.declared_length - payload <= 160


def test_inspection_shows_where_the_blade_is(
    base_zoo: Zoo, wavy_file: Compressed, base_encoder: Encoder, wavy: np.ndarray
) -> None:
    told = inspect(wavy_file.data, base_zoo)
    assert told["mode"] == "lossless"
    assert [model["name"] for model in told["models"]] == ["lite", "base"]
    blade = parse(wavy_file.data)
    lengths = [entry.length for entry in blade.lossless.values()]
    assert told["lossless"] == {
        "count": 3,
        "bytes": sum(lengths),
        "largest": max(lengths),
        "raw": 0,
        "jpeg": None,
        "blade_pixels": blade_area().sum(),
        "blade_bpp": wavy_file.report["blade_bpp"],
        "lent_patches": 0,
        "lent_bytes": 0,
        "filler_bytes": 0,
        "stacks": [],
    }
    assert sum(told["chunks"].values()) == told["bytes"] == len(wavy_file.data)
    full = inspect(
        base_encoder.compress(picture_of(wavy), "full", CompressOptions(mode="lossless")).data
    )
    assert (full["quality"], full["patches"]["blade"]["bytes"]) == (None, 0)
    json.dumps([told, full])
