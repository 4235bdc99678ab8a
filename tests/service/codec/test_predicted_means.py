"""Means that a model predicts: encoder and decoder add the same, patch by patch."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from service.codec.container.layout import Stream
from service.codec.grid import Grid
from service.codec.lossy import UpperLevel, analyse, quantise_upper
from service.codec.options import no_checkpoint
from service.codec.patches import PatchCoder, patch_slices
from service.errors import ModelUnavailable
from service.runtime.exact_chain import GroupLayout
from service.runtime.lossy_model import LossyModel
from service.runtime.zoo import Zoo
from tests.conftest import Photograph

GRID = Grid(768, 512)
ALL = list(range(6))
QUALITY = np.array([[64, 200, 512], [128, 64, 400]], np.int32)


class Guess:
    """Means of many steps that differ from place to place, from patch to patch, by quality.

    They count on: a network that is handed the state of any other than the one before says so.
    """

    def __init__(self, layout: GroupLayout, number: int, last: bool) -> None:
        self.layout = layout
        self.number, self.last = number, last
        self.inputs = ("y", "state" if number else "quality")

    def run(self, y: np.ndarray, **told: np.ndarray) -> list[np.ndarray]:
        (each,) = told.values()
        if self.number:
            assert (each[:, 1] == self.number - 1).all()
            each = each[:, 0]
        assert y.shape == (len(each), 16, 16, self.layout.start)
        assert y.dtype == each.dtype == np.float32
        fold = self.layout.fold
        low = (
            y[..., :1].repeat(fold, axis=1).repeat(fold, axis=2).repeat(self.layout.native, axis=3)
        )
        # The last channel of the group before: what a second network has to see.
        last = np.tanh(y[..., -1]).mean((1, 2), dtype=np.float32)
        state = each + last
        mean = low * np.float32(0.1) + 20 * state[:, None, None, None]
        counted = np.full_like(state, self.number)
        return [mean] if self.last else [mean, np.stack([state, counted], 1)]


@pytest.fixture(scope="module")
def model(zoo: Zoo) -> LossyModel:
    """The default, with means that are guessed: of one group alone, of three, of the last none."""
    made = copy.copy(zoo.by_name(None))
    layouts = made.lower.layouts
    places = {1: (0, True), 2: (0, False), 3: (1, False), 4: (2, True)}
    made.detail_means = {group: Guess(layouts[group], *place) for group, place in places.items()}
    return made


@pytest.fixture(scope="module")
def y(model: LossyModel, tip: Photograph) -> np.ndarray:
    pixels = tip.picture.pixels[:512, :512]
    pixels = np.concatenate([pixels, pixels[:, :256]], 1)
    pixels[:300, :300] = 90  # nothing in the first patch
    latents = analyse(model, pixels, GRID, no_checkpoint)
    # Two that end early: before the three networks, and between them.
    for number, groups in ((1, 2), (4, 3)):
        latents[patch_slices(GRID, number)][..., model.lower.layouts[groups].start :] = 0
    return latents


@pytest.fixture(scope="module")
def upper(model: LossyModel, y: np.ndarray) -> UpperLevel:
    return quantise_upper(model, y, 3)


@pytest.fixture(scope="module")
def coder(model: LossyModel, upper: UpperLevel) -> PatchCoder:
    return PatchCoder(model, GRID, upper, QUALITY)


@pytest.fixture(scope="module")
def streams(coder: PatchCoder, y: np.ndarray) -> list[Stream]:
    return coder.encode(y, ALL, verify=True)


def decode(coder: PatchCoder, streams: list[Stream], numbers: list[int]):
    decoded = np.zeros((32, 48, 384), np.float32)
    parts = [(streams[number].data, streams[number].groups) for number in numbers]
    return decoded, coder.decode(parts, numbers, decoded)


def test_encoder_and_decoder_add_the_same_means(
    model: LossyModel, coder: PatchCoder, y: np.ndarray, streams: list[Stream]
) -> None:
    assert [stream.groups for stream in streams] == [0, 2, 7, 7, 3, 7]
    decoded, damaged = decode(coder, streams, ALL)
    assert damaged == []
    for number in ALL:
        where = patch_slices(GRID, number)
        for group, layout in enumerate(model.lower.layouts):
            gain = model.gain(int(QUALITY.ravel()[number]), group)
            shown, meant = (layout.unfold(each[where][None]) for each in (decoded, y))
            if group < streams[number].groups:
                # Of two neighbours an encoder takes one, and a bin's point lies within its bin.
                assert np.abs((shown - meant) * gain).max() < 1.5
            else:
                assert group == 0 or not shown.any()


def test_means_count_for_the_symbols(
    zoo: Zoo, coder: PatchCoder, upper: UpperLevel, y: np.ndarray
) -> None:
    plain = PatchCoder(zoo.by_name(None), GRID, upper, QUALITY)
    with_means, without = coder.quantise(y, ALL)[0], plain.quantise(y, ALL)[0]
    assert np.array_equal(with_means[5][0], without[5][0])
    for group in range(1, 5):
        assert np.abs(with_means[5][group] - without[5][group]).mean() > 2


@pytest.mark.parametrize("numbers", [[3], [5, 0], [4, 1, 2]])
def test_the_other_patches_of_a_batch_do_not_matter(
    coder: PatchCoder, y: np.ndarray, streams: list[Stream], numbers: list[int]
) -> None:
    assert coder.encode(y, numbers, verify=True) == [streams[number] for number in numbers]
    whole, part = decode(coder, streams, ALL)[0], decode(coder, streams, numbers)[0]
    for number in numbers:
        where = patch_slices(GRID, number)
        assert np.array_equal(part[where], whole[where])


@pytest.mark.parametrize("length", [0, 4, 40])
def test_a_damaged_patch_shows_what_z_tells_and_spoils_no_other(
    coder: PatchCoder, upper: UpperLevel, streams: list[Stream], length: int
) -> None:
    whole, _ = decode(coder, streams, ALL)
    cut = [*streams]
    cut[2] = Stream(streams[2].data[:length], streams[2].groups)
    shown, damaged = decode(coder, cut, ALL)
    assert damaged == [2]
    for number in ALL:
        where = patch_slices(GRID, number)
        if number == 2:
            assert np.array_equal(shown[where][..., :3], upper.means[where])
            assert not shown[where][..., 3:].any()
        else:
            assert np.array_equal(shown[where], whole[where])


def test_a_network_that_answers_in_another_shape_is_refused(
    model: LossyModel, upper: UpperLevel, y: np.ndarray
) -> None:
    wrong = copy.copy(model)
    layouts = model.lower.layouts
    wrong.detail_means = {1: Guess(layouts[1], 0, False), 2: Guess(layouts[2], 1, True)}
    right = wrong.detail_means[1].run
    coder = PatchCoder(wrong, GRID, upper, QUALITY)
    for run, told in (
        (lambda y, quality: [y, quality], "means of group 1"),
        (lambda y, quality: [right(y, quality=quality)[0], quality[1:]], "state behind group 1"),
    ):
        wrong.detail_means[1].run = run  # type: ignore[method-assign]
        with pytest.raises(ModelUnavailable, match=told):
            coder.encode(y, ALL, verify=False)
