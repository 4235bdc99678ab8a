"""Initial bits for bits-back: background streams that are lent to stacks, and who lends to whom.

A stack starts with the streams of background patches, which a decoder finds again below the
patches that it pops (docs/FORMAT.md, section 9); so they are stored once. Nearest background
patches lend first. When they run out, blade patches share stacks (paper roi-eml, section VI-A);
filler, which is stored for nothing, is the last resort.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.codec.grid import Grid

WORD_BYTES = 4
CHAIN = 8
"""Patches that share a stack at most: what a region has to be decoded for, and what damage hits."""
LEAST_DONOR = 8
"""Bytes of the shortest stream worth lending: its entry grows by one or two."""


def keystream(words: int) -> NDArray[np.uint32]:
    """The fixed words that loans are XORed with, so that bits of any kind look random."""
    h: NDArray[np.uint32] = np.arange(1, words + 1, dtype=np.uint32)
    h *= np.uint32(0x9E3779B9)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h


def loan_words(streams: Sequence[bytes], filler: int) -> NDArray[np.uint32]:
    """What a stack starts with: streams and zero bytes, a whole number of words; whitened."""
    words = np.frombuffer(b"".join(streams) + bytes(filler), "<u4").astype(np.uint32)
    return words ^ keystream(len(words))


def returned(
    words: NDArray[np.uint32] | None, lengths: Sequence[int], filler: int
) -> list[bytes] | None:
    """Streams of these lengths out of a loan; None if it is not what was lent."""
    if words is None or len(words) * WORD_BYTES != sum(lengths) + filler:
        return None
    data = (words ^ keystream(len(words))).astype("<u4").tobytes()
    if any(data[len(data) - filler :]):
        return None
    ends = np.cumsum(lengths).tolist()
    return [data[end - length : end] for end, length in zip(ends, lengths, strict=True)]


@dataclass(frozen=True)
class Plan:
    """A stack before it is coded.

    Attributes
    ----------
    patches
        Blade patches, the first one pushed first.
    donors
        Background patches that lend their streams, ascending.
    filler
        Bytes beside these, to a whole number of words.
    """

    patches: tuple[int, ...]
    donors: tuple[int, ...]
    filler: int


class Pool:
    """Background streams that have not been lent yet.

    Parameters
    ----------
    grid
        The picture's geometry.
    lengths
        Bytes of each background patch's stream, by its number; none if nothing is to be lent.
    """

    def __init__(self, grid: Grid, lengths: Mapping[int, int]) -> None:
        self._columns = grid.columns
        self._lengths = lengths
        self._free = {number for number, length in lengths.items() if length >= LEAST_DONOR}

    @property
    def bytes(self) -> int:
        """Bytes that can still be lent."""
        return sum(self._lengths[number] for number in self._free)

    def open_stack(self, patches: Sequence[int], wanted: int) -> Plan:
        """A stack that starts with at least as many bytes: streams while there are any, filler."""
        first = patches[0]
        donors: list[int] = []
        lent = 0
        for _, number in sorted((self._distance(first, free), free) for free in self._free):
            if lent >= wanted:
                break
            donors.append(number)
            lent += self._lengths[number]
        self._free.difference_update(donors)
        filler = max(wanted - lent, 0)
        filler += -(lent + filler) % WORD_BYTES
        return Plan(tuple(patches), tuple(sorted(donors)), filler)

    def enlarge(self, plan: Plan, wanted: int) -> Plan:
        """The same stack with at least as many bytes more."""
        more = self.open_stack(plan.patches, wanted)
        donors = tuple(sorted(plan.donors + more.donors))
        return Plan(plan.patches, donors, plan.filler + more.filler)

    def take_back(self, plan: Plan) -> None:
        """Let the donors of a stack lend to others."""
        self._free.update(plan.donors)

    def _distance(self, first: int, second: int) -> int:
        rows = first // self._columns - second // self._columns
        columns = first % self._columns - second % self._columns
        return rows * rows + columns * columns


def plan_stacks(grid: Grid, needs: Mapping[int, int], pool: Pool) -> list[Plan]:
    """Who lends to whom, and which blade patches share a stack.

    Parameters
    ----------
    grid
        The picture's geometry.
    needs
        Bytes that a stack must start with to take each blade patch first; ascending.
    pool
        The background's streams.

    Returns
    -------
    list[Plan]
        Every blade patch is in one of them.
    """
    plans: list[Plan] = []
    poor: list[int] = []
    left = pool.bytes
    for number, need in needs.items():
        if left < need:
            poor.append(number)
            continue
        plans.append(pool.open_stack([number], need))
        left = pool.bytes
    missing = max(-(-len(needs) // CHAIN) - len(plans), 0)
    spread = [poor[position * len(poor) // missing] for position in range(missing)]
    plans += [pool.open_stack([number], needs[number]) for number in spread]
    return _chained(grid, plans, sorted(set(poor) - set(spread)))


def _chained(grid: Grid, plans: list[Plan], numbers: Sequence[int]) -> list[Plan]:
    """Append patches to the stacks that have fewest, of these to the nearest."""
    rows, columns = np.divmod([plan.patches[0] for plan in plans], grid.columns)
    chains = [[plan.patches[0]] for plan in plans]
    sizes = np.ones(len(plans), int)
    for number in numbers:
        row, column = divmod(number, grid.columns)
        distances = (rows - row) ** 2 + (columns - column) ** 2
        chosen = int(np.lexsort((distances, sizes))[0])
        chains[chosen].append(number)
        sizes[chosen] += 1
    return [
        Plan(tuple(chain), plan.donors, plan.filler)
        for plan, chain in zip(plans, chains, strict=True)
    ]
