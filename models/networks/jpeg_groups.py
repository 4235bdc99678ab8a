"""``jpeg-dct``'s order of coefficients: luma by bands of frequencies, then chroma.

A cell is 16x16 pixels: four luma blocks, one, two or four blocks of each chroma component. Phase
2 i + j is the block in row i and column j of the cell. Channel 256 k + 64 p + f of a cell is the
coefficient f = 8 v + u (0 the DC) of component k's block p.

    group   content                                     channels
    0       luma DC, phase 0, as differences            1
    1, 2    luma DC, phase 3; 1 and 2                   1, 2
    3, 4    luma, zigzag 1-5, phases 0 and 3; 1 and 2   10, 10
    5, 6    6-14, the same                              18, 18
    7, 8    15-27                                       26, 26
    9, 10   28-63                                       72, 72
    11, 12  DC of Cb, of Cr, phase 0, as differences    1, 1
    13, 14  Cb, Cr, zigzag 1-5, phase 0                 5, 5
    15, 16  Cb, Cr, 6-63, phase 0                       58, 58
    17-19   both, phase 2: DC; 1-5; 6-63                2, 10, 116
    20-22   both, phases 1 and 3: the same              4, 20, 232

A picture with 4:2:0 chroma ends with group 16, with 4:2:2 with 19, a grey one with 10.
"""

from __future__ import annotations

from dataclasses import dataclass

LUMA, CB, CR = 0, 1, 2
COMPONENTS = 3
PHASES = 4
FREQUENCIES = 64
CHANNELS = COMPONENTS * PHASES * FREQUENCIES
LOW, MIDDLE, HIGH, HIGHEST = range(1, 6), range(6, 15), range(15, 28), range(28, 64)
_FIRST, _SECOND = (0, 3), (1, 2)  # phases that touch at corners only


def zigzag() -> tuple[int, ...]:
    """Frequency 8 v + u at each place of the zigzag (ITU-T T.81, figure A.6)."""
    places = [(v, u) for v in range(8) for u in range(8)]
    # Diagonal by diagonal; odd ones run downwards, even ones upwards.
    places.sort(key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]))
    return tuple(8 * v + u for v, u in places)


@dataclass(frozen=True)
class CoefficientGroup:
    """Coefficients that are coded in one step.

    Attributes
    ----------
    channels
        Numbers of their channels.
    inputs
        Channels, known before, that their means are predicted from; none: means are 0.
    differences
        Coded as differences along columns; such a group has one channel.
    """

    channels: tuple[int, ...]
    inputs: tuple[int, ...] = ()
    differences: bool = False


def channels(component: int, phases: tuple[int, ...], places: range) -> tuple[int, ...]:
    """Channels of a component's blocks, at places of the zigzag."""
    order = zigzag()
    return tuple(256 * component + 64 * p + order[place] for p in phases for place in places)


def coefficient_groups() -> list[CoefficientGroup]:
    """All groups, in coding order."""
    dc = range(1)
    first = channels(LUMA, (0,), dc)
    opposite = channels(LUMA, (3,), dc)
    between = channels(LUMA, _SECOND, dc)
    luma_dc = first + opposite + between
    made = [
        CoefficientGroup(first, differences=True),
        CoefficientGroup(opposite, first),
        CoefficientGroup(between, first + opposite),
    ]
    low = [channels(LUMA, phases, LOW) for phases in (_FIRST, _SECOND)]
    made += [CoefficientGroup(low[0], luma_dc), CoefficientGroup(low[1], luma_dc + low[0])]
    known = luma_dc + low[0] + low[1]
    middle = [channels(LUMA, phases, MIDDLE) for phases in (_FIRST, _SECOND)]
    made += [CoefficientGroup(middle[0], known), CoefficientGroup(middle[1], known + middle[0])]
    for band in (HIGH, HIGHEST):
        made += [CoefficientGroup(channels(LUMA, phases, band)) for phases in (_FIRST, _SECOND)]
    return made + _chroma_groups(luma_dc + low[0] + low[1])


def _chroma_groups(luma: tuple[int, ...]) -> list[CoefficientGroup]:
    """Groups of Cb and Cr; ``luma``: what of it predicts theirs."""
    dc, rest = range(1), range(6, 64)
    both = (CB, CR)
    first = {k: channels(k, (0,), dc) for k in both}
    low = {k: channels(k, (0,), LOW) for k in both}
    made = [CoefficientGroup(first[k], differences=True) for k in both]
    made.append(CoefficientGroup(low[CB], luma + first[CB]))
    made.append(CoefficientGroup(low[CR], luma + first[CB] + first[CR] + low[CB]))
    made += [CoefficientGroup(channels(k, (0,), rest)) for k in both]
    known = luma + first[CB] + first[CR] + low[CB] + low[CR]
    for phases in ((2,), (1, 3)):
        more = {
            places: channels(CB, phases, places) + channels(CR, phases, places)
            for places in (dc, LOW, rest)
        }
        made.append(CoefficientGroup(more[dc], known))
        known += more[dc]
        made.append(CoefficientGroup(more[LOW], known))
        known += more[LOW]
        made.append(CoefficientGroup(more[rest]))
    return made
