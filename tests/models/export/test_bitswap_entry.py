"""A bitswap from torch to the zoo: written, found again, the same in every lowering."""

import hashlib

import numpy as np
import pytest
import torch

from models.export.archives import ReferenceDevice
from models.export.bitswap_bounds import prove_bitswap
from models.export.bitswap_calibration import make_bitswap_exact
from models.export.bitswap_entry import posterior_frequencies, write_bitswap_entry
from models.export.bitswap_sampling import blocks_of, walk
from models.export.fraction_tables import deviations, half_widths
from models.export.lossless_entry import values_of
from models.layers.exact import BoundError, exact_layers, set_exact
from service.codec.ans import Stack
from service.errors import ModelUnavailable
from service.runtime.card import LatentCard, read_card
from service.runtime.latent_model import LatentModel, distribution
from service.runtime.lossless_answers import read_lossless_answers
from service.runtime.sessions import Device
from service.runtime.tables import TableSet
from service.runtime.zoo import Zoo
from tests.models import tiny

CARD = {
    "name": "bitswap",
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
    rgb = np.clip(smooth[..., None] + rng.normal(0, 4, (256, 256, 3)), 0, 255).astype(np.uint8)
    return values_of(rgb)[0]


@pytest.fixture(scope="module")
def network():
    return tiny.bitswap(9)


@pytest.fixture(scope="module")
def zoo_folder(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    write_bitswap_entry(network, [patch(1)], folder / "bitswap" / "1", CARD)
    return folder


@pytest.fixture(scope="module")
def model(zoo_folder):
    folder = zoo_folder / "bitswap" / "1"
    return LatentModel(folder, read_card(folder), Device("cpu", 1))


def steps_of(model, values):
    """Centres and tables of every step, latents being centres and three."""
    seen = [model.posterior(1, values)]
    seen.append(model.posterior(2, seen[0][0] + 3))
    seen.append(model.prior(2, None, len(values)))
    seen.append(model.prior(1, seen[1][0] + 3, len(values)))

    def code(component, centres, tables):
        seen.append((centres, tables))
        return values[..., component]

    assert (model.pixels(seen[0][0] + 3, code, grey=False) == values).all()
    return seen


def test_the_zoo_finds_it_and_its_answers_are_right(zoo_folder):
    zoo = Zoo(zoo_folder, Device("cpu", 1), default="lite")
    model = zoo.lossless("bitswap")
    assert isinstance(model, LatentModel)
    assert (model.latents, model.latent_shape) == (2, (16, 16, 4))
    assert model.card.lossless == LatentCard(latents=2, side=16, channels=4)
    assert zoo.lossless_by_digest(model.card.digest) is model
    (card,) = zoo.models()
    assert card["kind"] == "lossless" and not card["default"] and card["loaded"]
    assert not zoo.has_lossless  # no default one
    zoo.check_known_answers()


def test_wrong_answers_keep_a_model_from_being_used(zoo_folder, tmp_path):
    copy = tmp_path / "bitswap" / "1"
    copy.mkdir(parents=True)
    for file in (zoo_folder / "bitswap" / "1").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    values, answers = read_lossless_answers(copy)
    answers = answers.copy()
    answers[5, 3] ^= 1
    np.savez(copy / "known_answers.npz", values=values, answers=answers)
    with pytest.raises(ModelUnavailable, match=r"1 of 7 steps, the first is p\(co\)"):
        Zoo(tmp_path, Device("cpu", 1), default="lite").lossless("bitswap")


def test_known_answers_meet_all_kinds_of_blocks(model, zoo_folder):
    values, answers = read_lossless_answers(zoo_folder / "bitswap" / "1")
    assert values.shape == (8, 64, 64, 3) and answers.shape == (7, 32)
    assert values[..., 0].min() == 0 and values[..., 0].max() == 255
    assert (values.reshape(8, -1).std(1) > 1).all()


def test_both_lowerings_and_any_batch_see_the_same(zoo_folder, model):
    folder = zoo_folder / "bitswap" / "1"
    values = np.concatenate([blocks_of(patch(seed)) for seed in (2, 3)])  # two runs' worth
    reference = steps_of(LatentModel(folder, read_card(folder), ReferenceDevice()), values)
    together = steps_of(model, values)
    alone = steps_of(model, values[17:18])
    assert len(reference) == 7
    for answers, others, single in zip(reference, together, alone, strict=True):
        for answer, other, one in zip(answers, others, single, strict=True):
            assert (answer == other).all()
            assert (other[17:18] == one).all()


@torch.no_grad()
def test_it_answers_what_torch_does(network, model):
    values = blocks_of(patch(5))[:3]
    found = steps_of(model, values)
    blocks = torch.from_numpy(values).permute(0, 3, 1, 2).float()
    latents = [torch.from_numpy(found[k][0] + 3).permute(0, 3, 1, 2).float() for k in (0, 1)]
    expected = [network.posterior(1, blocks), network.posterior(2, latents[0]), None]
    expected.append(network.prior(1, latents[1]))

    def code(component, density):
        expected.append(density)
        return blocks[:, component : component + 1]

    network.pixels(latents[0], code)
    for (centres, tables), density in zip(found, expected, strict=True):
        if density is None:
            continue
        mean, index = (torch.floor(16 * each).permute(0, 2, 3, 1).numpy() for each in density)
        centre, table = distribution(mean, index)
        assert (centres == centre.reshape(centres.shape)).all()
        assert (tables == table.reshape(tables.shape)).all()


def test_any_bits_pop_to_a_latent_that_pushes_back_to_the_same_bits(model):
    rng = np.random.default_rng(7)
    values = blocks_of(patch(6))[:2]
    for level in (1, 2):
        centres, tables = model.posterior(level, values)
        data = rng.bytes(30_001) + b"\7"
        stack = Stack.from_bytes(data)
        symbols = stack.pop_step(tables.reshape(-1), model.posterior_tables)
        assert stack.to_bytes() != data
        assert (np.abs(symbols) <= model.posterior_tables.half_widths[tables.reshape(-1)]).all()
        stack.push_step(symbols, tables.reshape(-1), model.posterior_tables)
        assert stack.to_bytes() == data
        values = centres + symbols.reshape(centres.shape)


def test_the_posteriors_tables_are_logistic_and_whole():
    tables = TableSet(half_widths(), posterior_frequencies(), escapes=False)
    starts = np.concatenate([[0], np.cumsum(2 * tables.half_widths.astype(int) + 1)])
    for table in (68, 83, 130, 162, 199):
        half = int(tables.half_widths[table])
        masses = tables.frequencies[starts[table] : starts[table + 1]] / 2**24
        k = np.arange(-half, half + 1)
        mean = float((masses * k).sum())
        assert mean == pytest.approx((table % 4 + 0.5) / 4, abs=0.01 + half / 2**18)
        spread = float(np.sqrt((masses * (k - mean) ** 2).sum()))
        # A bin of width one adds its own deviation, 1 / sqrt(12).
        assert spread == pytest.approx(np.hypot(deviations()[table], 12**-0.5), rel=0.15)


def test_a_walk_samples_every_step(model):
    values = blocks_of(patch(8))[:4]
    coded = {step.name: step for step in walk(model, values, np.random.default_rng(3))}
    assert list(coded) == ["q1", "q2", "p1", "p2", "y", "co", "cg"]
    centres, tables = model.posterior(1, values)
    assert (coded["q1"].tables == tables).all()
    assert len(np.unique(coded["q1"].symbols)) > 3
    latent = centres + coded["q1"].symbols
    assert (coded["q2"].tables == model.posterior(2, latent)[1]).all()
    assert coded["p1"].symbols.shape == (4, 16, 16, 4)
    assert coded["co"].symbols.shape == (4, 64, 64)


def test_blocks_are_cut_in_raster_order():
    values = np.arange(128 * 192 * 3, dtype=np.int32).reshape(128, 192, 3)
    blocks = blocks_of(values)
    assert blocks.shape == (6, 64, 64, 3)
    assert (blocks[4] == values[64:, 64:128]).all()


def test_an_export_repeats_to_the_byte(network, zoo_folder, tmp_path):
    write_bitswap_entry(network, [patch(1)], tmp_path, CARD)
    for file in (zoo_folder / "bitswap" / "1").iterdir():
        first = hashlib.sha256(file.read_bytes()).hexdigest()
        assert first == hashlib.sha256((tmp_path / file.name).read_bytes()).hexdigest(), file.name


def test_calibration_settles_every_layer():
    network = tiny.bitswap(4)
    set_exact(network, False)
    make_bitswap_exact(network, [patch(1)])
    assert all(layer.settled and layer.exact for layer in exact_layers(network))
    steps = [int(layer.input_bits) for layer in exact_layers(network) if not layer.raw]
    assert len(set(steps)) > 1


def test_weights_that_could_leave_float32_are_refused(network):
    assert 0 < prove_bitswap(network) < 2**23
    for part in ("inference", "pixels", "upwards", "downwards"):
        wild = tiny.bitswap(9)
        for layer in exact_layers(getattr(wild, part)):
            if not layer.raw:
                layer.input_bits.fill_(-4)
                with torch.no_grad():
                    layer.weight.fill_(8.0)
        with pytest.raises(BoundError):
            prove_bitswap(wild)
