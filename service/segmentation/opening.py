"""The segmenter of a zoo and its settings."""

from __future__ import annotations

from service.runtime.zoo import Zoo
from service.segmentation.pipeline import Segmenter
from service.segmentation.surfaces import Surfaces
from service.settings import Settings


def open_segmenter(zoo: Zoo, settings: Settings) -> Segmenter | None:
    """Load the zoo's model, check it, and make a segmenter of it; None if there is none to use."""
    model = zoo.segmentation_if_usable()
    if model is None:
        return None
    threads = settings.threads
    surfaces = Surfaces(settings.surfaces, settings.surface_seconds, threads)
    return Segmenter(model, settings.flips, threads, surfaces)
