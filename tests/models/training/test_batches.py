import threading

import numpy as np
import pytest
import torch

from models.training.batches import batch_size, batches
from models.training.recipe import Recipe

CPU = torch.device("cpu")


class Source:
    """Pictures of random numbers; remembers in which order it was asked for how many."""

    def __init__(self):
        self.asked = []
        self.several = threading.Event()

    def draw(self, batch, rng, crop=None):
        self.asked.append((batch, crop))
        if len(self.asked) > 1:
            self.several.set()
        return rng.integers(0, 256, (batch, 4, 6, 3), np.uint8)


def recipe(**stage):
    return Recipe.model_validate(
        {
            "model": {"name": "toy"},
            "data": {"kind": "pairs", "crop": [64, 64], "batch": 2, "shares": {"turbines": 1}},
            "stages": [{"name": "one", "loss": "fit", "steps": 9, "rate": 1} | stage],
        }
    )


def taken(plan, count, first=0, source=None):
    with batches(source or Source(), plan, plan.stages[0], CPU, first) as drawn:
        return [next(drawn) for _ in range(count)]


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_a_batch_depends_on_its_step_alone(threads):
    threads(1)
    plan = recipe()
    expected = taken(plan, 6)
    assert all(not torch.equal(expected[0], other) for other in expected[1:])
    assert all(torch.equal(a, b) for a, b in zip(taken(plan, 4, 2), expected[2:], strict=True))
    threads(3)
    assert all(torch.equal(a, b) for a, b in zip(taken(plan, 6), expected, strict=True))


def test_another_stage_and_another_seed_draw_other_batches():
    (one,) = taken(recipe(), 1)
    (other,) = taken(recipe(name="two"), 1)
    assert not torch.equal(one, other)
    plan = recipe()
    (seeded,) = taken(plan.model_copy(update={"seed": 1}), 1)
    assert not torch.equal(one, seeded)


def test_the_next_batches_are_drawn_while_one_is_learnt_from():
    source, plan = Source(), recipe()
    with batches(source, plan, plan.stages[0], CPU) as drawn:
        next(drawn)
        assert source.several.wait(30)


def test_what_a_stage_says_of_its_batches():
    source, plan = Source(), recipe(batch=5, crop=(64, 128), channels_last=True)
    (batch,) = taken(plan, 1, source=source)
    assert set(source.asked) == {(5, (64, 128))}
    assert batch_size(plan, plan.stages[0]) == 5
    assert batch_size(recipe(), recipe().stages[0]) == 2
    assert batch.shape == (5, 3, 4, 6)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert batch.max() > 1


def test_what_goes_wrong_in_a_thread_is_raised():
    class Broken(Source):
        def draw(self, batch, rng, crop=None):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        taken(recipe(), 1, source=Broken())


def test_nothing_is_drawn_any_more_once_a_stage_is_over():
    source, plan = Source(), recipe()
    taken(plan, 2, source=source)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("draw")]
