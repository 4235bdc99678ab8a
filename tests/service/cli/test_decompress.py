import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.errors import BadStream


@pytest.fixture
def blade(tmp_path: Path) -> Path:
    path = tmp_path / "photo.blade"
    path.write_bytes(bytes(50))
    return path


@pytest.mark.parametrize(
    ("suffix", "fmt"),
    [(".png", "PNG"), (".jpg", "JPEG"), (".JPG", "JPEG"), (".webp", "WEBP"), (".ppm", "PPM")],
)
def test_the_suffix_chooses_the_format(
    bladestream, codec, blade: Path, suffix: str, fmt: str
) -> None:
    output = blade.with_suffix(suffix)
    assert bladestream("decompress", blade, output).status == 0
    with Image.open(output) as image:
        assert image.format == fmt


def test_a_png_holds_the_decoded_pixels(bladestream, codec, blade: Path) -> None:
    codec.pixels = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)
    output = blade.with_suffix(".png")
    assert bladestream("decompress", blade, output).status == 0
    with Image.open(output) as image:
        np.testing.assert_array_equal(np.asarray(image), codec.pixels)


def test_decompress_reports_one_json_object(bladestream, codec, blade: Path) -> None:
    run = bladestream("decompress", blade, blade.with_suffix(".png"), "--json")
    report = json.loads(run.out)
    assert report["exact"] is False
    assert report["damaged"] == []
    assert report["bytes"] == 50
    assert {"bpp", "width", "height", "mode", "model", "quality", "seconds"} <= set(report)


def test_damage_is_told_on_stderr_and_in_json(bladestream, codec, blade: Path) -> None:
    codec.damaged = [4, 7]
    run = bladestream("decompress", blade, blade.with_suffix(".png"), "--json")
    assert run.status == 0
    assert json.loads(run.out)["damaged"] == [4, 7]
    assert run.err.startswith("bladestream: warning: 2 patches are damaged")
    assert "4, 7" in run.err


def test_much_damage_is_told_in_few_words(bladestream, codec, blade: Path) -> None:
    codec.damaged = list(range(486))
    run = bladestream("decompress", blade, blade.with_suffix(".png"), "--json")
    assert len(json.loads(run.out)["damaged"]) == 486
    assert "486 patches" in run.err
    assert len(run.err) < 300


def test_lost_metadata_are_told_on_stderr(bladestream, codec, blade: Path) -> None:
    codec.lost = ["exif", "digests"]
    run = bladestream("decompress", blade, blade.with_suffix(".png"))
    assert run.status == 0
    assert run.err == "bladestream: warning: damaged or missing, and left out: exif, digests\n"


def test_decompress_hands_every_option_on(bladestream, codec, blade: Path) -> None:
    words = ("--region", "3,4,10,20", "--roi-only", "--strict")
    assert bladestream("decompress", blade, blade.with_suffix(".png"), *words).status == 0
    options = codec.calls[0].options
    assert (options.region, options.roi_only, options.strict) == ((3, 4, 10, 20), True, True)


@pytest.mark.parametrize(
    "region", ["1,2,3", "a,b,c,d", "\u0663,0,4,4", "-1,0,4,4", "0,0,0,4", "1.5,0,4,4", ""]
)
def test_a_senseless_region_is_status_2(bladestream, codec, blade: Path, region: str) -> None:
    run = bladestream("decompress", blade, blade.with_suffix(".png"), "--region", region)
    assert run.status == 2
    assert not blade.with_suffix(".png").exists()


@pytest.mark.parametrize("name", ["photo.gif", "photo", "photo.blade"])
def test_an_unknown_suffix_is_status_2(bladestream, codec, blade: Path, name: str) -> None:
    run = bladestream("decompress", blade, blade.with_name(name))
    assert run.status == 2
    assert blade.read_bytes() == bytes(50)


def test_a_bad_stream_keeps_the_former_picture(bladestream, codec, blade: Path) -> None:
    output = blade.with_suffix(".png")
    output.write_bytes(b"former")
    codec.fails_with = BadStream("not a .blade file")
    run = bladestream("decompress", blade, output)
    assert run.status == 1
    assert run.err == "bladestream: not a .blade file (bad-stream)\n"
    assert output.read_bytes() == b"former"
    assert sorted(path.name for path in blade.parent.iterdir()) == ["photo.blade", "photo.png"]
