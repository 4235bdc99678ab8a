"""The mask of blade patches: from pixels, and to bytes and back (docs/FORMAT.md, section 4)."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from service.errors import BadStream

PATCH = 256
"""Side of a patch in pixels."""
_ORDERS = range(8)
"""Orders of the Exp-Golomb code."""


class _Form(IntEnum):
    NONE = 0
    FULL = 1
    CORNERS = 2
    RUNS = 3
    BITMAP = 4


def blade_patches(blade: NDArray[np.bool_], dilation: int) -> NDArray[np.bool_]:
    """Find the patches that hold blade, or are near it.

    Parameters
    ----------
    blade
        (height, width), true for blade pixels.
    dilation
        Safety margin in pixels, >= 0.

    Returns
    -------
    NDArray[np.bool_]
        (patch rows, patch columns), true where a blade pixel lies in the patch or at most
        `dilation` pixels beside it, above, below or diagonally. Pixels by which the picture is
        padded do not count.
    """
    rows, columns = (-(-side // PATCH) for side in blade.shape)

    def window(patch: int) -> slice:
        return slice(max(patch * PATCH - dilation, 0), (patch + 1) * PATCH + dilation)

    # A square margin is separable: rows first, then columns of what is left.
    strips = np.stack([blade[window(row)].any(axis=0) for row in range(rows)])
    return np.stack([strips[:, window(c)].any(axis=1) for c in range(columns)], axis=1)


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """Code a mask in its shortest form.

    Parameters
    ----------
    mask
        (patch rows, patch columns), true for blade.

    Returns
    -------
    bytes
        At most one byte more than the raw bitmap.
    """
    if not mask.any():
        return bytes([_Form.NONE])
    if mask.all():
        return bytes([_Form.FULL])
    candidates = [
        bytes([form | k << 3]) + _pack(_gaps_to_bits(gaps, k))
        for form, gaps in (
            (_Form.CORNERS, _gaps(_corners(mask))),
            (_Form.RUNS, _gaps(_changes(mask))),
        )
        for k in _ORDERS
    ]
    candidates.append(bytes([_Form.BITMAP]) + _pack(mask.ravel().astype(np.uint8).tolist()))
    return min(candidates, key=len)  # of equals the first


def decode_mask(data: bytes | memoryview, rows: int, columns: int) -> tuple[NDArray[np.bool_], int]:
    """Read a mask.

    Parameters
    ----------
    data
        Bytes that start with a mask; what follows it is ignored.
    rows, columns
        Patches in the picture.

    Returns
    -------
    mask
        (rows, columns), true for blade.
    used
        Bytes that the mask took.

    Raises
    ------
    BadStream
        If the bytes are no mask of this size.
    """
    if not len(data):
        raise BadStream("The mask is missing.")
    form, k = data[0] & 7, data[0] >> 3
    if form > _Form.BITMAP or (k and (form not in (_Form.CORNERS, _Form.RUNS) or k >= 8)):
        raise BadStream(f"The mask has no known form ({data[0]}).")
    if form in (_Form.NONE, _Form.FULL):
        return np.full((rows, columns), form == _Form.FULL), 1
    count = rows * columns
    body = np.frombuffer(data, np.uint8)[1 : 1 + -(-count // 8)]
    bits = np.unpackbits(body)
    if form == _Form.BITMAP:
        if bits.size < count:
            raise BadStream("The mask is cut short.")
        events, used = bits[:count].astype(bool), count
    else:
        events, used = _bits_to_events(bits, k, count)
    whole_bytes = -(-used // 8)
    if bits[used : 8 * whole_bytes].any():
        raise BadStream("The mask ends in bits that should be 0.")
    if form == _Form.RUNS:
        events = np.logical_xor.accumulate(events)
    mask = events.reshape(rows, columns)
    if form == _Form.CORNERS:
        mask = np.logical_xor.accumulate(np.logical_xor.accumulate(mask, axis=0), axis=1)
    return mask, 1 + whole_bytes


def _corners(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark corners of the polygons that outline the blade: changes along both axes at once."""
    vertical = np.diff(mask, axis=0, prepend=np.zeros((1, mask.shape[1]), bool))
    corners: NDArray[np.bool_] = np.diff(
        vertical, axis=1, prepend=np.zeros((mask.shape[0], 1), bool)
    )
    return corners.ravel()


def _changes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark changes along the raster."""
    changes: NDArray[np.bool_] = np.diff(mask.ravel(), prepend=np.zeros(1, bool))
    return changes


def _gaps(events: NDArray[np.bool_]) -> list[int]:
    """Count the zeros before each one, and those after the last."""
    ends = np.append(np.flatnonzero(events), events.size)
    gaps: list[int] = (np.diff(ends, prepend=-1) - 1).tolist()
    return gaps


def _gaps_to_bits(gaps: list[int], k: int) -> list[int]:
    """Exp-Golomb codes of order k."""
    bits: list[int] = []
    for gap in gaps:
        value = gap + (1 << k)
        length = value.bit_length()
        bits += [0] * (length - 1 - k)
        bits += [value >> place & 1 for place in reversed(range(length))]
    return bits


def _bits_to_events(bits: NDArray[np.uint8], k: int, count: int) -> tuple[NDArray[np.bool_], int]:
    """Read codes until they reach the bitmap's end; mirrors `_gaps` and `_gaps_to_bits`."""
    events = np.zeros(count, bool)
    ones = np.append(np.flatnonzero(bits), bits.size)
    position = used = 0
    while True:
        first_one = int(ones[np.searchsorted(ones, used)])
        length = first_one - used + 1 + k
        stop = first_one + length
        if stop > bits.size:
            raise BadStream("The mask is cut short.")
        value = int("".join(map(str, bits[first_one:stop].tolist())), 2)
        position, used = position + value - (1 << k), stop
        if position == count:
            return events, used
        if position > count:
            raise BadStream("The mask is larger than the picture.")
        events[position] = True
        position += 1


def _pack(bits: list[int]) -> bytes:
    return np.packbits(np.array(bits, np.uint8)).tobytes()
