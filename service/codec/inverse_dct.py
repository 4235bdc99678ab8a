"""The inverse cosine transform of JPEG blocks, to the bit as decoders have it.

Decoders differ in how they round; this is the "accurate integer" transform that libjpeg and its
kin use by default: the flow graph of Loeffler, Ligtenberg and Moschytz ("Practical fast 1-D DCT
algorithms with 11 multiplications", ICASSP 1989) with constants of 13 bits, columns first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 8
"""Samples on a side of a block."""

_CONSTANT_BITS = 13
_COLUMN_BITS = 2  # that the columns' results have more than samples
_AFTER_COLUMNS = _CONSTANT_BITS - _COLUMN_BITS
_AFTER_ROWS = _CONSTANT_BITS + _COLUMN_BITS + 3  # 3: each pass is too large by the root of 8
_CENTRE = 128

# Cosines of the flow graph, and sums of them, in 1/8192.
_EVEN = 4433  # 0.541196100
_EVEN_2, _EVEN_6 = 6270, -15137  # 0.765366865, -1.847759065
_ODD = 9633  # 1.175875602
_ODD_71, _ODD_53, _ODD_73, _ODD_51 = -7373, -20995, -16069, -3196
_ODD_7, _ODD_5, _ODD_3, _ODD_1 = 2446, 16819, 25172, 12299


def samples_of_blocks(
    coefficients: NDArray[np.integer], steps: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Samples of a component, from its quantised coefficients.

    Parameters
    ----------
    coefficients
        (..., rows, columns, 64), each within int16, in natural order. Those that no encoder
        writes overflow, without a warning: to some samples or other.
    steps
        (64,), each 1 to 255.

    Returns
    -------
    NDArray[np.uint8]
        (..., 8 rows, 8 columns).
    """
    *outer, rows, columns, count = coefficients.shape
    values = coefficients.reshape(-1, count).astype(np.int32) * steps.astype(np.int32)
    # Blocks go last, where they are next to each other: NumPy then takes many at once.
    by_row = np.ascontiguousarray(values.reshape(-1, BLOCK, BLOCK).transpose(1, 2, 0))
    half_done = _one_dimension(by_row)
    half_done += 1 << (_AFTER_COLUMNS - 1)
    half_done >>= _AFTER_COLUMNS
    done = _one_dimension(np.ascontiguousarray(half_done.transpose(1, 0, 2)))
    done += (_CENTRE << _AFTER_ROWS) + (1 << (_AFTER_ROWS - 1))
    done >>= _AFTER_ROWS
    samples = np.clip(done, 0, 255).astype(np.uint8)  # (column, row, block)
    blocks = samples.T.reshape(*outer, rows, columns, BLOCK, BLOCK)
    return blocks.swapaxes(-3, -2).reshape(*outer, rows * BLOCK, columns * BLOCK)


def _one_dimension(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Transform along the first axis, (8, ...); what comes out is 8192 times the root of 8 large.

    Nothing is rounded within: which sums come first makes no difference.
    """
    even = (values[2] + values[6]) * _EVEN
    outer, inner = even + values[2] * _EVEN_2, even + values[6] * _EVEN_6
    total = (values[0] + values[4]) * (1 << _CONSTANT_BITS)
    difference = (values[0] - values[4]) * (1 << _CONSTANT_BITS)
    evens = total + outer, difference + inner, difference - inner, total - outer

    of_73, of_51 = values[7] + values[3], values[5] + values[1]
    odd = (of_73 + of_51) * _ODD
    of_73, of_51 = of_73 * _ODD_73 + odd, of_51 * _ODD_51 + odd
    of_71, of_53 = (values[7] + values[1]) * _ODD_71, (values[5] + values[3]) * _ODD_53
    odds = (
        values[1] * _ODD_1 + of_71 + of_51,
        values[3] * _ODD_3 + of_53 + of_73,
        values[5] * _ODD_5 + of_53 + of_51,
        values[7] * _ODD_7 + of_71 + of_73,
    )

    results = np.empty_like(values)
    for place, (even, odd) in enumerate(zip(evens, odds, strict=True)):
        np.add(even, odd, out=results[place])
        np.subtract(even, odd, out=results[BLOCK - 1 - place])
    return results
