"""The shipped bitswap as the service sees it: what it answers, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.card import read_card
from service.runtime.latent_model import LARGEST_CENTRE, LatentModel, distribution
from service.runtime.lossless_model import LosslessModel
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo


@pytest.fixture(scope="module")
def model(zoo: Zoo) -> LatentModel:
    found = zoo.lossless("bitswap")
    assert isinstance(found, LatentModel)
    return found


@pytest.fixture
def copy(zoo_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(zoo_folder / "bitswap" / "1", tmp_path / "bitswap"))


def blocks(count: int, seed: int = 0) -> NDArray[np.int32]:
    """Smooth blocks with noise."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:64, :64]
    smooth = np.stack([100 + row + seed, column // 4 - 8, 5 - row // 9], -1)
    noise = rng.integers(-3, 4, (count, 64, 64, 3))
    found: NDArray[np.int32] = (smooth + noise).astype(np.int32)
    return found


def opened(folder: Path) -> LatentModel:
    return LatentModel(folder, read_card(folder), Device("cpu", 1))


def test_means_and_indices_become_centres_and_tables() -> None:
    mean = np.array([0, 15, 16, -1, -16, 4, 1e9, -1e9], np.float32)
    index = np.array([0, 16, 1023, 1024, -5, 47, 1e9, -1e9], np.float32)
    centres, tables = distribution(mean, index)
    assert centres.tolist() == [0, 0, 1, -1, -1, 0, LARGEST_CENTRE, -LARGEST_CENTRE]
    assert tables.tolist() == [0, 7, 252, 255, 0, 9, 252, 0]
    assert centres.dtype == np.int32 and tables.dtype == np.uint8


def test_shapes_and_chain(model: LatentModel) -> None:
    below = blocks(3)
    for level in range(1, model.latents + 1):
        centres, tables = model.posterior(level, below)
        assert centres.shape == tables.shape == (3, *model.latent_shape)
        below = centres
        above = None if level == model.latents else centres
        prior, of = model.prior(level, above, 3)
        assert prior.shape == of.shape == (3, *model.latent_shape)


def test_the_top_is_fixed_and_centred(model: LatentModel) -> None:
    centres, tables = model.prior(model.latents, None, 2)
    assert not centres.any()
    assert (tables == model.top_tables).all()


def test_what_is_coded_first_does_not_depend_on_what_follows(model: LatentModel) -> None:
    one, other = blocks(1, 1), blocks(1, 2)
    latent = model.posterior(1, one)[0]
    seen: list[list[bytes]] = []
    for changed in (0, 1, 2):
        values = one.copy()
        values[..., changed] = other[..., changed]
        steps: list[bytes] = []

        def code(
            component: int,
            centres: NDArray[np.int32],
            tables: NDArray[np.uint8],
            values: NDArray[np.int32] = values,
            steps: list[bytes] = steps,
        ) -> NDArray[np.int32]:
            steps.append(centres.tobytes() + tables.tobytes())
            found: NDArray[np.int32] = values[..., component]
            return found

        assert (model.pixels(latent, code, grey=False) == values).all()
        seen.append(steps)
    y_changed, co_changed, cg_changed = seen
    assert y_changed[0] == co_changed[0] == cg_changed[0]
    assert y_changed[1] != co_changed[1] == cg_changed[1]
    assert len({steps[2] for steps in seen}) == 3


def test_grey_codes_y_alone(model: LatentModel) -> None:
    values = blocks(2)
    asked: list[int] = []

    def code(
        component: int, centres: NDArray[np.int32], tables: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        asked.append(component)
        found: NDArray[np.int32] = values[..., component]
        return found

    found = model.pixels(model.posterior(1, values)[0], code, grey=True)
    assert asked == [0]
    assert (found[..., 0] == values[..., 0]).all() and not found[..., 1:].any()


def test_values_out_of_range_are_clipped(model: LatentModel) -> None:
    latent = np.zeros((1, *model.latent_shape), np.int32)
    found = model.pixels(latent, lambda *step: np.full((1, 64, 64), 9999), grey=False)
    assert (found == 255).all()
    found = model.pixels(latent, lambda *step: np.full((1, 64, 64), -9999), grey=False)
    assert (found == [0, -255, -255]).all()


def test_latents_that_no_encoder_makes_lead_to_no_failure(model: LatentModel) -> None:
    wild = np.full((1, *model.latent_shape), 2**24, np.int32)
    for level in range(1, model.latents):
        centres, _ = model.prior(level, wild, 1)
        assert np.abs(centres).max() <= LARGEST_CENTRE
    model.pixels(wild, lambda c, centres, tables: centres, grey=False)


def test_no_blocks_are_no_failure(model: LatentModel) -> None:
    centres, tables = model.posterior(1, blocks(0))
    assert centres.shape == tables.shape == (0, *model.latent_shape)


def test_a_posterior_pops_a_few_kilobits_a_block(model: LatentModel) -> None:
    """What initial bits a stack needs is why latents are few."""
    _, tables = model.posterior(1, blocks(4))
    sampled = np.zeros(tables.size, np.int32)
    assert model.posterior_tables.bits(sampled, tables.reshape(-1)) / 4 < 8192


def test_a_card_of_another_kind_is_refused(zoo_folder: Path) -> None:
    latent, pyramid = zoo_folder / "bitswap" / "1", zoo_folder / "pyramid" / "1"
    with pytest.raises(ModelUnavailable, match="no latents"):
        LatentModel(pyramid, read_card(pyramid), Device("cpu", 1))
    with pytest.raises(ModelUnavailable, match="pyramid"):
        LosslessModel(latent, read_card(latent), Device("cpu", 1))


def test_a_graph_that_no_digest_pins_is_refused(copy: Path) -> None:
    card = json.loads((copy / "model.json").read_text())
    del card["files"]["prior_1.integer.onnx"]
    (copy / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelUnavailable, match=r"prior_1\.integer\.onnx"):
        opened(copy)


@pytest.mark.parametrize(
    "change",
    [
        {"top_tables": np.zeros(3, np.uint8)},
        {"frequencies": np.ones(10, np.uint32)},
        {"posterior_half_widths": np.full(256, 2, np.int32)},
        {"posterior_frequencies": None},
    ],
)
def test_tables_that_do_not_fit_are_refused(copy: Path, change: dict[str, object]) -> None:
    with np.load(copy / "tables.npz") as archive:
        arrays = {**archive, **change}
    kept = {name: array for name, array in arrays.items() if array is not None}
    np.savez(copy / "tables.npz", **kept)  # type: ignore[arg-type]
    card = json.loads((copy / "model.json").read_text())
    found = hashlib.sha256((copy / "tables.npz").read_bytes()).hexdigest()
    card["files"]["tables.npz"] = found
    (copy / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelUnavailable, match=r"tables\.npz"):
        opened(copy)
