"""``standard``'s order of latents: luma's four phases of each level one after another, then chroma.

The same latents as ``lite``'s, in other groups. A level's bands are cut into the four phases of
2x2 cells; each phase is coded knowing the phases before it, and chroma knowing all of luma:

    group   content                             channels  grid of its network
    0       LL4 minus its prediction, level 4   3 + 9     1/16
    1-4     level 3, luma, phases 0, 3, 1, 2    3 each    1/16
    5       level 3, chroma                     24        1/16
    6-9     level 2, luma, the same phases      12 each   1/8
    10      level 2, chroma                     96        1/8
    11-14   level 1, luma, the same phases      48 each   1/4
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.networks.lite_transform import BANDS, PHASES, Y_CHANNELS
from models.networks.lite_transform import groups as halves
from models.networks.subband_prior import Group

CHROMA_AXES = 2
LEVELS = (3, 2, 1)
COLOURED = (3, 2)  # levels whose chroma is coded
FIRST_DETAIL = 1  # the first group of level 3


def groups() -> list[Group]:
    """The coding groups of y, in order."""
    low, *rest = halves()
    made, at = [low], len(low.channels)
    for level, half in zip(LEVELS, rest[::2], strict=True):
        parts = [(f"{level} luma {phase}", BANDS) for phase in PHASES]
        if level in COLOURED:
            parts.append((f"{level} chroma", 4 * CHROMA_AXES * BANDS))
        for name, native in parts:
            count = native * half.fold**2
            made.append(Group(name, range(at, at + count), half.fold, half.start))
            at += count
    return made


def from_lite() -> Tensor:
    """Channel of ``lite``'s y that each of ``standard``'s holds, (384,) int64."""
    low, *rest = halves()
    order = list(low.channels)
    for level, *pair in zip(LEVELS, rest[::2], rest[1::2], strict=True):
        for phase in PHASES:
            for band in range(BANDS):
                order += _channels(pair, phase, band)
        if level in COLOURED:
            for band in range(BANDS, _bands(pair[0])):
                for phase in range(len(PHASES)):
                    order += _channels(pair, phase, band)
    assert sorted(order) == list(range(Y_CHANNELS))
    return torch.tensor(order)


def _bands(half: Group) -> int:
    """Bands of a level, of all axes: a half holds those of one phase before those of another."""
    return half.native // 2


def _channels(pair: list[Group], phase: int, band: int) -> range:
    """Channels of ``lite``'s y that hold a band's phase, of a level's two halves."""
    which, second = divmod(PHASES.index(phase), 2)
    half = pair[which]
    start = half.channels.start + (second * _bands(half) + band) * half.fold**2
    return range(start, start + half.fold**2)


def level_bands(parts: list[Tensor]) -> Tensor:
    """A level's bands (P, 3 or 9, 2 h, 2 w) from its groups in order, each (P, n, h, w)."""
    phases = [parts[PHASES.index(phase)] for phase in range(len(PHASES))]
    luma = F.pixel_shuffle(torch.stack(phases, 2).flatten(1, 2), 2)
    chroma = parts[len(PHASES) :]
    return torch.cat([luma, *(F.pixel_shuffle(part, 2) for part in chroma)], 1)
