import numpy as np
import pytest
import torch

from models.export.archives import ReferenceDevice
from models.export.coefficient_entry import make_coefficients_exact, write_coefficient_entry
from models.export.coefficient_tables import around_centre, coefficient_counts
from models.networks.jpeg_dct import features, split_cells
from service.codec.jpeg_coder import activity_of
from service.runtime.card import LosslessModelCard
from service.runtime.jpeg_chain import JpegChain, symbols_of
from service.runtime.jpeg_model import SAMPLINGS, JpegModel
from service.runtime.lossless_answers import check_lossless_answers, read_lossless_answers
from service.runtime.sessions import Device
from tests.models import coefficients

CARD = {
    "name": "jpeg-dct",
    "version": "1",
    "description": "",
    "licence": "",
    "training": {},
    "quality": {},
    "weaknesses": (),
}


@pytest.fixture(scope="module")
def network():
    made = coefficients.network()
    make_coefficients_exact(made, [coefficients.batch()])
    return made


@pytest.fixture(scope="module")
def entry(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo") / "jpeg-dct" / "1"
    card = write_coefficient_entry(network, [coefficients.batch()], folder, CARD)
    return folder, card


def model_of(entry, lowering):
    folder, card = entry
    device = {"integer": Device, "float": ReferenceDevice}[lowering]
    return JpegModel(folder, card, device("cpu", 1))


def walked(model, cells):
    """Centres, tables and symbols of every group of one patch (1, 961, 16, 16)."""
    values, _, sampling = split_cells(cells)
    truth = values.permute(0, 2, 3, 1).int().numpy()
    steps = cells[0, 768:960, 0, 0].reshape(3, 64).numpy().astype(np.uint8)
    first = model.groups[0]
    busy = activity_of(symbols_of(first, np.zeros((), np.int32), truth[..., first.channels]))
    chain = JpegChain(model, tuple(steps), SAMPLINGS[int(sampling[0])], [busy])
    seen = []

    def code(number, centres, tables):
        group = chain.groups[number]
        symbols = symbols_of(group, centres, truth[..., group.channels])
        seen.append((centres, tables, symbols))
        return symbols

    chain.walk(code)
    return seen


@pytest.mark.parametrize("lowering", ["float", "integer"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_service_sees_the_tables_and_symbols_of_the_network(network, entry, lowering, sampling):
    cells = coefficients.batch(samplings=[sampling], seed=50)
    seen = walked(model_of(entry, lowering), cells)
    assert len(seen) == {(1, 1): 23, (2, 1): 20, (2, 2): 17}[sampling]

    recorded = coefficient_counts(network, [cells])
    again = coefficient_counts(network, [])
    for centres, tables, symbols in seen:
        assert centres.shape == tables.shape == symbols.shape
        again.add(tables, symbols)
    assert np.array_equal(again.frequencies(), recorded.frequencies())


def test_means_are_those_of_training(network, entry):
    cells = coefficients.batch(samplings=[(1, 1)], seed=60)
    seen = walked(model_of(entry, "integer"), cells)
    values, steps, _ = split_cells(cells)
    for (symbols, fraction), (_, tables, coded) in zip(
        network.residuals(values, steps), seen, strict=True
    ):
        assert np.array_equal(symbols.permute(0, 2, 3, 1).numpy(), coded)
        assert np.array_equal(4 * fraction.permute(0, 2, 3, 1).numpy() + 2, tables & 3)


def test_known_answers_hold_in_both_lowerings(entry):
    folder, card = entry
    for lowering in ("float", "integer"):
        check_lossless_answers(model_of(entry, lowering), *read_lossless_answers(folder))
    assert isinstance(card, LosslessModelCard)


def test_tables_of_a_fraction_lean_to_its_side():
    mean = {f: around_centre(4 * 20 + f, 30)[:-1] @ np.arange(-30, 31) for f in range(4)}
    assert mean[2] == pytest.approx(0, abs=1e-9)
    assert [mean[f] for f in (0, 1, 3)] == pytest.approx([-0.5, -0.25, 0.25], abs=0.02)
    assert around_centre(82, 30).sum() == pytest.approx(1)


def test_features_tell_steps_and_sampling():
    _, steps, sampling = split_cells(coefficients.batch())
    told = features(steps, sampling, torch.Size((16, 16)))[:, :, 3, 5] * 32
    assert told.shape == (3, 11)
    assert told[:, 8:].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert told[:, 0].tolist() == [round(32 * np.log2(1 + float(s))) for s in steps[:, 0]]
