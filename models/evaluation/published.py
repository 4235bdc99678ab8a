"""Curves that others have published, for pictures that they were published for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from models.evaluation.bjontegaard import Curve

KODAK = Path(__file__).with_name("published_kodak.json")


@dataclass(frozen=True)
class Published:
    """One codec's averaged curve, (bits a pixel, PSNR), and where it was published."""

    title: str
    source: str
    points: Curve

    def report(self) -> dict[str, object]:
        """JSON-able, with the curve as columns."""
        return {
            "title": self.title,
            "source": self.source,
            "curve": {
                "bpp": [round(bpp, 4) for bpp, _ in self.points],
                "psnr": [round(psnr, 3) for _, psnr in self.points],
            },
        }


def curves_for(names: Iterable[str]) -> dict[str, Published]:
    """The published curves, where ``names`` are the files of all 24 Kodak pictures; else none.

    An average over other pictures, or over some of these, could not stand beside them.
    """
    if {PurePath(name).stem for name in names} != {f"kodim{n:02d}" for n in range(1, 25)}:
        return {}
    return {
        key: Published(
            entry["title"], entry["source"], list(zip(entry["bpp"], entry["psnr"], strict=True))
        )
        for key, entry in json.loads(KODAK.read_text(encoding="utf-8")).items()
    }
