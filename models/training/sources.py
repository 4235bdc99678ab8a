"""What a recipe learns from, opened: crops of pictures, examples of pairs, or coefficients."""

from __future__ import annotations

from pathlib import Path

from models.training.coefficients import Coefficients, open_coefficients
from models.training.examples import Examples
from models.training.pairs import open_pairs
from models.training.pictures import Crops, open_cache
from models.training.recipe import Data

Source = Crops | Examples | Coefficients


def open_source(data: Data, folder: Path, cache: Path) -> Source:
    """The training data of a recipe in ``folder``, decoded into ``cache``.

    ValueError when there is nothing in it to learn from.
    """
    if data.kind == "pairs":
        return Examples(open_pairs(folder, cache), data.crop, data.shares)
    if data.kind == "jpeg":
        return Coefficients(open_coefficients(folder, cache), data.validation_share)
    return Crops(open_cache(folder, cache), data.crop, data.validation_share, data.grid)
