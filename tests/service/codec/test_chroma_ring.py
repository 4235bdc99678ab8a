"""Where a patch's chroma samples and its ring lie."""

import numpy as np
import pytest

from service.codec.chroma_ring import ChromaPlace
from service.codec.grid import Grid

BIG = Grid(1000, 700)  # 4 columns and 3 rows of patches


@pytest.mark.parametrize(
    ("sampling", "lines"),
    [
        ((1, 1), []),
        ((2, 1), [(0, 256, -1, 0), (0, 256, 128, 129)]),
        ((2, 2), [(-1, 0, -1, 129), (128, 129, -1, 129), (0, 128, -1, 0), (0, 128, 128, 129)]),
    ],
)
def test_the_order_of_the_ring(sampling, lines):
    expected = [
        (row, column)
        for top, end, left, right in lines
        for row in range(top, end)
        for column in range(left, right)
    ]
    assert list(zip(*ChromaPlace(sampling, BIG, 5).ring, strict=True)) == expected


@pytest.mark.parametrize(
    ("sampling", "size", "number", "coded"),
    [
        ((2, 2), (1000, 700), 5, 516),  # neighbours all around
        ((2, 2), (1000, 700), 0, 129 + 128),  # below and right, with the corner between
        ((2, 2), (1000, 700), 11, 117 + 94),  # above and left, up to the picture's edges
        ((2, 2), (512, 512), 3, 129 + 128),  # ends with the patch
        ((2, 2), (513, 256), 1, 256),  # one sample more, right of the patch
        ((2, 1), (1000, 700), 5, 512),
        ((2, 1), (1000, 700), 8, 188),
        ((2, 2), (200, 100), 0, 0),
    ],
)
def test_what_is_coded_of_it(sampling, size, number, coded):
    assert ChromaPlace(sampling, Grid(*size), number).coded.sum() == coded


@pytest.mark.parametrize(
    ("sampling", "size", "number"),
    [
        ((2, 2), (1000, 700), 5),
        ((2, 2), (1000, 700), 0),
        ((2, 2), (1000, 700), 11),
        ((2, 2), (257, 257), 3),  # one sample, so lines of one and of two
        ((2, 2), (1, 300), 1),
        ((2, 1), (1000, 700), 5),
        ((2, 1), (1000, 259), 5),  # lines of three samples
        ((2, 1), (200, 100), 0),
        ((1, 1), (1000, 700), 5),
    ],
)
def test_passes(sampling, size, number):
    place = ChromaPlace(sampling, Grid(*size), number)
    lengths = {(1, 1): [], (2, 1): [256, 256], (2, 2): [130, 130, 128, 128]}[sampling]
    expected = [[], [], []]
    for line, length in enumerate(lengths):
        first = sum(lengths[:line])
        for k in range(length):
            if not place.coded[first + k]:
                continue
            own, away = {0: (0, None), 2: (1, 2)}.get(k % 4, (2, 1))
            known = [
                first + m
                for m in ([] if away is None else [k - away, k + away])
                if 0 <= m < length and place.coded[first + m]
            ]
            expected[own].append((first + k, known))
    assert len(place.passes) == 3
    for found, samples in zip(place.passes, expected, strict=True):
        assert found.samples.tolist() == [sample for sample, _ in samples]
        for at, (_, known) in enumerate(samples):
            assert found.alone[at] == (not known)
            if known:
                assert (found.before[at], found.after[at]) == (known[0], known[-1])
    seen = [one.samples for one in place.passes]
    assert sorted(np.concatenate(seen)) == np.flatnonzero(place.coded).tolist()


def test_samples_have_one_neighbour_or_none_at_the_ends():
    inside = ChromaPlace((2, 2), BIG, 5).passes[2]
    assert not inside.alone.any()
    ends = inside.samples[inside.before == inside.after]
    assert ends.tolist() == [129, 259, 260 + 127, 388 + 127]  # the last of each line
    # Above one column of samples there are two: the corner at the left, and the one above.
    narrow = ChromaPlace((2, 2), Grid(257, 257), 3).passes
    assert [one.samples.size for one in narrow] == [2, 0, 1]
    # With no patch at the left there is no corner, and a sample may have nobody.
    lonely = ChromaPlace((2, 2), Grid(1, 300), 1).passes
    assert [one.samples.tolist() for one in lonely] == [[], [], [1]]
    assert lonely[2].alone.all()


@pytest.mark.parametrize("sampling", [(2, 1), (2, 2)])
@pytest.mark.parametrize("number", [0, 3, 5, 8, 11])
def test_the_frame_is_the_picture_with_its_edge_repeated(sampling, number):
    place = ChromaPlace(sampling, BIG, number)
    height, width = place.picture_size
    assert (height, width) == (700 // sampling[1], 500)
    plane = np.random.default_rng(1).integers(0, 256, (1, height, width)).astype(np.int16)
    rows, columns = place.size
    top, left = place.first
    own = np.full((1, rows, columns), 99, np.int16)
    inside = plane[:, top : top + rows, left : left + columns]
    own[:, : inside.shape[1], : inside.shape[2]] = inside
    ring = np.full((1, place.coded.size), 99)
    down, across = (positions[place.coded] for positions in place.ring)
    ring[:, place.coded] = plane[:, down + top, across + left]
    framed = place.framed(own, ring)
    wide = np.pad(plane, ((0, 0), (1, 300), (1, 300)), mode="edge")
    expected = wide[:, top : top + rows + 2, left : left + columns + 2]
    if sampling == (2, 1):  # rows of the frame do not count
        framed, expected = framed[:, 1:-1], expected[:, 1:-1]
    assert np.array_equal(framed, expected)
