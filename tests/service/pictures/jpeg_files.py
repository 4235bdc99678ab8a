"""JPEG files written coefficient by coefficient, which Pillow cannot write."""

import struct

import numpy as np

ZIGZAG = [
    *(0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5),
    *(12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28),
    *(35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51),
    *(58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63),
]

# DC: sizes 0..13 in four bits. AC: run and size, 0..15 each, in eight bits, but for the last three.
DC_CODE = bytes((0, 0, 0, 14, *[0] * 12)) + bytes(range(14))
AC_CODE = bytes((*[0] * 7, 253, *[0] * 8)) + bytes(range(253))


def segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def quantisers(number, steps, *, wide=False):
    listed = [int(steps[place]) for place in ZIGZAG]
    return segment(0xDB, struct.pack(">B64H" if wide else ">B64B", number + 16 * wide, *listed))


def frame(height, width, factors, *, marker=0xC0, ids=(1, 2, 3)):
    body = struct.pack(">BHHB", 8, height, width, len(factors))
    for place, (across, down) in enumerate(factors):
        body += bytes((ids[place], 16 * across + down, min(place, 1)))
    return segment(marker, body)


def scan_header(count, *, ids=(1, 2, 3), tail=b"\0\x3f\0"):
    named = b"".join(bytes((ids[place], 0)) for place in range(count))
    return segment(0xDA, bytes((count,)) + named + tail)


TABLES = segment(0xC4, b"\0" + DC_CODE + b"\x10" + AC_CODE)


class Bits:
    def __init__(self):
        self.text = []

    def put(self, value, count):
        if count:
            self.text.append(format(value, f"0{count}b"))

    def signed(self, value):
        size = abs(value).bit_length()
        self.put(value if value >= 0 else value + (1 << size) - 1, size)

    def data(self):
        text = "".join(self.text)
        text += "1" * (-len(text) % 8)
        raw = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
        return raw.replace(b"\xff", b"\xff\0")


def put_block(bits, block, prediction):
    difference = int(block[0]) - prediction
    bits.put(abs(difference).bit_length(), 4)
    bits.signed(difference)
    run = 0
    for place in ZIGZAG[1:]:
        value = int(block[place])
        if value == 0:
            run += 1
            continue
        while run > 15:
            bits.put(0xF0, 8)
            run -= 16
        bits.put(16 * run + abs(value).bit_length(), 8)
        bits.signed(value)
        run = 0
    if run:
        bits.put(0, 8)


def coded(components, factors, restart_interval=0):
    """The coded data of whole MCUs; components are (rows, columns, 64) of ints."""
    (rows, columns, _), (across, down) = components[0].shape, factors[0]
    output, bits = b"", Bits()
    predictions = [0] * len(components)
    for number, (row, column) in enumerate(np.ndindex(rows // down, columns // across)):
        if restart_interval and number and number % restart_interval == 0:
            output += bits.data() + bytes((0xFF, 0xD0 + (number // restart_interval - 1) % 8))
            bits, predictions = Bits(), [0] * len(components)
        for place, ((wide, high), blocks) in enumerate(zip(factors, components, strict=True)):
            for i, j in np.ndindex(high, wide):
                block = blocks[row * high + i, column * wide + j]
                put_block(bits, block, predictions[place])
                predictions[place] = int(block[0])
    return output + bits.data()


def jpeg(
    components,
    factors,
    size,
    *,
    steps=None,
    restart_interval=0,
    before=b"",
    head=None,
    scan=None,
    data=None,
    tables=TABLES,
    end=b"\xff\xd9",
):
    """A whole file; each part can be given instead."""
    steps = np.arange(1, 65) if steps is None else steps
    return b"".join(
        (
            b"\xff\xd8",
            before,
            quantisers(0, steps),
            quantisers(1, steps[::-1]),
            frame(*size, factors) if head is None else head,
            tables,
            segment(0xDD, struct.pack(">H", restart_interval)),
            scan_header(len(factors)) if scan is None else scan,
            coded(components, factors, restart_interval) if data is None else data,
            end,
        )
    )
