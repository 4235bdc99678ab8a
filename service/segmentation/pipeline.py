"""BU-Netv2+P: network -> holes -> forest -> holes (paper roi-eml, section III and figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.codec.options import Checkpoint, no_checkpoint
from service.codec.timing import Stages
from service.runtime.segmentation_model import SegmentationModel
from service.segmentation.forest import (
    LEAST_PICTURES,
    MOST_FLIPPED,
    VOTE,
    Forest,
    draw_samples,
    halved,
    soft_vote,
)
from service.segmentation.framing import (
    as_it_stands,
    certainty,
    leaves_a_trace,
    to_picture_size,
    to_working,
)
from service.segmentation.holes import fill_holes
from service.segmentation.network import FOUND, blade_probability
from service.segmentation.prepared import Prepared
from service.segmentation.surfaces import Surface, Surfaces

Step = Literal["network", "holes", "forest_vote", "final"]
STEPS: tuple[Step, ...] = ("network", "holes", "forest_vote", "final")

NEARLY_ALL = 0.97
"""A larger share of blade is doubtful, as none at all is."""
NO_PIXEL_FOR_IT = "Some blade was found, too little for one of the picture's pixels."


@dataclass(frozen=True, eq=False)
class Segmented:
    """Where the blade is in a picture, and how that was found.

    Attributes
    ----------
    size
        Rows and columns of the picture.
    forest_used
        Whether the forest had a vote.
    warnings
        What whoever uses the mask should know, in words.
    seconds
        By stage; the training of a forest counts for the first picture it was trained with.
    """

    size: tuple[int, int]
    forest_used: bool
    warnings: tuple[str, ...]
    seconds: dict[str, float]
    _working: dict[Step, NDArray[np.bool_]]
    _network: NDArray[np.float32]
    _forest: NDArray[np.float32] | None

    @property
    def steps(self) -> dict[Step, NDArray[np.bool_]]:
        """The mask after each step, at the working size, as the picture stands.

        (512, 768), or (768, 512) for a picture higher than wide. Without a forest
        ``forest_vote`` is ``holes`` again.
        """
        return {name: as_it_stands(mask, self.size) for name, mask in self._working.items()}

    @property
    def forest_probability(self) -> NDArray[np.float32] | None:
        """The forest's own opinion, like `steps`; None where it had no vote."""
        return None if self._forest is None else as_it_stands(self._forest, self.size)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The last step's mask, (height, width) of the picture, true for blade."""
        return self.at_picture_size("final")

    @property
    def blade_share(self) -> float:
        """Share of blade in the last step's mask, 0 to 1."""
        return float(self._working["final"].mean())

    @property
    def steps_used(self) -> tuple[Step, ...]:
        """The steps that had a say."""
        return STEPS if self.forest_used else STEPS[:2]

    def at_picture_size(self, step: Step) -> NDArray[np.bool_]:
        """The mask after a step, (height, width) of the picture, true for blade."""
        return to_picture_size(self.certainty(step), self.size)

    def certainty(self, step: Step = "final") -> NDArray[np.uint8]:
        """How certain the mask after a step is, like `steps`; 128 or more where it is blade."""
        mask = self._working[step]
        certain = certainty(mask, self._network, FOUND)
        if self._forest is not None and step in ("forest_vote", "final"):
            # Either may have decided.
            vote = np.asarray((self._network + self._forest) / 2, np.float32)
            certain = np.maximum(certain, certainty(mask, vote, VOTE))
        return as_it_stands(certain, self.size)


