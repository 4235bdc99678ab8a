"""A study's variants against its first one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any, Literal

from models.evaluation.bjontegaard import Curve, bd_rate

Report = dict[str, Any]
Measure = Literal["psnr", "ms_ssim"]


def label(variant: Report) -> str:
    """A variant's title, with its group's where it has one."""
    return f"{variant['group']}, {variant['title']}" if variant["group"] else variant["title"]


def by_group(variants: Sequence[Report]) -> list[Report]:
    """Variants of a group beside each other, in the order in which groups appear."""
    groups = list(dict.fromkeys(variant["group"] for variant in variants))
    return sorted(variants, key=lambda variant: groups.index(variant["group"]))


def decibels(ms_ssim: float) -> float:
    """MS-SSIM as -10 log10(1 - MS-SSIM), which spreads what crowds at 1."""
    return -10 * math.log10(1 - ms_ssim)


def curve(found: Report, measure: Measure) -> Curve:
    """(bits a pixel, dB) by quality, of what was measured on a folder."""
    values = found[measure]
    if measure == "ms_ssim":
        values = [decibels(value) for value in values]
    return list(zip(found["bpp"], values, strict=True))


def against(found: Report, first: Report, measure: Measure) -> float | None:
    """BD-rate of a variant against another in percent; None where they share no range."""
    return bd_rate(curve(found, measure), curve(first, measure))


def loss_changes(found: Report, first: Report) -> list[float]:
    """By quality, how much larger the rate-distortion loss is, in percent."""
    return [100 * (a / b - 1) for a, b in zip(found["loss"], first["loss"], strict=True)]


def group_first(variants: Sequence[Report], variant: Report) -> Report:
    """The first variant of a variant's group."""
    return next(each for each in variants if each["group"] == variant["group"])


def second_seeds(variants: Sequence[Report]) -> list[tuple[Report, Report]]:
    """Pairs of variants that differ in nothing but their seed, as a study has them in order."""

    def alike(variant: Report) -> tuple[object, ...]:
        return variant["group"], variant["model"], variant["losses"]

    return [
        (first, other)
        for number, other in enumerate(variants)
        for first in variants[:number]
        if alike(first) == alike(other) and first["seed"] != other["seed"]
    ]


def seconds_trained(variant: Report) -> float:
    """Wall clock of all its stages."""
    return float(sum(stage["seconds"] for stage in variant["training"]))


def level_rates(found: Report) -> dict[str, float]:
    """Bits a pixel of each level, mean over qualities."""
    return {name: fmean(values) for name, values in found["levels"].items()}
