"""Tiles leave no trace, and no pixel depends on latents beyond the halo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.codec import grid as grid_module
from service.codec.grid import Grid, Window
from service.codec.lossy import analyse, synthesise
from service.codec.options import no_checkpoint
from service.runtime.lossy_model import LossyModel
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.conftest import Photograph


@pytest.fixture(scope="module", params=["lite", "hp-easn-deep"])
def model(paper_zoo_folder: Path, request: pytest.FixtureRequest) -> LossyModel:
    """The default, and one of the other family."""
    return Zoo(paper_zoo_folder, Device("cpu", 1), "lite").by_name(request.param)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid_module, "TILE", 256)


@pytest.fixture(scope="module")
def latents(model: LossyModel, tip: Photograph) -> np.ndarray:
    """The photograph's y in one tile."""
    return analyse(model, tip.picture.pixels, Grid(640, 640), no_checkpoint)


def test_analysis_in_tiles_is_analysis_in_one_piece(
    model: LossyModel, tip: Photograph, latents: np.ndarray, small_tiles: None
) -> None:
    calls = []
    tiled = analyse(model, tip.picture.pixels, Grid(640, 640), lambda *call: calls.append(call))
    assert calls == [("analysis", done, 9) for done in range(9)]
    assert latents.shape == (48, 48, model.anatomy.channels)
    assert np.abs(tiled - latents).max() <= 1e-3


def test_synthesis_in_tiles_is_synthesis_in_one_piece(
    model: LossyModel, latents: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = Grid(640, 640)
    shown = grid.region(None)
    rng = np.random.default_rng(0)
    quality = rng.integers(64, 513, (3, 3)).astype(np.int32)
    # Coarse latents, so that restoration has something to do at the seams.
    y = np.round(latents / 12) * 12
    whole = synthesise(model, y, quality, grid, shown, no_checkpoint)
    monkeypatch.setattr(grid_module, "TILE", 256)
    tiled = synthesise(model, y, quality, grid, shown, no_checkpoint)
    assert whole.shape == (640, 640, 3)
    assert np.abs(tiled.astype(int) - whole).max() <= 1


@pytest.mark.parametrize("window", [Window(0, 1, 0, 1), Window(100, 400, 300, 640)])
def test_synthesis_looks_no_further_than_its_halo(
    model: LossyModel, latents: np.ndarray, window: Window
) -> None:
    grid = Grid(640, 640)
    quality = np.full((3, 3), 200, np.int32)
    expected = synthesise(model, latents, quality, grid, window, no_checkpoint)
    near = window.aligned(16).grown(model.anatomy.synthesis_halo, grid)
    y = np.full_like(latents, 1e4)
    y[near.scaled(16)] = latents[near.scaled(16)]
    assert np.array_equal(synthesise(model, y, quality, grid, window, no_checkpoint), expected)


def test_flat_colours_survive_analysis_and_synthesis(zoo: Zoo) -> None:
    model = zoo.by_name(None)
    grid = Grid(200, 100)
    pixels = np.full((100, 200, 3), (200, 120, 40), np.uint8)
    y = analyse(model, pixels, grid, no_checkpoint)
    quality = np.full((1, 1), 512, np.int32)
    shown = synthesise(model, y, quality, grid, grid.region(None), no_checkpoint)
    assert np.abs(shown.astype(int) - pixels).max() <= 2
