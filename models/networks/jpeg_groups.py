"""``jpeg-dct``'s order of coefficients: luma by bands of frequencies, then chroma.

A cell is 16x16 pixels: four luma blocks, one, two or four blocks of each chroma component. Phase
2 i + j is the block in row i and column j of the cell. Channel 256 k + 64 p + f of a cell is the
coefficient f = 8 v + u (0 the DC) of component k's block p.

    group   content                                     channels
    0       luma DC, phase 0, as differences            1
    1, 2    luma DC, phase 3; 1 and 2                   1, 2
    3-10    luma by ``LUMA_BANDS``, each band twice:    10 to 72
            phases 0 and 3, then 1 and 2
    11, 12  DC of Cb, of Cr, phase 0, as differences    1, 1
    13-16   by ``CHROMA_BANDS``: Cb, Cr, phase 0        5, 5, 58, 58
    17-19   both, phase 2: DC, then by CHROMA_BANDS     2, 10, 116
    20-22   both, phases 1 and 3: the same              4, 20, 232

A picture with 4:2:0 chroma ends with group 16, with 4:2:2 with 19, a grey one with 10. Twice
as many bands saved 0.05 % of the loss after 1,000 steps, for a third more time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from service.pictures.jpeg_headers import ZIGZAG

LUMA, CB, CR = 0, 1, 2
# Places of the zigzag.
LUMA_BANDS = tuple(range(first, stop) for first, stop in pairwise((1, 6, 15, 28, 64)))
CHROMA_BANDS = (range(1, 6), range(6, 64))
PREDICTED = 15  # of luma, places below have means
_FIRST, _SECOND = (0, 3), (1, 2)  # phases that touch at corners only


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
    order = ZIGZAG.tolist()
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
    known, told = luma_dc, luma_dc
    for band in LUMA_BANDS:
        for phases in (_FIRST, _SECOND):
            coded = channels(LUMA, phases, band)
            made.append(CoefficientGroup(coded, known if band.stop <= PREDICTED else ()))
            if band.stop <= PREDICTED:
                known += coded
            if band.stop <= CHROMA_BANDS[0].stop:
                told += coded
    return made + _chroma_groups(told)


def _chroma_groups(luma: tuple[int, ...]) -> list[CoefficientGroup]:
    """Groups of Cb and Cr; ``luma``: what of it predicts theirs."""
    dc, low, *rest = range(1), *CHROMA_BANDS
    both = (CB, CR)
    first = {k: channels(k, (0,), dc) for k in both}
    made = [CoefficientGroup(first[k], differences=True) for k in both]
    known = luma
    for k in both:
        known += first[k]
        made.append(CoefficientGroup(channels(k, (0,), low), known))
        known += made[-1].channels
    made += [CoefficientGroup(channels(k, (0,), band)) for band in rest for k in both]
    for phases in ((2,), (1, 3)):
        more = [
            channels(CB, phases, band) + channels(CR, phases, band) for band in (dc, *CHROMA_BANDS)
        ]
        for part in more[:2]:
            made.append(CoefficientGroup(part, known))
            known += part
        made += [CoefficientGroup(part) for part in more[2:]]
    return made
