"""Known answers: the exact networks give these integers on every machine, or are not used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import ModelUnavailable
from service.runtime.exact_chain import ExactChain, ExactLevel
from service.runtime.lossy_model import LossyModel

_INPUTS = ("top_symbols", "symbols", "quality64")


def answers_of(
    model: LossyModel, top_symbols: NDArray[np.int32], symbols: NDArray[np.int32], quality64: int
) -> NDArray[np.uint8]:
    """Tables of every group, one after another, for given symbols.

    Parameters
    ----------
    top_symbols
        (h, w, Cz) with h and w multiples of 4.
    symbols
        (h/4 * w/4, 16, 16, C), patches in raster order.
    quality64
        One quality for all patches.
    """
    features = model.features.run(symbols=top_symbols[None].astype(np.float32))[0][0]
    quality = np.full(len(symbols), quality64)
    chain = ExactChain(model.lower, _patches(features), quality)
    tables = _walk(chain, model.lower, symbols)
    if model.upper is not None:
        nothing = np.zeros((1, *top_symbols.shape[:2], 1), np.float32)
        chain = ExactChain(model.upper, nothing, quality[:1] // 64 * 64)
        tables += _walk(chain, model.upper, top_symbols[None])
    return np.concatenate(tables)


def read_known_answers(folder: Path) -> dict[str, NDArray[np.generic]]:
    """What the exporter wrote beside a model.

    Raises
    ------
    ModelUnavailable
        It is missing or malformed: a model that cannot be checked is not used.
    """
    try:
        with np.load(folder / "known_answers.npz", allow_pickle=False) as archive:
            return {name: archive[name] for name in (*_INPUTS, "tables")}
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise ModelUnavailable(f"{folder}/known_answers.npz cannot be read: {error}") from error


def check_known_answers(model: LossyModel, answers: Mapping[str, Any]) -> None:
    """Compare with what the exporter wrote beside the model.

    Raises
    ------
    ModelUnavailable
        At least one integer differs on this device.
    """
    found = answers_of(model, answers["top_symbols"], answers["symbols"], int(answers["quality64"]))
    expected = answers["tables"]
    if found.shape != expected.shape or (found != expected).any():
        wrong = int((found != expected).sum()) if found.shape == expected.shape else -1
        raise ModelUnavailable(
            f"Model {model.card.name} gets its known answers wrong on this device "
            f"({wrong} of {expected.size} differ): it is not used."
        )


def _walk(
    chain: ExactChain, level: ExactLevel, symbols: NDArray[np.int32]
) -> list[NDArray[np.uint8]]:
    tables = []
    for group, layout in enumerate(level.layouts):
        tables.append(chain.tables(group).reshape(-1))
        chain.absorb(layout.unfold(symbols))
    return tables


def _patches(features: NDArray[np.float32]) -> NDArray[np.float32]:
    h, w, c = features.shape
    cut = features.reshape(h // 16, 16, w // 16, 16, c).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(cut.reshape(-1, 16, 16, c))
