"""What stacks hold: any picture, and as it is what would not shrink."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec.container.parser import parse
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions, DecompressOptions
from tests.service.codec.coding import picture_of, textured

LOSSLESS = CompressOptions(mode="lossless", quality=6.0)
STRICT = DecompressOptions(strict=True)


def flat(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), (90, 120, 200), np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def saturated(height: int, width: int) -> np.ndarray:
    return np.where(noise(height, width) > 100, 255, 0).astype(np.uint8)


def levels(height: int, width: int) -> np.ndarray:
    return textured(height, width) // 16 * 17


PICTURES = {
    "photograph": textured(300, 330),
    "grey": textured(300, 330, grey=True),
    "flat": flat(300, 330),
    "flat grey": flat(300, 330)[..., 0],
    "noise": noise(300, 330),
    "saturated": saturated(300, 330),
    "16 levels": levels(300, 330),
    "one row": textured(1, 700),
    "one column": textured(700, 1),
    "one pixel": textured(1, 1),
    "one grey pixel": textured(1, 1, grey=True),
    "one patch": textured(256, 256),
    "a pixel more": textured(257, 257),
    "a pixel more than a block": textured(65, 129),
}


def border(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[0] = mask[-1] = mask[:, 0] = mask[:, -1] = True
    return mask


def corner(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[0, 0] = True
    return mask


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("where", ["full", "border", "corner", "none"])
def test_whatever_the_picture(
    toy_encoder: Encoder, toy_decoder: Decoder, name: str, where: str
) -> None:
    pixels = PICTURES[name]
    size = pixels.shape[:2]
    mask = {"border": border(*size), "corner": corner(*size)}.get(where, where)
    coded = toy_encoder.compress(
        picture_of(pixels),
        mask,  # type: ignore[arg-type]
        CompressOptions(mode="lossless", dilation=0),
    )
    blade = parse(coded.data)
    area = np.kron(blade.header.mask, np.ones((256, 256), bool))[: size[0], : size[1]]
    assert area.any() == (where != "none")
    decoded = toy_decoder.decompress(coded.data, STRICT)
    assert np.array_equal(decoded.pixels[area], pixels[area])
    assert decoded.report["exact"] is coded.report["exact"] is (where != "none")
    raw = [entry.raw for entry in blade.lossless.values()]
    assert coded.report["raw_patches"] == sum(raw)
    if where == "full":
        assert all(raw) == (name in ("noise", "saturated") or pixels.size < 3000)


def test_what_would_not_shrink_is_raw_and_takes_no_loan(
    toy_encoder: Encoder, toy_decoder: Decoder
) -> None:
    pixels = textured(256, 256 * 4)
    pixels[:, 256:512] = noise(256, 256)
    mask = np.zeros((256, 1024), bool)
    mask[:, 256:768] = True
    options = CompressOptions(mode="lossless", quality=6.0, dilation=0)
    coded = toy_encoder.compress(picture_of(pixels), mask, options)
    blade = parse(coded.data)
    assert blade.lossless[1].raw
    assert [stack.patches for stack in blade.stacks] == [(2,)]
    assert all(number in (0, 3) for number in blade.stacks[0].donors)
    assert np.array_equal(toy_decoder.decompress(coded.data).pixels[mask], pixels[mask])


def test_a_stack_that_filler_makes_larger_than_its_pixels_is_raw(
    toy_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = textured(100, 100)

    def coded(initial: int) -> dict[str, object]:
        monkeypatch.setattr("service.codec.stack_layer.initial_bytes", lambda *_: iter([initial]))
        return toy_encoder.compress(picture_of(pixels), "full", LOSSLESS).report

    assert coded(1000)["raw_patches"] == 0
    report = coded(pixels.size)
    assert (report["raw_patches"], report["filler_bytes"]) == (1, 0)
    assert report["blade_bytes"] == pixels.size + 4


def test_raw_patches_leave_a_shared_stack_in_order(
    toy_encoder: Encoder, toy_decoder: Decoder
) -> None:
    pixels = textured(256, 256 * 4)
    pixels[:, :256] = noise(256, 256)
    pixels[:, 512:768] = noise(256, 256)
    coded = toy_encoder.compress(picture_of(pixels), "full", LOSSLESS)
    blade = parse(coded.data)
    assert [stack.patches for stack in blade.stacks] == [(1, 3)]
    assert [n for n, entry in blade.lossless.items() if entry.raw] == [0, 2]
    assert np.array_equal(toy_decoder.decompress(coded.data, STRICT).pixels, pixels)
