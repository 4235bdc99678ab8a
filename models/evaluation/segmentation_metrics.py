"""How good a mask is: pixels of a picture, and the patches that the codec makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from service.codec.patch_mask import blade_patches

_LARGE = 8_000_000


@dataclass(frozen=True)
class Confusion:
    """Pixels of one picture by what they are and what they were taken for; blade is positive."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def accuracy(self) -> float:
        """Share of pixels that are right."""
        right = self.true_positive + self.true_negative
        return right / (right + self.false_positive + self.false_negative)

    @property
    def recall(self) -> float | None:
        """Share of the blade that was found; None without blade."""
        blade = self.true_positive + self.false_negative
        return self.true_positive / blade if blade else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None without blade."""
        if not self.true_positive + self.false_negative:
            return None
        wrong = self.false_positive + self.false_negative
        return 2 * self.true_positive / (2 * self.true_positive + wrong)

    @property
    def miou(self) -> float:
        """Intersection over union, mean of blade and background.

        A class that neither the truth nor the mask has does not count.
        """
        wrong = self.false_positive + self.false_negative
        classes = [each for each in (self.true_positive, self.true_negative) if each + wrong]
        return sum(each / (each + wrong) for each in classes) / len(classes)


def confusion(
    found: NDArray[np.bool_], truth: NDArray[np.bool_], counted: NDArray[np.bool_] | None = None
) -> Confusion:
    """Compare a mask with the truth.

    Parameters
    ----------
    found, truth
        (H, W), true for blade.
    counted
        (H, W), the pixels that count; None is all of them. At least one must.
    """
    if counted is not None:
        found, truth = found[counted], truth[counted]
    positive, blade = int(np.count_nonzero(found)), int(np.count_nonzero(truth))
    both = int(np.count_nonzero(found & truth))
    return Confusion(both, positive - both, blade - both, truth.size - positive - blade + both)


def band_of(size: tuple[int, int]) -> int:
    """Width in pixels of the band around the true boundary where no label is certain.

    4 on either side, 8 in pictures of more than 8 megapixels.
    """
    return 8 if size[0] * size[1] > _LARGE else 4


def off_boundary(truth: NDArray[np.bool_], band: int) -> NDArray[np.bool_]:
    """Pixels whose neighbours are all of their own kind.

    Parameters
    ----------
    truth
        (H, W).
    band
        A neighbour is at most this many rows and columns away, >= 0.

    Returns
    -------
    NDArray[np.bool_]
        (H, W). The border of the picture is no boundary.
    """
    levels = truth.view(np.uint8)
    highest = ndimage.maximum_filter(levels, size=2 * band + 1, mode="nearest")
    lowest = ndimage.minimum_filter(levels, size=2 * band + 1, mode="nearest")
    result: NDArray[np.bool_] = highest == lowest
    return result


@dataclass(frozen=True)
class Patches:
    """Patches of one picture.

    Attributes
    ----------
    blade
        How many have a pixel of blade in truth.
    found
        How many of those are blade patches.
    kept
        How many are blade patches in all.
    total
        How many there are.
    """

    blade: int
    found: int
    kept: int
    total: int

    @property
    def recall(self) -> float | None:
        """Share of the patches with blade that are blade patches; None without any."""
        return self.found / self.blade if self.blade else None

    def all_kept(self) -> Patches:
        """The same picture with every patch kept as blade."""
        return Patches(self.blade, self.blade, self.total, self.total)


def patches(found: NDArray[np.bool_], truth: NDArray[np.bool_], dilation: int) -> Patches:
    """Count patches as the codec cuts them.

    Parameters
    ----------
    found, truth
        (H, W), true for blade.
    dilation
        Safety margin of the service around a found mask, in pixels.
    """
    true, kept = blade_patches(truth, 0), blade_patches(found, dilation)
    blade, both, all_kept = (int(np.count_nonzero(each)) for each in (true, true & kept, kept))
    return Patches(blade, both, all_kept, true.size)
