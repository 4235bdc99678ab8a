"""Bytes of anyone: an error of the one family or a marked picture, in bounded memory."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from service.codec.container.fields import varint
from service.codec.container.layout import Stream
from service.codec.container.parser import Blade, parse
from service.codec.container.writer import pack
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.inspection import inspect
from service.codec.integrity import crc32c
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import BladestreamError, DamagedStream
from service.pictures import Metadata
from tests.service.codec.coding import picture_of, textured

MUTATIONS = 2_000
REGION = (30, 20, 2, 2)  # shown of each mutated picture: the rest of the work is the same
MEMORY = 24 * 2**20  # bytes; a sound file of this size takes a third of it


@pytest.fixture(scope="module")
def tiny(encoder: Encoder) -> bytes:
    """A file of one patch with few groups of symbols, and metadata: quick to decode."""
    rows, columns = np.mgrid[0:40, 0:64]
    wave = 40 * np.sin(rows / 4) * np.cos(columns / 4)
    planes = [rows * 3 + columns + wave, 160 - rows * 2 + wave, columns * 2 + 60 + wave]
    pixels = np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)
    metadata = Metadata(exif=b"MM\0*" + bytes(20), xmp=b"<xmp/>", icc=b"icc")
    return encoder.compress(
        picture_of(pixels, metadata), "full", CompressOptions(mode="lossy", quality=3.0)
    ).data


@pytest.fixture(scope="module")
def small(encoder: Encoder) -> bytes:
    """A file of six patches."""
    mask = np.zeros((300, 520), bool)
    mask[100, 100] = True
    return encoder.compress(
        picture_of(textured(300, 520)), mask, CompressOptions(mode="lossy")
    ).data


def rechecked(data: bytes, start: int) -> bytes:
    """The index's check made right again, so that what it says is looked at."""
    front = data[: start - 4]
    return front + crc32c(front).to_bytes(4, "little") + data[start:]


def mutated(data: bytes, rng: random.Random, start: int) -> bytes:
    """A file changed in one of the ways that files go wrong; ``start``: where its chunks begin."""
    kind = rng.randrange(8)
    changed = bytearray(data)
    if kind == 0:  # a flipped bit anywhere
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:  # cut off
        del changed[rng.randrange(len(data)) :]
    elif kind == 2:  # a byte lost or put in
        place = rng.randrange(len(data))
        changed[place : place + rng.randrange(2)] = bytes([rng.randrange(256)])
    elif kind == 3:  # a stretch of another colour
        place = rng.randrange(len(data))
        length = min(rng.randrange(1, 40), len(data) - place)
        changed[place : place + length] = bytes([rng.choice((0, 255, 0x55))]) * length
    elif kind == 4:  # two stretches swapped
        a, b = sorted(rng.sample(range(len(data)), 2))
        length = min(16, b - a, len(data) - b)
        changed[a : a + length], changed[b : b + length] = (
            changed[b : b + length],
            changed[a : a + length],
        )
    elif kind == 5:  # streams damaged, the index sound
        for _ in range(rng.randrange(1, 5)):
            changed[rng.randrange(start, len(data))] = rng.randrange(256)
    else:  # an index of someone who can count a CRC
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(9, start - 4)] = rng.randrange(256)
        return rechecked(bytes(changed), start)
    return bytes(changed)


def outcome(decoder: Decoder, data: bytes, options: DecompressOptions) -> str:
    """What comes of a file: a code of the one family, or ``damaged`` or ``shown``."""
    try:
        decoded = decoder.decompress(data, options)
    except BladestreamError as error:
        assert error.detail
        assert error.status < 500
        return error.code
    assert decoded.pixels.dtype == np.uint8
    return "damaged" if decoded.report["damaged"] else "shown"


def test_mutated_files(decoder: Decoder, tiny: bytes) -> None:
    """2,000 of them: the documented errors, or a picture that says where it is damaged."""
    rng = random.Random(20)
    start = parse(tiny).index_length
    sound = decoder.decompress(tiny, DecompressOptions(region=REGION)).pixels
    outcomes: Counter[str] = Counter()
    tracemalloc.start()
    for number in range(MUTATIONS):
        data = mutated(tiny, rng, start)
        options = DecompressOptions(region=REGION, strict=number % 2 == 0)
        outcomes[outcome(decoder, data, options)] += 1
        if number % 10 == 0:
            try:
                inspect(data)
            except BladestreamError as error:
                assert error.code in ("bad-stream", "unsupported-stream")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEMORY
    codes = {"bad-stream", "unsupported-stream", "unknown-model", "damaged-stream"}
    codes |= {"bad-parameter"}  # a picture that became smaller than the region
    assert set(outcomes) <= {*codes, "damaged", "shown"}
    # All of these happen, so the mutations reach every layer.
    assert min(outcomes[code] for code in codes | {"damaged", "shown"}) >= 3, outcomes
    assert np.array_equal(decoder.decompress(tiny, DecompressOptions(region=REGION)).pixels, sound)


