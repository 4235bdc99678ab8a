"""Trellis-coded quantisation: two shifted quantisers, and a rule that says which is whose.

Symbol j stands for j - 1/4 in the first quantiser and for -(j - 1/4) in the second; together they
cut a step into halves. The parities of the symbols before tell a symbol's quantiser: with p_i = 1
where symbol i is odd, it is the second where

    m_i = m_(i-2) xor m_(i-5) xor p_(i-3)

is 1; what would come before the first symbol is 0. That is Ungerboeck's code of 32 states for
amplitude modulation (parity checks 45 and 10 in octal; IEEE Trans. Information Theory 28(1), 1982,
table I) as a quantiser (Marcellin and Fischer, IEEE Trans. Communications 38(1), 1990). An encoder
looks for the path of least cost, by Viterbi's algorithm; a decoder knows all symbols before it asks
for their quantisers. For as the second is the first one's mirror image, a symbol is as probable in
either: its table does not depend on the path.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from service.compiling import array, compiled

OFFSET = 0.25  # of symbols from what they stand for, in steps
NEAR = 3  # symbols -NEAR to NEAR have centroids of their own; those beyond share the outermost's
WIDEST = 64  # symbols beyond cost what the outermost of these do

# The rule as a machine: a state's lowest bit is m, and half of it, with these added, the next.
_STATES = 32
_FEEDBACK = 0o45 >> 1  # where m is 1
_INPUT = 0o10 >> 1  # where the symbol is odd
_HALF = _STATES // 2
_TURN = _FEEDBACK - _HALF
_RENEWAL = 64  # symbols until costs begin near 0 again, of which float32 holds the differences
_OFFSET = np.float32(OFFSET)
_NEVER = np.float32(1e30)

_Search = Callable[
    [NDArray[np.float32], NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]],
    NDArray[np.int32],
]


def mirrored(symbols: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which symbols (P, L) are of the second quantiser; each row is a path of its own.

    With D for "one later", m (1 + D^2 + D^5) = p D^3. Over two elements (1 + D^2 + D^5)^(2^k) is
    1 + D^(2 * 2^k) + D^(5 * 2^k), which is 1 on a path short enough: so the product of all such
    powers with 2 * 2^k < L is the inverse of the factor.
    """
    length = symbols.shape[1]
    second = np.zeros(symbols.shape, np.bool_)
    second[:, 3:] = (symbols & 1)[:, :-3]
    power = 1
    while 2 * power < length:
        before = second.copy()
        second[:, 2 * power :] ^= before[:, : -2 * power]
        second[:, 5 * power :] ^= before[:, : -5 * power]
        power *= 2
    return second


def cheapest_paths(
    values: NDArray[np.float32],
    tables: NDArray[np.uint8],
    costs: NDArray[np.float32],
    centroids: NDArray[np.float32],
    threads: int = 1,
) -> NDArray[np.int32]:
    """Symbols of least squared error plus cost; each row is a path of its own.

    Parameters
    ----------
    values
        (P, L), in steps.
    tables
        (P, L) table of each, below T.
    costs
        (T, 2 K + 1) cost of symbols -K to K in each table, in squared steps; symbols beyond cost
        what the outermost do.
    centroids
        (T, 2 NEAR + 1), what is added to a symbol's place.
    threads
        Among which the paths are shared out.

    Returns
    -------
    NDArray
        (P, L) symbols.
    """
    search = _compiled()
    threads = min(threads, len(values))
    if threads < 2:
        return search(values, tables, costs, centroids)
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(
            lambda some, theirs: search(some, theirs, costs, centroids),
            np.array_split(values, threads),
            np.array_split(tables, threads),
        )
        return np.concatenate(list(found))


def compile_search() -> None:
    """Compile what `cheapest_paths` runs, so that its first call need not."""
    _compiled()


