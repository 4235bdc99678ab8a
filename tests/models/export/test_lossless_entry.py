"""A pyramid from torch to the zoo: written, found again, the same in every lowering."""

import hashlib

import numpy as np
import pytest
import torch

from models.export.archives import ReferenceDevice
from models.export.lossless_entry import values_of, write_jpeg_entry, write_lossless_entry
from models.export.pyramid_bounds import prove_pyramid
from models.layers.exact import BoundError, exact_layers, set_exact
from models.networks.pyramid import Pyramid, phase_of
from service.errors import ModelUnavailable, UnknownModel
from service.runtime.card import read_card
from service.runtime.lossless_model import LosslessModel
from service.runtime.pixel_chain import PixelChain, slice_of
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.models import tiny

CARD = {
    "name": "pyramid",
    "version": "1",
    "description": "tiny",
    "licence": "none",
    "training": {},
    "quality": {},
    "weaknesses": (),
}


def patch(seed):
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:256, :256]
    smooth = 120 + 60 * np.sin((row + seed * column) / 30)
    return np.clip(smooth[..., None] + rng.normal(0, 4, (256, 256, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def network():
    made = Pyramid((6, 4), (1, 1))
    tiny.scatter(made, 9, spread=0.5)
    set_exact(made, True)
    return made


@pytest.fixture(scope="module")
def zoo_folder(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    write_lossless_entry(network, list(values_of(patch(1))), folder / "pyramid" / "1", CARD)
    return folder


def steps_of(model, values):
    """Centres and tables of every step, for given values."""
    seen = []

    def code(step, centres, tables):
        seen.append((step, centres.copy(), tables.copy()))
        return values[slice_of(step)] - centres

    walked = PixelChain(model, len(values), grey=False).walk(code)
    assert (walked == values).all()
    return seen


def test_the_zoo_finds_it_and_its_answers_are_right(zoo_folder):
    zoo = Zoo(zoo_folder, Device("cpu", 1), default="lite")
    model = zoo.lossless()
    assert zoo.lossless_by_digest(model.card.digest) is model
    assert zoo.knows(model.card.digest)
    (card,) = zoo.models()
    assert card["kind"] == "lossless" and card["default"] and card["loaded"]
    assert zoo.health()["models_loaded"] == ["pyramid/1"]
    zoo.check_known_answers()
    with pytest.raises(UnknownModel):
        zoo.by_digest(model.card.digest)
    with pytest.raises(UnknownModel):
        zoo.lossless("lite")


def test_wrong_answers_keep_a_model_from_being_used(zoo_folder, tmp_path):
    copy = tmp_path / "pyramid" / "1"
    copy.mkdir(parents=True)
    for file in (zoo_folder / "pyramid" / "1").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with np.load(copy / "known_answers.npz") as archive:
        values, answers = archive["values"], archive["answers"]
    answers[40, 3] ^= 1
    np.savez(copy / "known_answers.npz", values=values, answers=answers)
    zoo = Zoo(tmp_path, Device("cpu", 1), default="lite")
    with pytest.raises(ModelUnavailable, match="1 of 57 steps"):
        zoo.lossless()


def test_both_lowerings_and_any_batch_see_the_same(zoo_folder):
    folder = zoo_folder / "pyramid" / "1"
    card = read_card(folder)
    values = np.concatenate([values_of(patch(seed)) for seed in (2, 3, 4)])
    reference = steps_of(LosslessModel(folder, card, ReferenceDevice()), values)
    fast = LosslessModel(folder, card, Device("cpu", 2))
    together = steps_of(fast, values)
    alone = steps_of(fast, values[1:2])
    assert len(reference) == 57
    for (step, *answers), (_, *others), (_, *single) in zip(
        reference, together, alone, strict=True
    ):
        for answer, other, one in zip(answers, others, single, strict=True):
            assert (answer == other).all(), step
            assert (other[1:2] == one).all(), step


def test_the_walk_asks_torch_for_the_same_tables(network, zoo_folder):
    folder = zoo_folder / "pyramid" / "1"
    values = values_of(patch(5))
    found = steps_of(LosslessModel(folder, read_card(folder), Device("cpu", 1)), values)
    whole = torch.from_numpy(values).permute(0, 3, 1, 2).float()
    for level in (0, 3):
        fine = whole[:, :, :: 2**level, :: 2**level]
        expected = {}

        def code(phase, component, mean, index, fine=fine, expected=expected):
            scale = torch.floor(index).clamp(0, 63)
            fraction = torch.floor(4 * (mean - torch.floor(mean)))
            expected[phase, component] = torch.floor(mean), 4 * scale + fraction
            return phase_of(fine, phase)[:, component : component + 1]

        with torch.no_grad():
            network.network(level).walk(phase_of(fine, "a"), code)
        for step, centres, tables in found:
            if step.level == level and step.phase != "a":
                centre, table = expected[step.phase, step.component]
                assert (centres == centre[:, 0].numpy()).all()
                assert (tables == table[:, 0].numpy()).all()


def test_an_export_repeats_to_the_byte(network, zoo_folder, tmp_path):
    write_lossless_entry(network, list(values_of(patch(1))), tmp_path, CARD)
    for file in (zoo_folder / "pyramid" / "1").iterdir():
        first = hashlib.sha256(file.read_bytes()).hexdigest()
        assert first == hashlib.sha256((tmp_path / file.name).read_bytes()).hexdigest(), file.name


@pytest.fixture(scope="module")
def jpeg_folder(zoo_folder, tmp_path_factory):
    """Version 2: what version 1 has, and other networks for the colours of a JPEG."""
    made = Pyramid((4,), (1,), (4,))
    tiny.scatter(made, 11, spread=0.5)
    tiny.scatter_places(made, 11)
    set_exact(made, True)
    folder = tmp_path_factory.mktemp("zoo") / "pyramid" / "2"
    plain = zoo_folder / "pyramid" / "1"
    write_jpeg_entry(made, list(values_of(patch(1))), plain, folder, {**CARD, "version": "2"})
    return folder


def test_networks_for_a_jpegs_colours_come_beside_the_others(zoo_folder, jpeg_folder):
    plain = zoo_folder / "pyramid" / "1"
    model = Zoo(jpeg_folder.parents[1], Device("cpu", 1), default="lite").lossless()
    assert model.card.digest != read_card(plain).digest
    values = values_of(patch(6))
    alone = LosslessModel(plain, read_card(plain), Device("cpu", 1))
    assert alone.jpeg is None
    for mine, theirs in zip(steps_of(model, values), steps_of(alone, values), strict=True):
        for a, b in zip(mine[1:], theirs[1:], strict=True):
            assert (a == b).all()
    assert (model.tables.frequencies == alone.tables.frequencies).all()
    own = steps_of(model.jpeg, values)
    assert any((a[1] != b[1]).any() for a, b in zip(own, steps_of(alone, values), strict=True))


def test_both_halves_are_checked_against_known_answers(jpeg_folder, tmp_path):
    copy = tmp_path / "pyramid" / "2"
    copy.mkdir(parents=True)
    for file in jpeg_folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with np.load(copy / "known_answers.npz") as archive:
        values, answers = archive["values"], archive["answers"]
    assert len(answers) == 114
    answers[100, 3] ^= 1
    np.savez(copy / "known_answers.npz", values=values, answers=answers)
    with pytest.raises(ModelUnavailable, match="1 of 114 steps"):
        Zoo(tmp_path, Device("cpu", 1), default="lite").lossless()


def test_what_is_taken_over_must_be_a_pyramid(network, tmp_path):
    with pytest.raises(ModelUnavailable):
        write_jpeg_entry(network, [], tmp_path / "none", tmp_path / "pyramid" / "2", CARD)


def test_weights_that_could_leave_float32_are_refused(network):
    assert 0 < prove_pyramid(network) < 2**24
    wild = Pyramid((6, 4), (1, 1))
    tiny.scatter(wild, 9, spread=0.5)
    for layer in exact_layers(wild):
        if not layer.raw:
            layer.input_bits.fill_(-4)
    with torch.no_grad():
        wild.network(0).first.mix.weight.fill_(8.0)
    with pytest.raises(BoundError):
        prove_pyramid(wild)


@torch.no_grad()
def test_a_stream_may_use_all_of_float32_but_for_a_half():
    """Eight blocks take the stream to just within what there is, then to just beyond."""
    wide = Pyramid((6,), (8,))
    level = wide.network(0)
    for layer in exact_layers(wide):
        layer.weight.zero_()
    for block in level.blocks[2]:
        block.mix.bias.fill_(2**13 - 1)  # the stream counts 2^8 integers a real unit
    reached = 8 * (2**13 - 1) * 2**8
    half = 2 ** (8 - 4 - 1)  # all inputs have 4 bits
    assert reached + half <= prove_pyramid(wide) < 2**24
    level.blocks[2][0].mix.bias.add_(8)
    with pytest.raises(BoundError, match=str(2**24)):
        prove_pyramid(wide)