def test_cut_at_every_byte(decoder: Decoder, tiny: bytes) -> None:
    blade = parse(tiny)
    stream = blade.patches[0].offset + blade.patches[0].length
    for cut in range(len(tiny)):
        found = outcome(decoder, tiny[:cut], DecompressOptions(region=REGION, strict=True))
        if cut < blade.index_length:
            assert found == "bad-stream"
        else:  # streams first, then metadata: strict misses either
            assert found == "damaged-stream", cut
        if cut >= stream and cut % 8 == 0:
            assert outcome(decoder, tiny[:cut], DecompressOptions(region=REGION)) == "shown"


@pytest.mark.parametrize("place", range(12))
def test_a_flipped_bit_of_a_stream_is_always_found(
    decoder: Decoder, small: bytes, place: int
) -> None:
    blade = parse(small)
    rng = random.Random(place)
    damaged = bytearray(small)
    at = rng.randrange(blade.bands[0].offset, blade.patches[-1].offset)
    damaged[at] ^= 1 << rng.randrange(8)
    with pytest.raises(DamagedStream):
        decoder.decompress(bytes(damaged), DecompressOptions(strict=True))
    assert decoder.decompress(bytes(damaged)).report["damaged"]


def repacked(blade: Blade, **changes: object) -> bytes:
    """A file of the same streams with another header."""
    header = replace(blade.header, **changes)  # type: ignore[arg-type]
    bands = [Stream(bytes(blade.band(0) or b""), blade.bands[0].groups)] * header.band_count
    patches = [
        Stream(bytes(blade.patch(n % 6) or b""), blade.patches[n % 6].groups)
        for n in range(header.patch_count)
    ]
    return pack(header, bands, patches, Metadata())


def test_a_header_that_lies_is_damage_or_refused(decoder: Decoder, small: bytes) -> None:
    blade = parse(small)
    changes: list[dict[str, object]] = [
        {"quality64": 0, "roi_quality64": 0},
        {"quality64": 512, "roi_quality64": 512},
        {"top_quality": 8},
        {"top_quality": 0},
        {"width": 513, "height": 257},
        {"width": 600, "height": 700, "mask": np.zeros((3, 3), bool)},
        {"mask": ~blade.header.mask},
        {"band_rows": 1},
        {"grey": True},
    ]
    for change in changes:
        data = repacked(blade, **change)
        assert outcome(decoder, data, DecompressOptions(region=REGION)) in ("damaged", "shown")


def test_a_huge_picture_of_a_few_bytes_is_refused_before_memory_is_taken(
    decoder: Decoder, small: bytes
) -> None:
    blade = parse(small)
    side = 10_880  # 118 megapixels, 1,849 patches of one byte each
    mask = np.zeros((43, 43), bool)
    header = replace(blade.header, width=side, height=side, mask=mask, band_rows=43)
    data = pack(header, [Stream(b"", 0)], [Stream(b"", 0)] * header.patch_count, Metadata())
    assert len(data) < 3_000
    tight = Decoder(decoder._zoo, max_pixels=10**6)
    tracemalloc.start()
    with pytest.raises(BladestreamError, match="claims 10880x10880"):
        tight.decompress(data)
    # Looked at through a region, it costs its upper level and no more.
    shown = decoder.decompress(data, DecompressOptions(region=(5_000, 5_000, 64, 64)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert shown.pixels.shape == (64, 64, 3)
    latents = 4 * (43 * 16) ** 2 * decoder._zoo.by_name(None).anatomy.channels
    assert peak < 1.5 * latents


def test_lengths_that_do_not_add_up(decoder: Decoder, tiny: bytes) -> None:
    """The last chunk's length and every varint of the index made as large as it can be."""
    start = parse(tiny).index_length
    body = tiny[10 : start - 4]
    for place in range(len(body)):
        for huge in (varint(2**32 - 1), b"\xff" * 5, b"\x80\x80\x00"):
            index = body[:place] + huge + body[place + 1 :]
            front = tiny[:9] + varint(len(index)) + index
            data = front + crc32c(front).to_bytes(4, "little") + tiny[start:]
            options = DecompressOptions(region=REGION, strict=True)
            assert outcome(decoder, data, options) != "shown"


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\xbd", b"BLD", b"\xff\xd8\xff\xe0" * 100, b"\xbdBLD\n\x1a\n" + bytes(99)]
)
def test_what_is_no_file(decoder: Decoder, data: bytes) -> None:
    assert outcome(decoder, data, DecompressOptions()) == "bad-stream"
