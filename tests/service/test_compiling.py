"""What Numba compiles, and where it is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import types

from service.compiling import array, compiled

PROGRAM = """
import numpy as np
from service.runtime.trellis import cheapest_paths
values = np.linspace(-3, 3, 20, dtype=np.float32)[None]
flat = np.zeros((1, 9), np.float32), np.zeros((1, 7), np.float32)
print(cheapest_paths(values, np.zeros((1, 20), np.uint8), *flat).tolist())
"""


def total(values, factor):
    found = 0
    for value in values:
        found += value
    return found * factor


def signature():
    return types.int64(array(types.int64, 1), types.int64)


def test_arrays_that_may_not_be_written_are_taken() -> None:
    values = np.arange(10)
    values.flags.writeable = False
    assert compiled(total, signature())(values, 3) == 135


@pytest.mark.parametrize("error", [RuntimeError("no locator"), OSError(28, "no space left")])
def test_without_a_folder_to_keep_it_in_it_compiles_all_the_same(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    original, asked = numba.njit, []

    def njit(signature, **options):
        asked.append(options)
        if options.get("cache"):
            raise error
        return original(signature, **options)

    monkeypatch.setattr("numba.njit", njit)
    assert compiled(total, signature())(np.arange(4), 2) == 12
    assert [options.get("cache", False) for options in asked] == [True, False]
    assert all(options["nogil"] for options in asked)


def test_it_is_kept_for_the_next_process(tmp_path: Path) -> None:
    def run() -> str:
        environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": ""}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        return done.stdout

    first = run()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    assert kept
    assert run() == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")} == kept
