"""Weights of ``lite``'s prior, which codes a level in two halves, for ``standard``'s, by phases.

A half holds two phases: the first takes over the half's block and rows of its head, the second
these rows alone, behind a block that is not there yet. So it is no good prior at once, but near to
one: some 7 % more bits, which hundreds of steps take back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.networks.lite_transform import groups as halves
from models.networks.phases import BANDS, COLOURED, LEVELS, ORDER

State = dict[str, Tensor]


def prior_from_lite(weights: State, fresh: State) -> State:
    """``fresh``, all weights of a new ``standard``, with what fits of ``lite``'s ``weights``.

    Raises
    ------
    KeyError, RuntimeError
        ``weights`` are not those of a ``lite`` of the same widths.
    """
    made = {name: value.clone() for name, value in fresh.items()}
    for name, value in weights.items():
        if not name.startswith("prior.scales."):
            made[name] = value.clone()
    low, *rest = halves()
    for scale, (level, half) in enumerate(zip(LEVELS, rest[::2], strict=True)):
        first = 1 if half.fold == low.fold else 0
        cut = _Cut(weights, made, f"prior.scales.{scale}", first, half.native // 2)
        cut.whole("quality")
        for number in range(first):
            cut.step(number)
        cut.luma()
        if level in COLOURED:
            cut.chroma()
    return made


class _Cut:
    """One grid's weights: ``first`` is the first group of its level, ``bands`` those of a phase."""

    def __init__(self, old: State, new: State, scale: str, first: int, bands: int) -> None:
        self._old, self._new, self._scale = old, new, scale
        self._first, self._bands = first, bands

    def whole(self, layer: str, source: str | None = None) -> None:
        """All of a layer."""
        start = f"{self._scale}.{source or layer}."
        found = [name for name in self._old if name.startswith(start)]
        for name in found:
            self._new[f"{self._scale}.{layer}.{name[len(start) :]}"] = self._old[name].clone()

    def step(self, number: int) -> None:
        """A group that stays as it is."""
        for part in ("blocks", "hidden", "heads", "embeds"):
            self.whole(f"{part}.{number}")

    def luma(self) -> None:
        """The four phases: 0 and 3 from the first half, 1 and 2 from the second."""
        for place in range(len(ORDER)):
            half, second = divmod(place, 2)
            number, source = self._first + place, self._first + half
            if not second:
                self.whole(f"blocks.{number}", f"blocks.{source}")
            self.whole(f"hidden.{number}", f"hidden.{source}")
            at = second * self._bands
            rows = torch.arange(at, at + BANDS)
            self._head(number, source, rows)
            self._embed(number, [(source, int(row)) for row in rows], biased=not second)

    def chroma(self) -> None:
        """Behind luma; its head from the second half, which knew most."""
        number, source = self._first + len(ORDER), self._first + 1
        self.whole(f"hidden.{number}", f"hidden.{source}")
        where = []
        for band in range(BANDS, self._bands):
            for phase in range(len(ORDER)):
                half, second = divmod(ORDER.index(phase), 2)
                where.append((self._first + half, second * self._bands + band))
        self._head(number, source, torch.tensor([row for _, row in where]))
        self._embed(number, where, biased=False)

    def _head(self, number: int, source: int, rows: Tensor) -> None:
        self.whole(f"heads.{number}", f"heads.{source}")
        for part in ("weight", "bias"):
            name = f"{self._scale}.heads.{number}.{part}"
            self._new[name] = self._new[name][rows]

    def _embed(self, number: int, where: list[tuple[int, int]], biased: bool) -> None:
        """Columns (group, channel) of the halves' layers; zeros where a half had none."""
        weight = self._new.get(f"{self._scale}.embeds.{number}.weight")
        if weight is None:
            return
        weight.zero_()
        bias = self._new[f"{self._scale}.embeds.{number}.bias"].zero_()
        for column, (source, channel) in enumerate(where):
            there = self._old.get(f"{self._scale}.embeds.{source}.weight")
            if there is not None:
                weight[:, column] = there[:, channel]
        there = self._old.get(f"{self._scale}.embeds.{where[0][0]}.bias")
        if biased and there is not None:
            bias.copy_(there)
