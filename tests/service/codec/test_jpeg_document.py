"""docs/FORMAT.md, section 10, word for word in plain Python, reads what the encoder wrote."""

from __future__ import annotations

import numpy as np
import pytest

from service.codec.container.jpeg_fields import JpegSteps
from service.codec.grid import Grid
from service.codec.integrity import crc32c
from service.codec.jpeg_coder import JpegCoder
from service.pictures.jpeg_blocks import read_blocks
from service.runtime.zoo import Zoo
from tests.service.codec.jpeg_toy import FEATURE_STEPS, GROUPS, arrays, jpeg_picture
from tests.service.codec.reference_coder import ReferenceStack, pop_step, uniform_pop

PHASES = {"grey": (), "4:4:4": (0, 1, 2, 3), "4:2:2": (0, 2), "4:2:0": (0,)}
ACROSS_DOWN = {"grey": (1, 1), "4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}


def transform(a: list[int]) -> list[int]:
    """The transform of eight values."""
    e = 4433 * (a[2] + a[6])
    p, q = e - 15137 * a[6], e + 6270 * a[2]
    r, s = 8192 * (a[0] + a[4]), 8192 * (a[0] - a[4])
    f = 9633 * (a[7] + a[3] + a[5] + a[1])
    g, k = f - 16069 * (a[7] + a[3]), f - 3196 * (a[5] + a[1])
    y, z = -7373 * (a[7] + a[1]), -20995 * (a[5] + a[3])
    o0, o1 = 12299 * a[1] + y + k, 25172 * a[3] + z + g
    o2, o3 = 16819 * a[5] + z + k, 2446 * a[7] + y + g
    front = [r + q + o0, s + p + o1, s - p + o2, r - q + o3]
    return [*front, r - q - o3, s - p - o2, s + p - o1, r + q - o0]


def block_samples(values: list[int]) -> np.ndarray:
    """Samples (8, 8) of 64 dequantised values."""
    columns = [[(x + 2**10) >> 11 for x in transform(values[u::8])] for u in range(8)]
    rows = [
        [(x + 2**25 + 2**17) >> 18 for x in transform([c[v] for c in columns])] for v in range(8)
    ]
    return np.array([[min(max(x, 0), 255) for x in row] for row in rows])


class Reader:
    """One patch's stream, of a picture (height, width), and the patch's first row and column."""

    def __init__(
        self,
        data: bytes,
        kind: str,
        steps: list[list[int]],
        size: tuple[int, int],
        first: tuple[int, int],
    ) -> None:
        self.stack = ReferenceStack.from_bytes(data)
        self.kind, self.steps = kind, steps
        (self.height, self.width), (self.top, self.left) = size, first
        self.made = arrays()
        half = self.made["half_widths"].tolist()
        parts = np.split(self.made["frequencies"], np.cumsum([2 * h + 2 for h in half])[:-1])
        self.tables = {t: (part.tolist(), half[t]) for t, part in enumerate(parts)}
        self.values = np.zeros((16, 16, 768), int)

    def step(self, channel: int) -> int:
        return self.steps[channel // 256][channel % 64]

    def exists(self, channel: int) -> bool:
        phase = channel % 256 // 64
        return channel < 256 or phase in PHASES[self.kind]

    def is_coded(self, row: int, column: int, channel: int) -> bool:
        """Whether the block that a channel of a cell belongs to begins within the picture."""
        across, down = ACROSS_DOWN[self.kind] if channel >= 256 else (1, 1)
        i, j = divmod(channel % 256 // 64, 2)
        top = self.top + 8 * down * (2 // down * row + i)
        left = self.left + 8 * across * (2 // across * column + j)
        return top < self.height and left < self.width

    def coefficients(self) -> None:
        activity = uniform_pop(self.stack, 16)
        told = [
            int(self.made["step_features"][self.steps[k][f]]) if k < len(self.steps) else 0
            for k, f in FEATURE_STEPS
        ]
        told += [255 * (self.kind == known) for known in ("4:4:4", "4:2:2", "4:2:0")]
        # What the toy's networks see.
        spread = np.full((16, 16), min(max(told), 9) + activity)
        before = 0
        for number, channels in enumerate(GROUPS.values()):
            if not all(map(self.exists, channels)):
                break
            symbols = self.group(number, channels, before, spread)
            spread = np.minimum(np.abs(symbols).max(-1), 9)
            before += len(channels)

    def group(
        self, number: int, channels: list[int], before: int, spread: np.ndarray
    ) -> np.ndarray:
        n = len(channels)
        steps = np.array([self.step(channel) for channel in channels])
        index = spread[..., None] + 3 * np.arange(n) % 40
        index += self.made["start_offsets"][before : before + n]
        scale = np.clip(index >> 4, 0, 63)
        mean = np.zeros((16, 16, n), int)
        if f"mean_inputs_{number}" in self.made:
            inputs = self.made[f"mean_inputs_{number}"]
            weights = self.made[f"mean_weights_{number}"].astype(int)
            x = self.values[..., inputs] * np.array([self.step(int(k)) for k in inputs])
            x = np.pad(x, ((1, 1), (1, 1), (0, 0)), "edge")
            total = sum(x[i : i + 16, j : j + 16] @ weights[i, j] for i, j in np.ndindex(3, 3))
            mean = np.clip((total + 512 * steps) // (1024 * steps), -131072, 131071)
        centre, tables = (mean + 2) >> 2, 4 * scale + ((mean + 2) & 3)
        coded = [
            (row, column, place)
            for row, column in np.ndindex(16, 16)
            for place, channel in enumerate(channels)
            if self.is_coded(row, column, channel)
        ]
        popped = pop_step(self.stack, [int(tables[at]) for at in coded], self.tables)
        symbols = np.zeros((16, 16, n), int)
        for at, symbol in zip(coded, popped, strict=True):
            symbols[at] = symbol
        values = centre + symbols
        if self.made["differences"][number]:
            values = symbols.copy()
            for row, column in np.ndindex(16, 16):
                if row:
                    values[row, column] += values[row - 1, column]
                elif column:
                    values[row, column] += values[row, column - 1]
        self.values[..., channels] = values
        return symbols

    def component(self, k: int) -> np.ndarray:
        """Samples of a component, all of the patch."""
        across, down = ACROSS_DOWN[self.kind] if k else (1, 1)
        found = np.zeros((256 // down, 256 // across), int)
        rows, columns = 2 // down, 2 // across
        for row, column in np.ndindex(found.shape[0] // 8, found.shape[1] // 8):
            phase = 2 * (row % rows) + column % columns
            first = 256 * k + 64 * phase
            cell = self.values[row // rows, column // columns, first : first + 64]
            values = [int(v) * s for v, s in zip(cell, self.steps[k], strict=True)]
            found[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = block_samples(values)
        return found

    def ring(self, samples: list[np.ndarray]) -> list[dict[tuple[int, int], int]]:
        """The coded samples around the patch, by row and column, of Cb and of Cr."""
        rows, columns = samples[0].shape
        lines: list[list[tuple[int, int]]] = []
        if self.kind == "4:2:0":
            lines += [[(row, column) for column in range(-1, columns + 1)] for row in (-1, rows)]
        if self.kind in ("4:2:0", "4:2:2"):
            lines += [[(row, column) for row in range(rows)] for column in (-1, columns)]

        def in_patch(row: int, column: int) -> tuple[int, int]:
            return self.near(min(max(row, 0), rows - 1), min(max(column, 0), columns - 1))

        residuals: dict[tuple[int, int, int], int] = {}  # by component, line, number in the line
        for number_of_pass in range(3):
            asked, guesses, chosen = [], [], []
            for k, c in enumerate(samples):
                for n, line in enumerate(lines):
                    for number, (row, column) in enumerate(line):
                        far = number % 4 == 0
                        own = 0 if far else 1 if number % 4 == 2 else 2
                        if own != number_of_pass or self.near(row, column) != (row, column):
                            continue
                        away = 2 if own == 1 else 1
                        sides = (number - away, number + away)
                        known = [residuals[k, n, m] for m in sides if (k, n, m) in residuals]
                        inside = in_patch(row, column)
                        d = in_patch(2 * inside[0] - row, 2 * inside[1] - column)
                        guess, context = 0, abs(int(c[inside]) - int(c[d]))
                        if known and not far:
                            guess, context = (known[0] + known[-1]) >> 1, abs(known[0] - known[-1])
                        asked.append((k, n, number))
                        guesses.append(guess)
                        chosen.append(int(self.made["ring_tables"][own][min(context, 15)]))
            popped = pop_step(self.stack, chosen, self.tables)
            for at, guess, symbol in zip(asked, guesses, popped, strict=True):
                residuals[at] = guess + symbol
        found: list[dict[tuple[int, int], int]] = [{}, {}]
        for (k, n, number), residual in residuals.items():
            at = lines[n][number]
            found[k][at] = int(samples[k][in_patch(*at)]) + residual
        return found

    def near(self, row: int, column: int) -> tuple[int, int]:
        """The nearest chroma sample that the picture has, counted from the patch's first."""
        across, down = ACROSS_DOWN[self.kind]
        top, left = self.top // down, self.left // across
        rows, columns = -(-self.height // down), -(-self.width // across)
        return min(max(row, -top), rows - 1 - top), min(max(column, -left), columns - 1 - left)

    def upsampled(self, c: np.ndarray, ring: dict[tuple[int, int], int]) -> np.ndarray:
        """Chroma by pixel."""
        across, down = ACROSS_DOWN[self.kind]
        if (across, down) == (1, 1):
            return c
        if -(-self.width // across) <= 2:
            return c.repeat(down, 0).repeat(across, 1)
        wide = np.zeros((c.shape[0] + 2, c.shape[1] + 2), int)
        for row, column in np.ndindex(*wide.shape):
            at = self.near(row - 1, column - 1)
            wide[row, column] = ring[at] if at in ring else c[at]
        if down == 2:
            sums = [3 * wide[1:-1] + wide[:-2], 3 * wide[1:-1] + wide[2:]]
            rows, halves, bits = np.stack(sums, 1).reshape(-1, wide.shape[1]), (8, 7), 4
        else:
            rows, halves, bits = wide[1:-1], (1, 2), 2
        near = 3 * rows[:, 1:-1]
        pairs = [
            (near + rows[:, :-2] + halves[0]) >> bits,
            (near + rows[:, 2:] + halves[1]) >> bits,
        ]
        return np.stack(pairs, -1).reshape(len(rows), -1)

    def pixels(self) -> np.ndarray:
        height, width = min(256, self.height - self.top), min(256, self.width - self.left)
        y = self.component(0)[:height, :width]
        if self.kind == "grey":
            return y
        samples = [self.component(k) for k in (1, 2)]
        rings = self.ring(samples)
        cb, cr = (
            self.upsampled(c, ring)[:height, :width] - 128
            for c, ring in zip(samples, rings, strict=True)
        )
        red = y + ((91881 * cr + 32768) >> 16)
        green = y + ((32768 - 22554 * cb - 46802 * cr) >> 16)
        blue = y + ((116130 * cb + 32768) >> 16)
        return np.clip(np.stack([red, green, blue], -1), 0, 255)


@pytest.mark.parametrize(
    ("kind", "size", "number"),
    [
        ("grey", (211, 245), 0),
        ("4:4:4", (211, 245), 0),
        ("4:2:2", (100, 700), 1),  # both neighbours
        ("4:2:0", (450, 470), 0),  # one beside and one below
        ("4:2:0", (450, 470), 3),
        ("4:2:0", (257, 600), 4),  # one row of blocks, of one row of pixels
        ("4:2:2", (265, 264), 3),  # one row of chroma blocks and a half
        ("4:4:4", (300, 265), 1),
        ("4:2:0", (272, 264), 3),  # blocks end with the picture
        ("4:2:0", (300, 3), 0),  # chroma too narrow for a triangle
    ],
)
def test_the_document_reads_what_the_encoder_wrote(
    jpeg_zoo: Zoo, kind: str, size: tuple[int, int], number: int
) -> None:
    picture = jpeg_picture(*size, kind, quality=95 if size[1] == 3 else 80)
    blocks = read_blocks(picture.jpeg or b"")
    model = jpeg_zoo.lossless_of_jpegs()
    assert blocks is not None and model is not None
    grid = Grid(size[1], size[0])
    jpeg = JpegSteps(blocks.sampling, blocks.steps)
    coder = JpegCoder(model, grid, jpeg)
    with pytest.MonkeyPatch.context() as patched:  # small patches would be raw
        patched.setattr("service.codec.jpeg_coder.RAW_CHECK_BYTES", 2**20)
        (stream,) = coder.encode(blocks, picture.pixels, [number])
    assert not stream.raw
    patch = grid.patch(number)
    steps = [part.tolist() for part in jpeg.steps]
    reader = Reader(stream.data, kind, steps, size, (patch.top, patch.left))
    reader.coefficients()
    pixels = np.ascontiguousarray(reader.pixels().astype(np.uint8))
    assert np.array_equal(pixels, picture.pixels[patch.slices])
    assert (reader.stack.state, reader.stack.words) == (crc32c(pixels.tobytes()), [])
