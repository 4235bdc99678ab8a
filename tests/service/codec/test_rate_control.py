"""A target is met from below within 3 %, with few files made; the background gives way first."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.codec import jobs
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions
from service.codec.rate_control import GUESSES, TOLERANCE, Ladder, Rate, Search, meet_target
from service.errors import Cancelled, TargetUnreachable
from tests.conftest import Photograph
from tests.service.codec.coding import picture_of, textured

MIXED = np.array([[True, False], [False, False]])
FULL, NONE = np.ones((2, 2), bool), np.zeros((2, 2), bool)


# -- the ladder ------------------------------------------------------------------------------------


@given(st.integers(64, 512), st.sampled_from([MIXED, FULL, NONE]))
def test_a_ladder_rises_step_by_step(blade64: int, mask: np.ndarray) -> None:
    ladder = Ladder(blade64, mask)
    rates = [ladder.rate(step) for step in range(ladder.top + 1)]
    assert rates[0].quality_map(mask).max() == 64
    assert rates[-1].quality_map(mask).min() == 512
    maps = np.array([rate.quality_map(mask) for rate in rates])
    rise = np.diff(maps, axis=0)
    assert ((rise == 0) | (rise == 1)).all()
    assert rise.any(axis=(1, 2)).all()


def test_the_background_gives_way_first() -> None:
    """Downwards: background and blade together, background alone, then the blade."""
    ladder = Ladder(384, MIXED)
    rates = [ladder.rate(step) for step in range(ladder.top, -1, -1)]
    lowest = next(number for number, rate in enumerate(rates) if rate.background64 == 64)
    assert all(rate.blade64 == max(384, rate.background64) for rate in rates[: lowest + 1])
    assert all(rate.background64 == 64 for rate in rates[lowest:])
    assert rates[-1].blade64 == 64


def test_the_upper_level_follows_the_lowest_quality() -> None:
    rate = Rate(95, 400)
    assert (rate.top_quality(MIXED), rate.top_quality(FULL)) == (1, 6)
    assert Rate(96, 400).top_quality(MIXED) == 2
    assert Rate(512, 512, highest_top=5).top_quality(MIXED) == 5


# -- the search ------------------------------------------------------------------------------------


class Curve:
    """Sizes of an imagined picture, and how often they were asked for."""

    def __init__(self, size: Callable[[int], float]) -> None:
        self._size = size
        self.asked: list[int] = []

    def __call__(self, step: int) -> float:
        self.asked.append(step)
        return self._size(step)


@st.composite
def curves(draw: st.DrawFn) -> tuple[list[float], int]:
    """Sizes that rise, by nothing, a little or a jump, from step to step."""
    top = draw(st.integers(1, 896))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    steepness = draw(st.sampled_from([0.0, 0.0005, 0.005, 0.05]))
    growth = rng.exponential(steepness, top) if steepness else np.zeros(top)
    for _ in range(draw(st.integers(0, 3))):
        growth[rng.integers(top)] += rng.uniform(0, 0.3)
    sizes = 100 * np.exp(np.concatenate([[0], np.cumsum(growth)]))
    return sizes.tolist(), draw(st.integers(50, int(sizes[-1] * 1.2) + 1))


@given(curves(), st.floats(0, 1))
@example(([100.0, 100.0], 99), 0.0)
@settings(max_examples=300, deadline=None)
def test_a_search_ends_at_what_fits(case: tuple[list[float], int], start: float) -> None:
    sizes, target = case
    top = len(sizes) - 1
    curve = Curve(sizes.__getitem__)
    found = Search(target, top).highest_within(curve, round(start * top))
    assert len(curve.asked) <= GUESSES + math.ceil(math.log2(top + 1)) + 1
    assert len(set(curve.asked)) == len(curve.asked)
    if found < 0:
        assert sizes[0] > target
        assert 0 in curve.asked
        return
    assert found in curve.asked
    assert sizes[found] <= target
    met = sizes[found] >= (1 - TOLERANCE) * target
    assert met or found == top or sizes[found + 1] > target
    reachable = any((1 - TOLERANCE) * target <= size <= target for size in sizes)
    assert met or not reachable


def test_an_ordinary_curve_takes_few_looks() -> None:
    for slope in (0.003, 0.005, 0.008):
        for target in (7_000, 20_000, 50_000):
            curve = Curve(lambda step, slope=slope: 5_000 * math.exp(slope * step))
            found = Search(target, 896).highest_within(curve, 448)
            assert (1 - TOLERANCE) * target <= curve(found) <= target or found == 896
            assert len(curve.asked) <= 5


# -- whole files of an imagined picture ------------------------------------------------------------


class Imagined:
    """A job whose files have the size that a formula gives, and whose estimates are wrong."""

    def __init__(self, bias: float, jump: float) -> None:
        self._bias = bias
        self._jump = jump
        self.coded: list[Rate] = []

    def size(self, rate: Rate) -> int:
        level = rate.background64 + 0.4 * rate.blade64
        top = rate.top_quality(MIXED)
        return int(5_000 * math.exp(0.005 * (level - 90)) * (1 + self._jump) ** top)

    def code(self, rate: Rate, checkpoint: object) -> bytes:
        self.coded.append(rate)
        return bytes(self.size(rate))

    def estimate(self, rate: Rate, numbers: list[int], checkpoint: object) -> float:
        return self.size(rate) * self._bias


@pytest.mark.parametrize("jump", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("bias", [0.9, 1.0, 1.07])
def test_a_wrong_estimate_and_a_jump_still_meet_the_target(bias: float, jump: float) -> None:
    for target in range(6_000, 36_000, 1_700):
        job = Imagined(bias, jump)
        rate, data = meet_target(job, Rate(192, 384), MIXED, target, None)  # type: ignore[arg-type]
        assert len(data) == job.size(rate)
        top = len(data) == job.size(Rate(512, 512))
        assert len(data) <= target
        assert len(data) >= (1 - TOLERANCE) * target or top
        assert len(set(job.coded)) == len(job.coded) <= (4 if jump == 0 else 12)


def test_the_best_files_are_made_twice_at_most() -> None:
    job = Imagined(bias=1.04, jump=0.0)
    meet_target(job, Rate(192, 384), MIXED, 20_000, None)  # type: ignore[arg-type]
    assert len(job.coded) == 2


# -- real pictures ---------------------------------------------------------------------------------


@pytest.fixture
def coded(monkeypatch: pytest.MonkeyPatch) -> list[Rate]:
    """Rates of the whole files that are made."""
    rates: list[Rate] = []
    code = jobs.LossyJob.code

    def counted(job, rate, checkpoint):  # type: ignore[no-untyped-def]
        rates.append(rate)
        return code(job, rate, checkpoint)

    monkeypatch.setattr(jobs.LossyJob, "code", counted)
    return rates


@pytest.mark.parametrize("name", ["blade-tip", "blade-root"])
@pytest.mark.parametrize("masked", [True, False])
def test_targets_are_met_from_below(
    encoder: Encoder,
    photographs: dict[str, Photograph],
    name: str,
    masked: bool,
    coded: list[Rate],
) -> None:
    photograph = photographs[name]
    mask = photograph.blade if masked else "none"
    low, high = (
        len(
            encoder.compress(
                photograph.picture, "full", CompressOptions(mode="lossy", quality=q)
            ).data
        )
        for q in (1.0, 8.0)
    )
    coded.clear()
    for share in (0.05, 0.35, 0.8):
        target = round(low * (high / low) ** share)
        options = CompressOptions(mode="lossy", target_bytes=target)
        report = encoder.compress(photograph.picture, mask, options).report
        assert (1 - TOLERANCE) * target <= report["bytes"] <= target, share  # type: ignore[operator]
        if not masked:
            assert report["quality"] == report["roi_quality"]
        elif report["quality"] > 1:  # type: ignore[operator]
            assert report["roi_quality"] >= 6.0  # type: ignore[operator]
    assert len(coded) <= 3 * 3


def test_more_than_the_best_needs(encoder: Encoder, coded: list[Rate]) -> None:
    picture = picture_of(textured(200, 300))
    best = encoder.compress(
        picture, "full", CompressOptions(mode="lossy", quality=8.0, roi_quality=8.0)
    )
    for target in (len(best.data), 10 * len(best.data), 2**80, 10**400):
        coded.clear()
        met = encoder.compress(picture, "full", CompressOptions(mode="lossy", target_bytes=target))
        assert met.data == best.data
        assert len(coded) == 1


def test_less_than_the_worst_needs(encoder: Encoder, decoder: Decoder) -> None:
    picture = picture_of(textured(200, 300))
    worst = encoder.compress(
        picture, "full", CompressOptions(mode="lossy", quality=1.0, roi_quality=1.0)
    )
    minimum = len(worst.data)
    for target in (1, 100, minimum - 1):
        with pytest.raises(TargetUnreachable) as refused:
            encoder.compress(picture, "full", CompressOptions(mode="lossy", target_bytes=target))
        assert refused.value.extra == {"minimum_bytes": minimum}
    met = encoder.compress(picture, "full", CompressOptions(mode="lossy", target_bytes=minimum))
    assert len(met.data) <= minimum
    assert decoder.decompress(met.data).report["damaged"] == []


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (30, 20)])
def test_tiny_pictures_end_too(encoder: Encoder, height: int, width: int) -> None:
    picture = picture_of(textured(height, width))
    for target in (110, 130, 200, 5_000):
        try:
            data = encoder.compress(
                picture, "none", CompressOptions(mode="lossy", target_bytes=target)
            ).data
        except TargetUnreachable as refused:
            assert refused.extra["minimum_bytes"] > target  # type: ignore[operator]
        else:
            assert len(data) <= target


def test_a_sample_stands_for_the_picture(
    encoder: Encoder, tip: Photograph, coded: list[Rate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.codec.rate_control.SAMPLE", 4)
    options = CompressOptions(mode="lossy", target_bytes=16_000)
    report = encoder.compress(tip.picture, tip.blade, options).report
    assert 16_000 * (1 - TOLERANCE) <= report["bytes"] <= 16_000  # type: ignore[operator]
    assert len(coded) <= 6


def test_cancelling_while_searching(encoder: Encoder, tip: Photograph) -> None:
    seen = []

    def checkpoint(name: str, done: int, total: int) -> None:
        seen.append(name)
        if seen.count("rate_control") == 3:
            raise Cancelled("The caller has gone.")

    with pytest.raises(Cancelled):
        encoder.compress(
            tip.picture, "none", CompressOptions(mode="lossy", target_bytes=9_000), checkpoint
        )
    assert seen[-1] == "rate_control"
    assert "patches" not in seen
