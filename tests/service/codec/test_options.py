"""Nonsense is refused before any work; defaults are what the documents say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.codec.container.layout import MODES
from service.codec.options import CompressOptions, DecompressOptions, no_checkpoint, to_steps
from service.codec.profiles import Chain
from service.errors import BadParameter

MIXED = np.array([[True, False]])
BLADE = np.ones((1, 2), bool)
NONE = np.zeros((1, 2), bool)


@pytest.mark.parametrize("field", ["quality", "roi_quality"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 0.0, 0.99, 8.01, 1e300])
def test_qualities_are_1_to_8(field: str, value: float) -> None:
    with pytest.raises(BadParameter, match=f"{field} must be between 1 and 8"):
        CompressOptions(**{field: value}).validate()


@pytest.mark.parametrize("value", [0, -1, -(2**80), math.nan, -math.inf])
def test_targets_are_positive(value: int) -> None:
    with pytest.raises(BadParameter, match="target_bytes"):
        CompressOptions(target_bytes=value).validate()


@pytest.mark.parametrize("value", [-1, 1025, 2**80])
def test_dilation_is_bounded(value: int) -> None:
    with pytest.raises(BadParameter, match="dilation"):
        CompressOptions(dilation=value).validate()


def test_modes() -> None:
    CompressOptions(mode="lossy", quality=1.0, roi_quality=8.0, target_bytes=2**80).validate()
    CompressOptions(mode="lossless", quality=1.0, lossless_model="pyramid").validate()
    CompressOptions(mode="roi-only", target_bytes=1).validate()
    with pytest.raises(BadParameter, match="no mode"):
        CompressOptions(mode="LOSSY").validate()


def test_a_profile_names_its_models_and_the_default_those_that_are_named() -> None:
    assert CompressOptions(profile="roi-eml").chain == Chain("hp-easn-deep", "bitswap")
    assert CompressOptions().chain == Chain(None, None)
    assert CompressOptions(model="hp", lossless_model="bitswap").chain == Chain("hp", "bitswap")
    for mode in MODES:
        CompressOptions(profile="roi-eml", mode=mode).validate()


@pytest.mark.parametrize("named", [{"model": "lite"}, {"lossless_model": "bitswap"}])
def test_a_profile_takes_no_models(named: dict) -> None:
    with pytest.raises(BadParameter, match="roi-eml names its own models: it takes no"):
        CompressOptions(profile="roi-eml", **named).validate()
    with pytest.raises(BadParameter, match="no profile"):
        CompressOptions(profile="paper").validate()


@pytest.mark.parametrize(
    ("mask", "quality", "roi_quality", "expected"),
    [
        (MIXED, None, None, (3.0, 6.0)),
        (MIXED, 2.0, None, (2.0, 6.0)),
        (MIXED, 7.0, None, (7.0, 7.0)),  # blade is never worse than background by default
        (MIXED, 7.0, 5.0, (7.0, 5.0)),  # but where it is asked for
        (BLADE, None, None, (3.0, 6.0)),
        (BLADE, 2.0, None, (2.0, 2.0)),  # one picture, one quality
        (BLADE, 2.0, 4.0, (2.0, 4.0)),
        (NONE, 2.0, None, (2.0, 6.0)),
    ],
)
def test_default_qualities(
    mask: np.ndarray, quality: float | None, roi_quality: float | None, expected: tuple
) -> None:
    options = CompressOptions(mode="lossy", quality=quality, roi_quality=roi_quality)
    assert options.qualities64(mask) == tuple(64 * q for q in expected)


def test_qualities_go_to_the_nearest_step() -> None:
    assert [to_steps(q) for q in (1.0, 1.007, 1.008, 7.999, 8.0)] == [64, 64, 65, 512, 512]


def test_a_whole_picture_is_the_default() -> None:
    assert DecompressOptions() == DecompressOptions(region=None, roi_only=False, strict=False)
    assert no_checkpoint("analysis", 0, 1) is None
