"""A region is a crop of the whole picture, and reads no more than it shows."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec import grid as grid_module
from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BadParameter
from service.runtime.zoo import Zoo
from tests.service.codec.coding import picture_of, same_symbols, symbols_in
from tests.service.codec.lossy_files import (
    COLUMNS,
    HEIGHT,
    ROWS,
    WIDTH,
    flipped,
    near,
    with_streams,
)
from tests.service.codec.patch_areas import Region, crop

REGIONS: list[Region] = [
    (0, 0, 1, 1),
    (899, 699, 1, 1),
    (300, 270, 100, 60),  # inside one patch
    (250, 250, 12, 12),  # over a corner of four
    (0, 0, 256, 256),
    (177, 0, 600, 33),
    (700, 100, 200, 600),  # to the right and lower border
    (513, 255, 3, 258),
    (0, 0, 900, 700),
]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("tile", [256, 1024])
def test_a_region_is_a_crop_of_the_whole(
    decoder: Decoder,
    blade: bytes,
    whole: np.ndarray,
    region: Region,
    tile: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grid_module, "TILE", tile)
    decoded = decoder.decompress(blade, DecompressOptions(region=region))
    assert np.array_equal(decoded.pixels, crop(whole, region))
    assert decoded.report["region"] == list(region)
    assert (decoded.report["width"], decoded.report["height"]) == region[2:]
    assert decoded.report["damaged"] == []


@pytest.mark.parametrize("region", REGIONS[:8])
def test_a_region_reads_its_halo_and_nothing_else(
    zoo: Zoo, blade: bytes, whole: np.ndarray, region: Region
) -> None:
    """All other streams may be broken: neither the pixels nor the report know."""
    decoder = Decoder(zoo)
    x, y, width, height = region
    halo = zoo.by_name(None).anatomy.synthesis_halo
    reached = np.zeros((ROWS, COLUMNS), bool)
    top, left = max(y - halo, 0) // 256, max(x - halo, 0) // 256
    reached[top : (y + height + halo - 1) // 256 + 1, left : (x + width + halo - 1) // 256 + 1] = 1
    assert not reached.all()
    broken = with_streams(
        blade,
        lambda kind, number, data: (
            flipped(data) if kind == "patch" and not reached.flat[number] else data
        ),
    )
    decoded = decoder.decompress(broken, DecompressOptions(region=region, strict=True))
    assert np.array_equal(decoded.pixels, crop(whole, region))
    assert decoded.report["damaged_streams"] == []
    coded = np.array([entry.length > 0 for entry in parse(blade).patches])
    found = decoder.decompress(broken).report["damaged_streams"]
    assert found == np.flatnonzero(coded & ~reached.ravel()).tolist() != []


def test_regions_outside_are_refused(decoder: Decoder, blade: bytes) -> None:
    for region in [(900, 0, 1, 1), (0, 0, 901, 1), (-1, 0, 2, 2), (0, 0, 2**40, 2**40)]:
        with pytest.raises(BadParameter, match="not within 900x700"):
            decoder.decompress(blade, DecompressOptions(region=region))


def test_blade_alone(decoder: Decoder, blade: bytes, whole: np.ndarray) -> None:
    decoded = decoder.decompress(blade, DecompressOptions(roi_only=True))
    mask = np.kron(parse(blade).header.mask, np.ones((256, 256), bool))[:HEIGHT, :WIDTH]
    assert np.array_equal(decoded.pixels[mask], whole[mask])
    assert not decoded.pixels[~mask].any()
    region = (100, 200, 300, 300)
    part = decoder.decompress(blade, DecompressOptions(region=region, roi_only=True))
    assert np.array_equal(part.pixels, crop(decoded.pixels, region))
    # Background too far off to matter may be broken, and is not named where it is not shown.
    numbers = set(np.flatnonzero(parse(blade).header.mask).tolist())
    far = set(range(ROWS * COLUMNS)) - set(near(numbers, ROWS, COLUMNS))
    assert far
    broken = with_streams(
        blade, lambda kind, n, data: flipped(data) if kind == "patch" and n in far else data
    )
    again = decoder.decompress(broken, DecompressOptions(roi_only=True, strict=True))
    assert np.array_equal(again.pixels, decoded.pixels)


def test_no_seam_between_tiles(zoo: Zoo, wide: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coded and decoded in tiles of 256: the same symbols and the same picture."""
    picture = picture_of(wide[:600, :400])
    options = CompressOptions(mode="lossy", quality=3.0)
    one = Encoder(zoo).compress(picture, "none", options).data
    monkeypatch.setattr(grid_module, "TILE", 256)
    many = Encoder(zoo).compress(picture, "none", options).data
    assert same_symbols(symbols_in(zoo, one, monkeypatch), symbols_in(zoo, many, monkeypatch))
    tiled = Decoder(zoo).decompress(one).pixels.astype(int)
    monkeypatch.setattr(grid_module, "TILE", 2048)
    assert np.abs(tiled - Decoder(zoo).decompress(one).pixels).max() <= 1
