import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.errors import TargetUnreachable


def test_compress_reports_one_json_object_with_the_promised_keys(
    bladestream, codec, photo: Path
) -> None:
    output = photo.with_suffix(".blade")
    run = bladestream("compress", photo, output, "--json", "--mask", "full")
    assert run.status == 0
    report = json.loads(run.out)
    assert {"bytes", "bpp", "width", "height", "mode", "model", "quality", "seconds"} <= set(report)
    seconds = report["seconds"]
    assert list(seconds) == ["read", "analysis", "entropy", "write", "total"]
    assert seconds.pop("total") == pytest.approx(sum(seconds.values()))
    assert report["bytes"] == output.stat().st_size == 100
    assert run.err == ""


def test_compress_hands_every_option_on(bladestream, codec, photo: Path) -> None:
    run = bladestream(
        *("compress", photo, photo.with_suffix(".blade"), "--mode", "lossy"),
        *("--quality", "2.5", "--roi-quality", "7", "--mask", "none", "--target-bytes", "5000"),
        *("--model", "hp", "--metadata", "geo-only", "--no-verify"),
    )
    assert run.status == 0
    call = codec.calls[0]
    assert call.mask == "none"
    options = call.options
    assert (options.mode, options.quality, options.roi_quality) == ("lossy", 2.5, 7.0)
    assert (options.target_bytes, options.model) == (5000, "hp")
    assert (options.metadata, options.verify) == ("geo-only", False)


def test_a_lossless_model_and_progressive_arrive(bladestream, codec, photo: Path) -> None:
    words = ("compress", photo, photo.with_suffix(".blade"), "--mode", "lossless")
    assert bladestream(*words, "--lossless-model", "bitswap").status == 0
    assert bladestream(*words, "--progressive").status == 0
    first, second = (call.options for call in codec.calls)
    assert (first.lossless_model, first.progressive) == ("bitswap", False)
    assert (second.lossless_model, second.progressive) == (None, True)


def test_a_profile_arrives_and_takes_no_models(bladestream, codec, photo: Path) -> None:
    words = ("compress", photo, photo.with_suffix(".blade"))
    assert bladestream(*words).status == 0
    assert bladestream(*words, "--profile", "roi-eml").status == 0
    assert [call.options.profile for call in codec.calls] == ["default", "roi-eml"]
    refused = bladestream(*words, "--profile", "roi-eml", "--model", "lite")
    assert refused.status == 2
    assert "names its own models" in refused.err


def test_without_a_mask_the_blade_is_found(
    bladestream, codec, finds_bright, tmp_path: Path
) -> None:
    photo = tmp_path / "half.png"
    expected = np.zeros((24, 36), bool)
    expected[:, :18] = True
    Image.fromarray(np.where(expected, 230, 20).astype(np.uint8)).save(photo)
    run = bladestream("compress", photo, tmp_path / "half.blade", "--json")
    assert (run.status, run.err) == (0, "")
    found = codec.calls[0].mask
    assert (found != expected).mean() < 0.03
    report = json.loads(run.out)
    assert report["mask"] == "found"
    assert report["found_blade_share"] == pytest.approx(0.5, abs=0.02)
    assert list(report["seconds"])[:2] == ["read", "segment"]


def test_in_doubt_the_whole_picture_is_blade(
    bladestream, codec, finds_bright, tmp_path: Path
) -> None:
    photo = tmp_path / "dark.png"
    Image.fromarray(np.zeros((24, 36, 3), np.uint8)).save(photo)
    run = bladestream("compress", photo, tmp_path / "dark.blade")
    assert run.status == 0
    assert codec.calls[0].mask == "full"
    assert "warning: No blade was found" in run.err


def test_where_the_blade_cannot_be_found_the_whole_picture_is_blade(
    bladestream, codec, photo: Path
) -> None:
    run = bladestream("compress", photo, photo.with_suffix(".blade"))
    assert run.status == 0
    call = codec.calls[0]
    assert call.mask == "full"
    assert call.options.verify
    assert "no model that finds the blade" in run.err


