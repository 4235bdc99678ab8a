"""Stacks in a `.blade` file (docs/FORMAT.md, section 9): what is packed, and where it is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.codec.container.entries import LosslessEntry, StreamEntry
from service.codec.container.layout import MAX_STREAM, LosslessStream
from service.errors import BadStream

WORD_BYTES = 4


@dataclass(frozen=True)
class StackStream:
    """A stack to be packed; its entry is that of the first patch in it.

    Attributes
    ----------
    data
        What the coder wrote.
    filler
        Bytes of its loan that no stream lent, fewer than 2**20.
    """

    data: bytes
    filler: int

    def __post_init__(self) -> None:
        """Refuse (ValueError) what the format cannot say."""
        if not 0 <= self.filler < MAX_STREAM:
            raise ValueError(f"{self.filler} bytes of filler are not within 0 to {MAX_STREAM - 1}")


@dataclass(frozen=True)
class Chained:
    """A blade patch that follows in a stack, given by its number."""

    stack: int


BladeStream = LosslessStream | StackStream | Chained
"""What a blade patch can have in a file."""


@dataclass(frozen=True)
class StackEntry:
    """Where a stack lies and what it holds.

    Attributes
    ----------
    offset, length
        Bytes, from the start of the file.
    filler
        Bytes of its loan that no stream lent.
    patches
        Blade patches, the first one at the bottom: a reader finds them in reverse order.
    donors
        Background patches whose streams it was lent, ascending.
    """

    offset: int
    length: int
    filler: int
    patches: tuple[int, ...]
    donors: tuple[int, ...]


def assemble(
    entries: dict[int, LosslessEntry], fillers: Sequence[int], lossy: Sequence[StreamEntry]
) -> tuple[StackEntry, ...]:
    """Gather each stack from the entries that name it.

    Parameters
    ----------
    entries
        Of the blade patches by number, ascending; a stack's number is its first patch's place
        among those that open one.
    fillers
        Bytes of filler of each stack.
    lossy
        Entries of the lossy layer's patches, all of them; or none.

    Raises
    ------
    BadStream
        An entry names a stack that does not exist, a stack is longer than its patches can be, or
        a loan is not a whole number of words.
    """
    on_stacks = [
        (number, entry.stack, entry.length)
        for number, entry in entries.items()
        if entry.stack is not None
    ]
    chains = [[number] for number, _, length in on_stacks if length]
    donors: list[list[int]] = [[] for _ in chains]
    for number, stack, length in on_stacks:
        if not length:
            _of(chains, stack).append(number)
    for number, lent in enumerate(lossy):
        if lent.stack is not None:
            _of(donors, lent.stack).append(number)
    stacks = []
    for chain, lenders, filler in zip(chains, donors, fillers, strict=True):
        entry = entries[chain[0]]
        if entry.length >= MAX_STREAM * len(chain):
            raise BadStream(f"A stack of {entry.length} bytes is impossible.")
        loan = sum(lossy[number].length for number in lenders) + filler
        if not loan or loan % WORD_BYTES:
            raise BadStream(f"A stack's loan of {loan} bytes is impossible.")
        stacks.append(StackEntry(entry.offset, entry.length, filler, tuple(chain), tuple(lenders)))
    return tuple(stacks)


def _of(lists: list[list[int]], stack: int) -> list[int]:
    if stack >= len(lists):
        raise BadStream(f"There is no stack {stack}.")
    return lists[stack]
