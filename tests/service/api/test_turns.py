"""Turns at the device, in one process."""

import threading

import pytest

from service.api.worker.turns import Turn, Turns
from service.errors import Cancelled
from tests.service.api.conftest import until


def proceed():
    pass


def test_tiles_alternate_in_the_order_of_coming():
    turns, seen = Turns(), []

    def code(name, come):
        with Turn(turns, proceed) as turn:
            seen.append(name)
            come()
            for done in range(3):
                turn("tile", done, 3)
                seen.append(name)

    second = threading.Thread(target=code, args=("b", proceed))

    def second_comes():
        second.start()
        until(lambda: len(turns._line) == 2)

    code("a", second_comes)
    second.join()
    assert seen == list("abababab")


def test_a_job_that_nobody_waits_for_leaves_the_line():
    turns, answers = Turns(), []
    cancelled = threading.Event()

    def look_up():
        if cancelled.is_set():
            raise Cancelled("nobody waits")

    def wait_in_vain():
        with pytest.raises(Cancelled), Turn(turns, look_up):
            answers.append("had a turn")
        answers.append("left")

    waiting = threading.Thread(target=wait_in_vain)
    with Turn(turns, proceed) as turn:
        waiting.start()
        until(lambda: len(turns._line) == 2)
        cancelled.set()
        waiting.join()
        turn("tile", 1, 2)
    assert answers == ["left"]
    assert not turns._line


def test_a_job_that_fails_passes_the_device_on():
    turns = Turns()
    with pytest.raises(KeyError), Turn(turns, proceed):
        raise KeyError
    with Turn(turns, proceed) as turn:
        turn("tile", 1, 1)
    assert not turns._line
