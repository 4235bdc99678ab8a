"""The memory of surfaces: bounded, expiring, counting each picture once."""

from __future__ import annotations

from service.segmentation import surfaces as module
from service.segmentation.forest import Forest, draw_samples
from service.segmentation.surfaces import MOST_PICTURES, Surface, Surfaces
from tests.service.segmentation.test_forest import surface as picture


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def add(surface: Surface, seed: int) -> None:
    small, mask = picture(seed % 8)
    small = small.copy()
    small[0, 0] = (seed // 256, seed % 256, 0)
    surface.add(small, draw_samples(small, mask))


def test_a_picture_sent_again_counts_once() -> None:
    surface = Surface()
    for _ in range(7):
        add(surface, 1)
    assert len(surface) == 1
    assert isinstance(surface.forest(), str)


def test_the_forest_starts_with_five_and_improves_now_and_then(monkeypatch) -> None:
    trained = []
    honest = module.train_forest

    def counted(samples, threads):
        if len(samples) >= 5:
            trained.append(len(samples))
        return honest(samples, threads) if len(samples) == 5 else forest

    monkeypatch.setattr(module, "train_forest", counted)
    surface, forest = Surface(), "none yet"
    for seed in range(30):
        add(surface, seed)
        forest = surface.forest()
        assert isinstance(forest, Forest) == (seed >= 4)
    assert trained == [5, 7, 9, 12, 15, 19, 24, 30]


def test_a_surface_forgets_its_oldest_pictures() -> None:
    surface = Surface()
    for seed in range(MOST_PICTURES + 10):
        add(surface, seed)
    assert len(surface) == MOST_PICTURES


def test_a_name_is_a_surface() -> None:
    surfaces = Surfaces(4, 100)
    first = surfaces.named("A")
    assert surfaces.named("B") is not first
    assert surfaces.named("A") is first


def test_the_surface_not_used_for_longest_gives_way() -> None:
    surfaces = Surfaces(2, 100)
    first, second = surfaces.named("A"), surfaces.named("B")
    assert surfaces.named("A") is first
    surfaces.named("C")
    assert len(surfaces) == 2
    assert surfaces.named("A") is first
    assert surfaces.named("B") is not second


def test_a_surface_expires_after_its_last_picture() -> None:
    clock = Clock()
    surfaces = Surfaces(4, 100, clock=clock)
    first = surfaces.named("A")
    clock.now = 99
    assert surfaces.named("A") is first
    clock.now = 190
    surfaces.named("B")
    assert surfaces.named("A") is first
    clock.now = 291
    assert surfaces.named("A") is not first
    assert len(surfaces) == 1


def test_what_is_remembered_is_small() -> None:
    small, mask = picture(0)
    drawn = draw_samples(small, mask)
    assert drawn.features.nbytes + drawn.labels.nbytes < 90_000