@cache
def _compiled() -> _Search:
    from numba import types

    floats, bytes_ = array(types.float32, 2), array(types.uint8, 2)
    return compiled(_search, types.Array(types.int32, 2, "C")(floats, bytes_, floats, floats))


def _search(
    values: NDArray[np.float32],
    tables: NDArray[np.uint8],
    costs: NDArray[np.float32],
    centroids: NDArray[np.float32],
) -> NDArray[np.int32]:
    """Do what `cheapest_paths` says, in what Numba compiles fast: plain loops."""
    paths, length = values.shape
    outermost = costs.shape[1] // 2
    symbols = np.empty((paths, length), np.int32)
    # Costs of the ways to states: those whose m is 0, those whose m is 1, and all of the next.
    first, second = np.empty(_HALF, np.float32), np.empty(_HALF, np.float32)
    total = np.empty(_STATES, np.float32)
    odd = np.empty((length, _STATES), np.uint8)  # parity on the better way to each state
    candidates = np.empty((length, 4), np.int32)  # even and odd of the first, then of the second
    branch = np.empty(4, np.float32)
    for path in range(paths):
        first[:] = second[:] = _NEVER
        first[0] = 0
        for at in range(length):
            table = tables[path, at]
            for side in range(2):
                value = -values[path, at] if side else values[path, at]
                error = value - (centroids[table, NEAR] - _OFFSET)
                even, best_even = 0, error * error + costs[table, outermost]
                odd_one, best_odd = 1, _NEVER
                nearest = int(np.floor(value + _OFFSET + np.float32(0.5)))
                for symbol in range(nearest - 1, nearest + 2):
                    if symbol == 0:
                        continue
                    shift = centroids[table, min(max(symbol, -NEAR), NEAR) + NEAR]
                    error = value - (np.float32(symbol) - _OFFSET + shift)
                    column = min(max(symbol, -outermost), outermost) + outermost
                    cost = error * error + costs[table, column]
                    if symbol & 1:
                        if cost < best_odd:
                            odd_one, best_odd = symbol, cost
                    elif cost < best_even:
                        even, best_even = symbol, cost
                candidates[at, 2 * side], candidates[at, 2 * side + 1] = even, odd_one
                branch[2 * side], branch[2 * side + 1] = best_even, best_odd
            # The lower half of the next states follows on those whose m is 0, the upper on the
            # others. Two that _INPUT tells apart lead to two such: plain strides, which compilers
            # make vectors of.
            by_even, by_odd = branch[0], branch[1]
            for block in range(0, _HALF, 2 * _INPUT):
                for low in range(block, block + _INPUT):
                    high, here, there = low + _INPUT, first[low], first[low + _INPUT]
                    total[low] = min(here + by_even, there + by_odd)
                    odd[at, low] = there + by_odd < here + by_even
                    total[high] = min(there + by_even, here + by_odd)
                    odd[at, high] = here + by_odd < there + by_even
            by_even, by_odd = branch[2], branch[3]
            for block in range(0, _HALF, 2 * _INPUT):
                for low in range(block, block + _INPUT):
                    here, there = second[low ^ _TURN], second[(low ^ _TURN) + _INPUT]
                    to_low, to_high = _HALF + low, _HALF + low + _INPUT
                    total[to_low] = min(here + by_even, there + by_odd)
                    odd[at, to_low] = there + by_odd < here + by_even
                    total[to_high] = min(there + by_even, here + by_odd)
                    odd[at, to_high] = here + by_odd < there + by_even
            if at % _RENEWAL == 0:
                total -= total.min()
            for half in range(_HALF):
                first[half], second[half] = total[2 * half], total[2 * half + 1]
        state = int(np.argmin(total))
        for at in range(length - 1, -1, -1):
            parity = odd[at, state]
            side = 1 if state >= _HALF else 0
            symbols[path, at] = candidates[at, 2 * side + parity]
            state ^= (_FEEDBACK if side else 0) ^ (_INPUT if parity else 0)
            state = 2 * state + side
    return symbols
