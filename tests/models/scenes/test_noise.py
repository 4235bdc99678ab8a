import numpy as np
import pytest

from models.scenes.noise import NoiseTile, hashed, smoothstep


def test_noise_is_standardised_and_periodic() -> None:
    tile = NoiseTile(np.random.default_rng(1), 1.2, size=64)
    grid = np.arange(64) / 64
    values = tile(grid[None, :], grid[:, None])
    assert values.mean() == pytest.approx(0, abs=1e-4)
    assert values.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(tile(grid + 3, grid - 2), tile(grid, grid), atol=1e-4)


def test_noise_is_continuous() -> None:
    tile = NoiseTile(np.random.default_rng(2), 1.2, size=64)
    x = np.linspace(-1, 1, 20001)
    assert np.abs(np.diff(tile(x, x * 0))).max() < 0.05


def test_steeper_spectra_are_smoother() -> None:
    grid = np.arange(256) / 256
    rough, soft = (
        NoiseTile(np.random.default_rng(3), slope)(grid[None, :], grid[:, None])
        for slope in (0.8, 2.0)
    )
    assert np.abs(np.diff(soft)).mean() < 0.3 * np.abs(np.diff(rough)).mean()


def test_hash_is_uniform_and_stays() -> None:
    y, x = np.mgrid[-200:200, -200:200].astype(np.int32)
    values = hashed(x, y, 5)
    np.testing.assert_array_equal(values, hashed(x, y, 5))
    counts = np.histogram(values, bins=10, range=(0, 1))[0]
    assert counts.sum() == values.size
    assert np.abs(counts / values.size - 0.1).max() < 0.005
    assert abs(np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]) < 0.02
    assert not np.array_equal(values, hashed(x, y, 6))


def test_smoothstep() -> None:
    value = np.array([-1, 0, 0.5, 1, 2], np.float32)
    np.testing.assert_allclose(smoothstep(0, 1, value), [0, 0, 0.5, 1, 1])
