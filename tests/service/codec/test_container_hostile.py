"""Indexes that nobody wrote in good faith: refused by name, before memory is taken."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from service.codec.container.fields import varint
from service.codec.container.parser import parse
from service.errors import BadStream, UnsupportedStream
from tests.service.codec.container_files import small_file, with_index


def test_mutated_indexes_with_a_right_check_raise_nothing_else() -> None:
    # An attacker can compute a CRC: so the parser itself must hold.
    choice = random.Random(0)

    def mutate(index: bytearray) -> bytearray:
        for _ in range(choice.randint(1, 4)):
            at = choice.randrange(len(index))
            kind = choice.randrange(4)
            if kind == 0:
                index[at] ^= 1 << choice.randrange(8)
            elif kind == 1:
                index[at : at + choice.randint(1, 8)] = b"\xff" * choice.randint(0, 8)
            elif kind == 2:
                del index[at:]
                index += choice.randbytes(choice.randint(1, 20))
            else:
                index.insert(at, choice.randrange(256))
        return index

    tracemalloc.start()
    refused = 0
    for _ in range(2000):
        try:
            blade = parse(with_index(mutate))
        except (BadStream, UnsupportedStream):
            refused += 1
            continue
        for i in range(len(blade.patches)):
            blade.patch(i)
        blade.metadata(), blade.digests(), blade.check_chunks()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 1000
    assert peak < 2_000_000


@pytest.mark.parametrize("fill", [b"\xff", b"\x00", b"\x80"])
def test_an_index_of_nothing_but(fill: bytes) -> None:
    for length in (0, 1, 30, 1000, 2**20):
        with pytest.raises((BadStream, UnsupportedStream)):
            parse(with_index(lambda _, n=length: fill * n))


def test_huge_claims_are_refused_before_memory_is_taken() -> None:
    def claim(width: int, height: int) -> bytes:
        return with_index(lambda index: index[:2] + varint(width) + varint(height) + index[6:])

    tracemalloc.start()
    for width, height in ((2**17, 2**17), (2**32 - 1, 1), (0, 1), (120_001, 1000)):
        with pytest.raises(BadStream, match="claims"):
            parse(claim(width, height))
    with pytest.raises(BadStream):  # the largest grid of all, without its mask and streams
        parse(claim(2**17, 915))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_the_caller_s_limit_holds() -> None:
    assert parse(small_file(), max_pixels=120_000).header.width == 300
    with pytest.raises(BadStream, match="claims"):
        parse(small_file(), max_pixels=119_999)


@pytest.mark.parametrize(
    "transfer",
    [
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: bytes(byte & 0x7F for byte in data),
        lambda data: data[: data.index(b"\x1a")],
    ],
)
def test_text_mode_damage_is_named(transfer) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadStream, match="text-mode"):
        parse(transfer(small_file()))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_other_files_are_named_so(data: bytes) -> None:
    with pytest.raises(BadStream, match=r"not a \.blade"):
        parse(data)
