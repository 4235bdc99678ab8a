"""docs/FORMAT.md, section 6, word for word in plain Python: what the real coder is held against."""

from __future__ import annotations


class ReferenceStack:
    """A state of 64 bits over 32-bit words, fed one entry at a time."""

    def __init__(self, check: int = 0) -> None:
        self.words: list[int] = []
        self.state = check

    def push(self, start: int, frequency: int) -> None:
        if self.state >> 40 >= frequency:
            self.words.append(self.state & 0xFFFFFFFF)
            self.state >>= 32
        self.state = (self.state // frequency) << 24 | (self.state % frequency + start)

    def to_bytes(self) -> bytes:
        body = b"".join(word.to_bytes(4, "little") for word in self.words)
        return (body + self.state.to_bytes(8, "little")).rstrip(b"\0")


def push_step(stack: ReferenceStack, symbols: list[int], tables: list[int], table_set) -> None:
    """A step's pops by the document, undone in reverse."""
    pops: list[tuple[int, int]] = []  # (start, frequency) in the order in which they are popped
    for position in sorted(range(len(symbols)), key=lambda i: (tables[i], i)):
        table = tables[position]
        frequencies, half = table_set[table]
        entry = symbols[position] + half
        if not 0 <= entry <= 2 * half:
            entry = 2 * half + 1
        pops.append((sum(frequencies[:entry]), frequencies[entry]))
    escaped = [
        (abs(symbol) - table_set[table][1], symbol < 0)
        for symbol, table in zip(symbols, tables, strict=True)
        if abs(symbol) > table_set[table][1]
    ]
    for excess, negative in escaped:
        pops.append(uniform(2 * (excess.bit_length() - 1) + negative, 48))
    for excess, _ in sorted(escaped, key=lambda item: item[0].bit_length()):
        exponent = excess.bit_length() - 1
        if exponent:
            pops.append(uniform(excess - 2**exponent, 2**exponent))
    for start, frequency in reversed(pops):
        stack.push(start, frequency)


def uniform(value: int, count: int) -> tuple[int, int]:
    frequency = 2**24 // count
    start = value * frequency
    return start, frequency if value < count - 1 else 2**24 - start
