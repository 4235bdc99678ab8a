"""What a recipe learns from, opened: crops of pictures, or examples of pairs."""

from __future__ import annotations

from pathlib import Path

from models.training.examples import Examples
from models.training.pairs import open_pairs
from models.training.pictures import Crops, open_cache
from models.training.recipe import Data


def open_source(data: Data, folder: Path, cache: Path) -> Crops | Examples:
    """The training data of a recipe in ``folder``, decoded into ``cache``.

    ValueError when there is nothing in it to learn from.
    """
    if data.kind == "pairs":
        return Examples(open_pairs(folder, cache), data.crop, data.shares)
    return Crops(open_cache(folder, cache), data.crop, data.validation_share, data.grid)
