"""From points of single pictures to curves, BD-rates and speeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from models.evaluation.bjontegaard import Curve, bd_rate
from models.evaluation.points import Point
from models.evaluation.published import Published

Measure = Literal["psnr", "ms_ssim"]


def in_decibels(measure: Measure, value: float | None) -> float | None:
    """A figure as curves have it: PSNR as it is, MS-SSIM as -10 log10(1 - MS-SSIM).

    None where there is none, or nothing was lost.
    """
    if measure == "psnr" or value is None:
        return value
    return -10 * math.log10(1 - value) if value < 1 else None


@dataclass
class Codec:
    """A codec's points on every picture, one a setting.

    Attributes
    ----------
    title, version
        For readers.
    turned
        Name of the setting that sets the rate.
    settings
        Its values, from the smallest file to the largest.
    points
        By picture, in the order of the settings.
    sizes
        (width, height) by picture.
    """

    title: str
    turned: str
    settings: list[float]
    version: str
    points: dict[str, Sequence[Point]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, name: str, size: tuple[int, int], points: Sequence[Point]) -> None:
        """Take in one picture of (width, height) pixels."""
        self.points[name], self.sizes[name] = points, size

    def curve(self, name: str, measure: Measure = "psnr") -> Curve:
        """(bits a pixel, dB) of one picture; settings that lose nothing have no place on it."""
        width, height = self.sizes[name]
        return [
            (8 * point.bytes / (width * height), value)
            for point in self.points[name]
            if (value := in_decibels(measure, getattr(point, measure))) is not None
        ]

    def means(self) -> dict[str, list[float | None]]:
        """Means over pictures by setting: bits a pixel, PSNR, MS-SSIM.

        PSNR is None where one picture lost nothing; MS-SSIM where no picture is large enough.
        """
        found: dict[str, list[float | None]] = {"bpp": [], "psnr": [], "ms_ssim": []}
        for number in range(len(self.settings)):
            points = {name: each[number] for name, each in self.points.items()}
            rates = [
                8 * point.bytes / (self.sizes[name][0] * self.sizes[name][1])
                for name, point in points.items()
            ]
            noises = [point.psnr for point in points.values() if point.psnr is not None]
            structures = [point.ms_ssim for point in points.values() if point.ms_ssim is not None]
            found["bpp"].append(round(fmean(rates), 4))
            whole = len(noises) == len(points)
            found["psnr"].append(round(fmean(noises), 3) if whole else None)
            found["ms_ssim"].append(round(fmean(structures), 5) if structures else None)
        return found

    def averaged(self, measure: Measure = "psnr") -> Curve:
        """(bits a pixel, dB) of the averages over pictures."""
        means = self.means()
        pairs = [
            (bpp, in_decibels(measure, value))
            for bpp, value in zip(means["bpp"], means[measure], strict=True)
        ]
        return [(bpp, value) for bpp, value in pairs if bpp is not None and value is not None]

    def seconds_a_megapixel(self) -> dict[str, float]:
        """All seconds over all pixels that were coded."""
        pixels = sum(
            width * height * len(self.points[name]) for name, (width, height) in self.sizes.items()
        )
        points = [point for each in self.points.values() for point in each]
        return {
            "encode": round(1e6 * sum(point.encode_seconds for point in points) / pixels, 4),
            "decode": round(1e6 * sum(point.decode_seconds for point in points) / pixels, 4),
        }

    def report(self) -> dict[str, object]:
        """All of it, JSON-able; points by picture as columns."""
        return {
            "title": self.title,
            "version": self.version,
            "setting": self.turned,
            "settings": self.settings,
            "curve": self.means(),
            "seconds_a_megapixel": self.seconds_a_megapixel(),
            "pictures": {
                name: {
                    column: [getattr(point, column) for point in points]
                    for column in Point.__dataclass_fields__
                }
                for name, points in self.points.items()
            },
        }


def compare(
    ours: Mapping[str, Codec],
    theirs: Mapping[str, Codec],
    published: Mapping[str, Published],
    judged: Iterable[tuple[str, Measure]],
) -> dict[str, object]:
    """Curves of every codec, and BD-rates of ours against all others.

    Parameters
    ----------
    ours
        Our models; they are compared with each other, too.
    theirs
        The peers.
    published
        Curves that are averages already, in PSNR: they have no figure of single pictures.
    judged
        Which of ours is compared, and in what; one may be in both.
    """
    codecs = {**ours, **theirs}
    comparisons = []
    for name, measure in judged:
        own = codecs[name]
        rates: dict[str, dict[str, object]] = {
            key: _against(own, codec, measure) for key, codec in codecs.items() if key != name
        }
        if measure == "psnr":
            for key, curve in published.items():
                rates[key] = {"of_curves": _rounded(bd_rate(own.averaged(), curve.points))}
        comparisons.append({"codec": name, "measure": measure, "bd_rate": rates})
    return {
        "codecs": {key: codec.report() for key, codec in codecs.items()},
        "published": {key: curve.report() for key, curve in published.items()},
        "comparisons": comparisons,
    }


def _against(ours: Codec, theirs: Codec, measure: Measure) -> dict[str, object]:
    each = {
        name: bd_rate(ours.curve(name, measure), theirs.curve(name, measure))
        for name in ours.points
    }
    known = [value for value in each.values() if value is not None]
    return {
        "of_curves": _rounded(bd_rate(ours.averaged(measure), theirs.averaged(measure))),
        "of_pictures": _rounded(fmean(known)) if known else None,
        "pictures": {name: _rounded(value) for name, value in each.items()},
    }


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 2)
