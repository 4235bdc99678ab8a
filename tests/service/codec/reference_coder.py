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

    @classmethod
    def from_bytes(cls, data: bytes) -> ReferenceStack:
        data += bytes(-len(data) % 4)
        stack = cls()
        stack.words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
        for _ in range(min(2, len(stack.words))):
            stack.state = stack.state << 32 | stack.words.pop()
        return stack

    def pop(self, frequencies: list[int]) -> int:
        below, start, entry = self.state % 2**24, 0, 0
        while below >= start + frequencies[entry]:
            start += frequencies[entry]
            entry += 1
        self.state = (self.state >> 24) * frequencies[entry] + below - start
        if self.state < 2**32 and self.words:
            self.state = self.state << 32 | self.words.pop()
        return entry

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


def pop_step(stack: ReferenceStack, tables: list[int], table_set) -> list[int]:
    """A step's pops as the document lists them."""
    symbols = [0] * len(tables)
    for position in sorted(range(len(tables)), key=lambda i: (tables[i], i)):
        frequencies, half = table_set[tables[position]]
        symbols[position] = stack.pop(frequencies) - half
    escaped = [i for i, table in enumerate(tables) if symbols[i] > table_set[table][1]]
    heads = {i: uniform_pop(stack, 48) for i in escaped}
    mantissas = dict.fromkeys(escaped, 0)
    for i in sorted(escaped, key=lambda i: (heads[i] >> 1, i)):
        if heads[i] >> 1:
            mantissas[i] = uniform_pop(stack, 2 ** (heads[i] >> 1))
    for i in escaped:
        magnitude = table_set[tables[i]][1] + 2 ** (heads[i] >> 1) + mantissas[i]
        symbols[i] = -magnitude if heads[i] & 1 else magnitude
    return symbols


def uniform_pop(stack: ReferenceStack, count: int) -> int:
    frequency = 2**24 // count
    return stack.pop([frequency] * (count - 1) + [2**24 - frequency * (count - 1)])
