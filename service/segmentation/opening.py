"""The segmenter of a zoo and its settings."""

from __future__ import annotations

from service.runtime.zoo import Zoo
from service.segmentation.pipeline import Segmenter
from service.segmentation.surfaces import Surfaces
from service.settings import Settings


def open_segmenter(zoo: Zoo, settings: Settings) -> Segmenter | None:
    """Make a segmenter of the zoo's model; None where `Zoo.open` found none that works."""
    if zoo.segmentation_failure is not None:
        return None
    threads = settings.threads
    surfaces = Surfaces(settings.surfaces, settings.surface_seconds, threads)
    return Segmenter(zoo.segmentation(), settings.flips, threads, surfaces)
