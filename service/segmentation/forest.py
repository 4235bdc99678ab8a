"""The random forest trained on the fly over the pictures of one surface (paper, III-C2).

It works at half the network's size and learns nothing but this surface's colours and light, from
the masks that the network and the first hole filling made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

VOTE = 0.37
"""Mean probability of network and forest from which a pixel is blade."""
REACH = 24
"""How far from the network's blade the forest is heard, in pixels of the working size."""
DOUBT = 0.1
"""Least probability by the network where the forest is heard: elsewhere nothing is in doubt."""
LEAST_PICTURES = 5
LEAST_ACCURACY = 0.97
"""Out of the bag; on photographs whose forests reached 0.90 to 0.966 the network knew better."""
MOST_FLIPPED = 0.15
"""Share of a picture's pixels that a vote everywhere may turn; above it the forest is mistaken."""

_DISTANCE = 3  # pixels to the neighbours whose colours are features
_PIXELS = 3_000  # samples a picture
_TREES, _DEPTH, _LEAF = 16, 12, 5
_BAG = 12_000  # samples a tree: more only takes longer


@dataclass(frozen=True)
class Samples:
    """What the forest learns from one picture.

    Attributes
    ----------
    features
        (n, 27) uint8, see `features_of`.
    labels
        (n,) bool, true for blade.
    share
        Share of blade in the picture, 0 to 1; the samples have as much of it as of background.
    """

    features: NDArray[np.uint8]
    labels: NDArray[np.bool_]
    share: float


def halved(working: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of 2x2 pixels of (512, 768, 3): what the forest sees, (256, 384, 3)."""
    h, w, c = working.shape
    sums = working.reshape(h // 2, 2, w // 2, 2, c).sum(axis=(1, 3), dtype=np.uint16)
    means: NDArray[np.uint8] = ((sums + 2) // 4).astype(np.uint8)
    return means


def features_of(
    small: NDArray[np.uint8], places: NDArray[np.intp] | None = None
) -> NDArray[np.uint8]:
    """A pixel's colour and those of its eight neighbours at a distance of three pixels.

    Parameters
    ----------
    small
        (h, w, 3). Its border pixels stand for what lies beyond.
    places
        Pixels to describe, numbered row by row; None is all.

    Returns
    -------
    NDArray[np.uint8]
        (n, 27).
    """
    h, w, _ = small.shape
    padded = np.pad(small, ((_DISTANCE, _DISTANCE), (_DISTANCE, _DISTANCE), (0, 0)), mode="edge")
    flat = np.arange(h * w) if places is None else places
    rows, columns = np.divmod(flat, w)
    steps = (0, _DISTANCE, 2 * _DISTANCE)
    return np.concatenate([padded[rows + y, columns + x] for y in steps for x in steps], axis=1)


def draw_samples(small: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Samples:
    """Draw what the forest learns from a picture: as much blade as background.

    Parameters
    ----------
    small
        (h, w, 3).
    mask
        (2h, 2w), true for blade; a sample is blade if its first pixel of four is.

    Returns
    -------
    Samples
        At most 1,500 of each kind, always the same for the same picture.
    """
    labels = mask[::2, ::2].ravel()
    generator = np.random.default_rng(0)
    drawn = []
    for kind in (False, True):
        places = np.flatnonzero(labels == kind)
        drawn.append(generator.permutation(places)[: _PIXELS // 2])
    places = np.concatenate(drawn)
    return Samples(features_of(small, places), labels[places], float(labels.mean()))


@dataclass(frozen=True)
class Forest:
    """A trained forest.

    Attributes
    ----------
    trees
        As scikit-learn has them.
    accuracy
        Out of the bag: the share of blade, and that of background, which the trees that did not
        learn from it get right; their mean.
    share
        Share of blade in the pictures of the surface.
    """

    trees: RandomForestClassifier
    accuracy: float
    share: float

    def probability(self, small: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How probable each pixel is blade, (2h, 2w), for a picture (h, w, 3).

        The trees grew on even chances; Bayes' rule brings their answer to the surface's own share
        of blade (Saerens et al., Neural Computation 14, 2002, eq. 2.4).
        """
        h, w, _ = small.shape
        told: NDArray[np.float64] = self.trees.predict_proba(features_of(small))[:, 1]
        rarity = self.share / (1 - self.share)
        known: NDArray[np.float32] = (told * rarity / (told * rarity + 1 - told)).astype(np.float32)
        return known.reshape(h, w).repeat(2, axis=0).repeat(2, axis=1)


def soft_vote(
    network: NDArray[np.float32], forest: NDArray[np.float32], holes: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Add to a mask what the mean of two opinions takes for blade.

    Parameters
    ----------
    network, forest
        (512, 768) probabilities.
    holes
        (512, 768), the mask that the forest has learned from.

    Returns
    -------
    NDArray[np.bool_]
        (512, 768), true for blade. The forest knows colours and no shapes: farther than `REACH`
        from the mask, where towers and clouds have the blade's colours, it is not heard, nor where
        the network is below `DOUBT`. And it takes nothing away: a lost blade is the dearer mistake.
    """
    near = ndimage.maximum_filter(holes.view(np.uint8), 2 * REACH + 1) > 0
    voted: NDArray[np.bool_] = ((network + forest) / 2 >= VOTE) & (network >= DOUBT) & near
    return voted | holes


def train_forest(samples: list[Samples], threads: int = 1) -> Forest | str:
    """Train a forest on the pictures of one surface.

    Parameters
    ----------
    samples
        Of each picture.
    threads
        That trees may grow on at once; 0 is one a core.

    Returns
    -------
    Forest or str
        Always the same for the same samples; or why there is none.
    """
    if len(samples) < LEAST_PICTURES:
        return f"the forest starts with {LEAST_PICTURES} pictures of a surface"
    features = np.concatenate([part.features for part in samples])
    labels = np.concatenate([part.labels for part in samples])
    if labels.all() or not labels.any():
        return "the pictures of the surface are all blade, or none of them has any"
    # Here, not above: the library takes a second to import, and single pictures never need it.
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import balanced_accuracy_score

    # A tree draws as much of either kind: more than there is of the rarer one would leave none of
    # it out of the bag.
    rarer = min(int(labels.sum()), int((~labels).sum()))
    trees = RandomForestClassifier(
        _TREES,
        max_depth=_DEPTH,
        min_samples_leaf=_LEAF,
        max_samples=min(_BAG, len(labels) // 2, rarer),
        class_weight="balanced",
        oob_score=balanced_accuracy_score,
        n_jobs=threads or -1,
        random_state=0,
    ).fit(features, labels)
    accuracy = float(trees.oob_score_)
    if accuracy < LEAST_ACCURACY:
        return f"the forest is right on {accuracy:.1%} of what it has not seen, too few"
    return Forest(trees, accuracy, float(np.mean([part.share for part in samples])))