class Segmenter:
    """Finds the blade; thread-safe.

    Parameters
    ----------
    model
        The network.
    flips
        1, 2 or 4 flipped pictures that the network looks at.
    threads
        That a forest may grow on; 0 is one a core.
    surfaces
        Memory of named surfaces; None makes one.
    """

    def __init__(
        self,
        model: SegmentationModel,
        flips: int = 1,
        threads: int = 1,
        surfaces: Surfaces | None = None,
    ) -> None:
        self._model = model
        self._flips = flips
        self._threads = threads
        self._surfaces = surfaces or Surfaces(threads=threads)

    def segment(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        flips: int | None = None,
        surface: str | None = None,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> list[Segmented]:
        """Segment pictures of one surface.

        Parameters
        ----------
        pictures
            (H, W, 3) or (H, W) each, of any size; from five on the forest has a vote.
        flips
            Overrules the segmenter's own.
        surface
            Name under which the surface is remembered, with pictures that came before; None
            remembers nothing.
        checkpoint
            Called between steps.

        Returns
        -------
        list of Segmented
            In the order of the pictures.
        """
        prepared = [self.prepare(pixels, flips, checkpoint) for pixels in pictures]
        return self.finish(prepared, surface, checkpoint)

    def prepare(
        self,
        pixels: NDArray[np.uint8],
        flips: int | None = None,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Prepared:
        """Run the network on a picture and fill holes; the pixels are not needed any more then.

        Parameters
        ----------
        pixels
            (H, W, 3) or (H, W).
        flips, checkpoint
            As for `segment`.

        Raises
        ------
        BadParameter
            Another number of flips.
        ModelUnavailable
            The device failed.
        """
        stages = Stages()
        with stages.stage("resize"):
            working = to_working(pixels)
            small = halved(working)
        with stages.stage("network"):
            probability = blade_probability(self._model, working, flips or self._flips, checkpoint)
        network = probability >= FOUND
        with stages.stage("holes"):
            holes = fill_holes(network, probability)
        size = (pixels.shape[0], pixels.shape[1])
        return Prepared(size, small, probability, network, holes, stages.seconds)

    def finish(
        self,
        prepared: Sequence[Prepared],
        surface: str | None = None,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> list[Segmented]:
        """Let the forest vote and fill holes again.

        Parameters
        ----------
        prepared
            Pictures of one surface.
        surface
            As for `segment`.
        checkpoint
            Called between pictures.

        Returns
        -------
        list of Segmented
            In the order given.
        """
        known = Surface(self._threads) if surface is None else self._surfaces.named(surface)
        stages = Stages()
        with stages.stage("forest"):
            for picture in prepared:
                known.add(picture.small, draw_samples(picture.small, picture.holes))
            forest = known.forest()
        results = []
        for done, picture in enumerate(prepared):
            checkpoint("forest", done, len(prepared))
            results.append(self._vote(picture, forest, stages, len(known)))
            stages = Stages()
        return results

    def _vote(
        self, picture: Prepared, forest: Forest | str, stages: Stages, pictures: int
    ) -> Segmented:
        warnings = []
        if isinstance(forest, str) and pictures >= LEAST_PICTURES:
            warnings.append(f"The random forest had no vote: {forest}.")
        voted, opinion = picture.holes, None
        if isinstance(forest, Forest):
            with stages.stage("forest"):
                opinion = forest.probability(picture.small)
                voted = soft_vote(picture.probability, opinion, picture.holes)
                alone = (picture.probability + opinion) / 2 >= VOTE
            if (alone != picture.holes).mean() > MOST_FLIPPED:
                warnings.append(
                    f"The forest would have turned more than {MOST_FLIPPED:.0%} of the pixels and "
                    "was not heard."
                )
                voted, opinion = picture.holes, None
        with stages.stage("holes"):
            final = voted
            if opinion is not None:
                final = fill_holes(voted, picture.probability)
        masks: dict[Step, NDArray[np.bool_]] = {
            "network": picture.network,
            "holes": picture.holes,
            "forest_vote": voted,
            "final": final,
        }
        share = float(final.mean())
        if share == 0:
            warnings.append("No blade was found.")
        elif share > NEARLY_ALL:
            warnings.append(f"{share:.1%} of the picture was taken for blade.")
        found = Segmented(
            size=picture.size,
            forest_used=opinion is not None,
            warnings=tuple(warnings),
            seconds={
                stage: picture.seconds.get(stage, 0.0) + stages.seconds.get(stage, 0.0)
                for stage in (*picture.seconds, *stages.seconds)
            },
            _working=masks,
            _network=picture.probability,
            _forest=opinion,
        )
        if share > 0 and not leaves_a_trace(found.certainty(), found.size):
            return replace(found, warnings=(*found.warnings, NO_PIXEL_FOR_IT))
        return found
