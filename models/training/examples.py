"""Examples for segmentation: views of pictures with masks, of composites, in any light."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.training.pairs import Pair, PairCache
from models.training.pasting import paste
from models.training.photometric import repaint, weathered
from models.training.windows import draw_window, view, whole

log = logging.getLogger(__name__)

PASTED = "pasted"  # the share of composites, in the place of a set's name
TURNED = 0.1  # views of portraits, which the network sees on their side
UPSIDE_DOWN = 0.1  # flipped pictures are averaged
REPAINTED = 0.1
WORTH_CUTTING = 0.002  # share of blade from which on a turbine is cut out


class Examples:
    """Random batches (B, height, width, 4), uint8: RGB and the share of blade 0..255.

    Parameters
    ----------
    crop : height and width of a view.
    shares : of the draws, by set; ``pasted`` stands for composites of a turbine that is labelled
        whole with a picture of a set without blades. Shares of sets that are not there go to the
        others. ValueError when none is there.
    """

    def __init__(
        self, cache: PairCache, crop: tuple[int, int], shares: Mapping[str, float]
    ) -> None:
        self._cache, self._crop = cache, crop
        self.training = [pair for pair in cache.pairs if not pair.held_back]
        self.validation = [pair for pair in cache.pairs if pair.held_back]
        self._sets: dict[str, list[Pair]] = {}
        for pair in self.training:
            self._sets.setdefault(pair.set_name, []).append(pair)
        self._turbines = [p for p in self.training if p.whole and p.blade > WORTH_CUTTING]
        bare = [s for s in self._sets.values() if not any(p.blade or p.whole for p in s)]
        self._places = [pair for pairs in bare for pair in pairs]
        there = {name: share for name, share in shares.items() if self._can_draw(name)}
        missing = sorted(shares.keys() - there.keys())
        if missing:
            log.warning("no pictures of %s: the other sets take their share", ", ".join(missing))
        if not sum(there.values()) > 0:
            raise ValueError(f"none of the sets {', '.join(sorted(shares))} is there")
        self._names = list(there)
        self._shares = np.array(list(there.values())) / sum(there.values())

    def _can_draw(self, name: str) -> bool:
        return bool(self._turbines and self._places) if name == PASTED else name in self._sets

    def draw(
        self, batch: int, rng: np.random.Generator, crop: tuple[int, int] | None = None
    ) -> NDArray[np.uint8]:
        """A random batch; ``crop`` in place of the usual size."""
        return np.stack([self._one(crop or self._crop, rng) for _ in range(batch)])

    def _one(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
        turned = rng.random() < TURNED
        pixels = self._seen(size[::-1] if turned else size, rng)
        if turned:
            pixels = np.rot90(pixels, 1 if rng.random() < 0.5 else 3)
        if rng.random() < UPSIDE_DOWN:
            pixels = pixels[::-1]
        rgb, blade = pixels[..., :3].astype(np.float32), pixels[..., 3]
        if rng.random() < REPAINTED:
            rgb = repaint(rgb, np.divide(blade, 255, dtype=np.float32), rng)
        return np.dstack([weathered(rgb, rng), blade])

    def _seen(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
        name = self._names[rng.choice(len(self._names), p=self._shares)]
        if name == PASTED:
            turbine = self._cache[self._turbines[rng.integers(len(self._turbines))]]
            place = self._cache[self._places[rng.integers(len(self._places))]]
            return paste(turbine, place, size, rng)
        pairs = self._sets[name]
        levels = self._cache[pairs[rng.integers(len(pairs))]]
        return view(levels, draw_window(levels, size, rng), size)[..., :4]

    def validation_batches(self, batch: int) -> list[NDArray[np.uint8]]:
        """Each validation picture as a whole, as it was taken, in batches."""
        pictures = []
        for pair in self.validation:
            window = whole(self._crop, pair.height, pair.width)
            pictures.append(view(self._cache[pair], window, self._crop)[..., :4])
        return [np.stack(pictures[i : i + batch]) for i in range(0, len(pictures), batch)]
