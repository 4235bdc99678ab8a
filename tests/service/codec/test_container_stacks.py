"""The container with stacks: who holds what, to the byte, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec.container.fields import varint
from service.codec.container.layout import Header, LosslessStream, Stream
from service.codec.container.parser import parse
from service.codec.container.stacks import BladeStream, Chained, StackEntry, StackStream
from service.codec.container.writer import pack
from service.codec.integrity import crc32c
from service.errors import BadStream, UnsupportedStream
from tests.service.codec.test_container_modes import NOTHING, header_of

MASK = np.array([[True, False, True], [False, True, True]])
PATCHES = [
    Stream(b"", 0),
    Stream(b"lend", 2, stack=1),
    Stream(b"base", 1),
    Stream(b"lender", 3, stack=0),
    Stream(b"", 0),
    Stream(b"x", 1),
]
BLADE: list[BladeStream] = [
    Chained(1),
    StackStream(b"stack 0", 2),
    StackStream(b"stack no. 1", 0),
    LosslessStream(bytes(9 * 4 * 3 + 4), raw=True),
]


def small_file() -> bytes:
    """521x260, 2x3 patches, two stacks; the last blade patch is raw."""
    header = header_of(521, 260, MASK, stacks=True)
    return pack(header, [Stream(b"top", 1)], PATCHES, NOTHING, None, BLADE)


# docs/FORMAT.md, sections 3, 5 and 9, explain every byte of these two tables.
TABLES = (
    "a0 05 {patches} 08 00 40 12 41 60 03 00 11",  # lent: 4 and 6 bytes, their stack and groups
    "b0 8201 {lossless} 07 07 1e 02 2e 00 c103",  # chained, stack with filler, stack, raw
)


def test_golden_index() -> None:
    data = small_file()
    blade = parse(data)
    assert data[10 + (data[9] >= 128)] == 4  # flags
    checks = {
        "patches": crc32c(b"basex").to_bytes(4, "little").hex(),
        "lossless": crc32c(b"stack 0stack no. 1" + bytes(112)).to_bytes(4, "little").hex(),
    }
    index = data[: blade.index_length]
    for table in TABLES:
        assert bytes.fromhex(table.format(**checks)) in index
    assert data[blade.index_length :] == b"topbasexstack 0stack no. 1" + bytes(112)


def test_what_the_stacks_hold() -> None:
    blade = parse(small_file())
    assert blade.header.stacks
    start = blade.chunks["lossless"].offset
    assert blade.stacks == (
        StackEntry(start, 7, 2, (2,), (3,)),
        StackEntry(start + 7, 11, 0, (4, 0), (1,)),
    )
    assert [blade.stack(number) for number in (0, 1)] == [b"stack 0", b"stack no. 1"]
    assert blade.patch(1) is blade.patch(3) is None
    assert (blade.patch(2), blade.patch(5)) == (b"base", b"x")
    assert [entry.length for entry in blade.patches] == [0, 4, 4, 6, 0, 1]
    assert [entry.groups for entry in blade.patches] == [0, 2, 1, 3, 0, 1]
    assert [entry.stack for entry in blade.lossless.values()] == [1, 0, 1, None]
    assert [entry.raw for entry in blade.lossless.values()] == [False, False, False, True]


def test_a_prefix_has_the_stacks_that_arrived() -> None:
    whole = small_file()
    entry = parse(whole).stacks[1]
    part = parse(whole[: entry.offset + 10])
    assert (part.stack(0), part.stack(1)) == (b"stack 0", None)
    assert part.truncated


def test_every_flipped_bit_of_the_index_is_found() -> None:
    whole = small_file()
    for at in range(parse(whole).index_length):
        for bit in range(8):
            changed = bytearray(whole)
            changed[at] ^= 1 << bit
            with pytest.raises((BadStream, UnsupportedStream)):
                parse(bytes(changed))


@st.composite
def files(draw: st.DrawFn) -> tuple[Header, list[Stream], list[BladeStream]]:
    width, height = draw(st.integers(1, 900)), draw(st.integers(1, 900))
    rows, columns = -(-height // 256), -(-width // 256)
    bits = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    mask = np.array(bits).reshape(rows, columns)
    mask.flat[draw(st.integers(0, mask.size - 1))] = True
    layer = not mask.all() or draw(st.booleans())
    empty = {} if layer else {"model": None, "quality64": 0, "top_quality": 0, "band_rows": 1}
    header = header_of(width, height, mask, stacks=True, grey=draw(st.booleans()), **empty)
    kinds = draw(
        st.lists(st.sampled_from("SCR"), min_size=int(mask.sum()), max_size=int(mask.sum()))
    )
    stacks = kinds.count("S")
    owner = st.integers(0, stacks - 1)
    may_lend = [stacks and layer and not is_blade for is_blade in mask.flat]
    lent = [draw(st.none() | owner) if may else None for may in may_lend]
    patches = [Stream(bytes(draw(st.integers(1, 30))), 2, stack=stack) for stack in lent if layer]
    loans = [sum(len(p.data) for p in patches if p.stack == n) for n in range(stacks)]
    fillers = iter([-loan % 4 + 4 * draw(st.integers(0 if loan else 1, 3)) for loan in loans])
    blade: list[BladeStream] = []
    for kind, number in zip(kinds, header.lossless_patches, strict=True):
        if kind == "S":
            blade.append(StackStream(bytes(draw(st.integers(1, 40))), next(fillers)))
        elif kind == "C" and stacks:
            blade.append(Chained(draw(owner)))
        else:
            blade.append(LosslessStream(bytes(header.samples_in(number) + 4), raw=True))
    return header, patches, blade


@given(files())
@settings(max_examples=100, deadline=None)
def test_parse_is_the_inverse_of_pack(
    content: tuple[Header, list[Stream], list[BladeStream]],
) -> None:
    header, patches, blade_streams = content
    bands = [Stream(b"band", 1)] * header.stream_counts[0]
    blade = parse(pack(header, bands, patches, NOTHING, None, blade_streams))
    assert blade.header.stacks
    assert [entry.stack for entry in blade.patches] == [stream.stack for stream in patches]
    assert [entry.length for entry in blade.patches] == [len(stream.data) for stream in patches]
    for number, stream in enumerate(patches):
        assert blade.patch(number) == (stream.data if stream.stack is None else None)
    own = [stream for stream in blade_streams if isinstance(stream, StackStream)]
    assert [entry.filler for entry in blade.stacks] == [stream.filler for stream in own]
    assert [blade.stack(n) for n in range(len(own))] == [stream.data for stream in own]
    on_stacks = sorted(n for entry in blade.stacks for n in entry.patches)
    assert on_stacks == [n for n, entry in blade.lossless.items() if not entry.raw]
    assert blade.check_chunks() == []
    assert not blade.truncated


def with_index(old: str, new: str) -> bytes:
    """The small file with bytes of its index replaced, and its check made right again."""
    whole = small_file()
    start = parse(whole).index_length
    index = whole[10 + (whole[9] >= 128) : start - 4]
    assert index.count(bytes.fromhex(old)) == 1
    index = index.replace(bytes.fromhex(old), bytes.fromhex(new))
    front = whole[:9] + varint(len(index)) + index
    return front + crc32c(front).to_bytes(4, "little") + whole[start:]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("08 00 40 12 41", "08 00 40 22 41", "no stack 2"),  # lent to nobody
        ("40 12 41 60 03", "40 12 41 60 23", "no stack 2"),
        ("07 07 1e 02", "07 0b 1e 02", "no stack 2"),  # chained to nobody
        ("08 00 40 12 41", "08 00 40 10 41", "lent stream"),  # lent without groups
        ("07 1e 02 2e 00", "07 1e 03 2e 00", "loan of 9"),  # not a whole number of words
        ("60 03 00 11", "41 60 00 11", "impossible"),  # a blade patch that lends
        ("07 07 1e 02 2e 00 c103", "06 07 1c 2e 00 c103", "no stack"),  # form 0
        ("07 1e 02 2e 00", "07 1a 02 2e 00", "add up"),
        ("07 1e 02 2e 00", "07 02 02 2e 00", "stack of 0"),
        ("07 07 1e 02", "09 07 1e 828040", "filler"),  # 2^20 bytes and more of it
        ("04 01 8904", "06 01 8904", "."),  # no lossy layer
        ("04 01 8904", "04 00 8904", "."),  # mode lossy
    ],
)
def test_an_index_that_contradicts_itself(old: str, new: str, what: str) -> None:
    with pytest.raises(BadStream, match=what):
        parse(with_index(old, new))


def test_a_loan_of_nothing() -> None:
    header = header_of(1, 1, np.ones((1, 1), bool), model=None, mode="roi-only", stacks=True)
    whole = pack(header, [], [], NOTHING, None, [StackStream(b"stack", 0)])
    with pytest.raises(BadStream, match="loan"):
        parse(whole)


def test_a_stack_is_not_longer_than_its_patches_can_be() -> None:
    header = header_of(300, 1, np.ones((1, 2), bool), model=None, mode="roi-only", stacks=True)
    data = bytes(2**20)
    chained = pack(header, [], [], NOTHING, None, [StackStream(data, 4), Chained(0)])
    assert parse(chained).stacks[0].length == 2**20
    two = pack(header, [], [], NOTHING, None, [StackStream(data, 4), StackStream(b"x", 4)])
    with pytest.raises(BadStream, match="impossible"):
        parse(two)


@pytest.mark.parametrize(
    ("patches", "blade", "stacks"),
    [
        (PATCHES, [Chained(0), *BLADE[1:]], False),  # stacks, and the header denies it
        (PATCHES, [Chained(2), *BLADE[1:]], True),
        ([*PATCHES[:5], Stream(b"x", 1, stack=2)], BLADE, True),
        ([Stream(b"x", 1, stack=0), *PATCHES[1:]], BLADE, True),  # a blade patch lends
        ([Stream(s.data, s.groups) for s in PATCHES], [LosslessStream(b"x", False)] * 4, True),
    ],
)
def test_streams_that_do_not_fit_are_not_written(
    patches: list[Stream], blade: list[BladeStream], stacks: bool
) -> None:
    with pytest.raises(ValueError, match=r"stack|lends"):
        pack(
            header_of(521, 260, MASK, stacks=stacks),
            [Stream(b"top", 1)],
            patches,
            NOTHING,
            None,
            blade,
        )


def test_stacks_need_a_blade() -> None:
    with pytest.raises(ValueError, match="no blade"):
        header_of(10, 10, np.zeros((1, 1), bool), stacks=True)
    with pytest.raises(ValueError, match="filler"):
        StackStream(b"x", 2**20)
    with pytest.raises(ValueError, match="length"):
        Stream(b"", 1, stack=0)