def test_the_margin_around_a_mask_is_a_setting(
    bladestream, codec, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLADESTREAM_DILATION_PIXELS", "40")
    assert bladestream("compress", photo, photo.with_suffix(".blade")).status == 0
    assert codec.calls[0].options.dilation == 40


def test_a_mask_file_arrives_as_booleans(bladestream, codec, photo: Path) -> None:
    expected = np.zeros((16, 24), bool)
    expected[3:9, 5:] = True
    mask = photo.with_name("mask.png")
    Image.fromarray(expected).save(mask)
    run = bladestream("compress", photo, photo.with_suffix(".blade"), "--mask", mask)
    assert run.status == 0
    np.testing.assert_array_equal(codec.calls[0].mask, expected)


@pytest.mark.parametrize(
    "words",
    [
        ["--quality", "nan"],
        ["--quality", "0.5"],
        ["--roi-quality", "9"],
        ["--quality", "high"],
        ["--target-bytes", "-1"],
        ["--mode", "fast"],
        ["--profile", "paper"],
        ["--metadata", "all"],
        ["--unknown"],
    ],
)
def test_a_senseless_command_line_is_status_2(
    bladestream, codec, photo: Path, words: list[str]
) -> None:
    run = bladestream("compress", photo, photo.with_suffix(".blade"), *words)
    assert run.status == 2
    assert run.err
    assert run.out == ""
    assert not photo.with_suffix(".blade").exists()


@pytest.mark.parametrize("name", ["photo.jpg", "photo", "other.png"])
def test_an_output_that_is_no_blade_file_is_status_2(
    bladestream, codec, photo: Path, name: str
) -> None:
    # What a shell makes of `bladestream compress *.jpg` must not eat the second photograph.
    output = photo.with_name(name)
    output.write_bytes(b"precious")
    assert bladestream("compress", photo, output).status == 2
    assert output.read_bytes() == b"precious"


@pytest.mark.parametrize("mode", ["lossless", "roi-only"])
def test_modes_with_an_exact_blade(bladestream, codec, photo: Path, mode: str) -> None:
    output = photo.with_suffix(".blade")
    run = bladestream("compress", photo, output, "--mode", mode, "--lossless-model", "pyramid")
    assert run.status == 0
    options = codec.calls[0].options
    assert (options.mode, options.lossless_model) == (mode, "pyramid")


def test_an_exact_blade_takes_no_quality(bladestream, codec, photo: Path) -> None:
    output = photo.with_suffix(".blade")
    run = bladestream("compress", photo, output, "--mode", "lossless", "--roi-quality", "6")
    assert run.status == 2
    assert "(bad-parameter)" in run.err
    assert not output.exists()


def test_the_mode_is_lossless_if_none_is_named(bladestream, codec, photo: Path) -> None:
    assert bladestream("compress", photo, photo.with_suffix(".blade")).status == 0
    assert codec.calls[0].options.mode == "lossless"


def test_an_error_of_the_codec_is_one_line_and_status_1(bladestream, codec, photo: Path) -> None:
    codec.fails_with = TargetUnreachable("the smallest file is 321 bytes", minimum_bytes=321)
    run = bladestream("compress", photo, photo.with_suffix(".blade"), "--json")
    assert run.status == 1
    assert run.err == "bladestream: the smallest file is 321 bytes (target-unreachable)\n"
    assert run.out == ""
    assert not photo.with_suffix(".blade").exists()


def test_a_missing_input_is_one_line_and_status_1(bladestream, codec, tmp_path: Path) -> None:
    run = bladestream("compress", tmp_path / "none.png", tmp_path / "none.blade")
    assert run.status == 1
    assert "none.png: No such file or directory (file-error)" in run.err
    assert run.err.count("\n") == 1


def test_a_picture_that_would_lose_values_needs_convert(bladestream, codec, tmp_path: Path) -> None:
    photo = tmp_path / "deep.png"
    Image.fromarray(np.full((4, 4), 1000, np.uint16)).save(photo)
    output = tmp_path / "deep.blade"
    refused = bladestream("compress", photo, output)
    assert refused.status == 1
    assert "(conversion-refused)" in refused.err
    assert not output.exists()
    accepted = bladestream("compress", photo, output, "--convert")
    assert accepted.status == 0
    assert "warning: converted" in accepted.err
    assert output.exists()
