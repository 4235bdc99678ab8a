"""Turns at the device: jobs run at once, but their tiles one after another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType

# How soon a job that waits for its turn notices that nobody waits for it.
_LOOK_UP_SECONDS = 0.1


class Turns:
    """The line of those who want the device: first come, first served, one at a time.

    Two tiles at once would need the memory of two and be no faster: a tile takes every core.
    """

    def __init__(self) -> None:
        self._line: deque[Turn] = deque()
        self._changed = threading.Condition()

    def wait(self, turn: Turn) -> None:
        """Go to the end of the line and wait to be the first.

        Raises
        ------
        Cancelled
            Nobody waits for the job any more; it is not in the line then.
        """
        with self._changed:
            self._line.append(turn)
            try:
                while self._line[0] is not turn:
                    self._changed.wait(_LOOK_UP_SECONDS)
                    turn.look_up()
            except BaseException:
                self.leave(turn)
                raise

    def leave(self, turn: Turn) -> None:
        """Let the next one have the device."""
        with self._changed:
            if turn in self._line:
                self._line.remove(turn)
                self._changed.notify_all()


class Turn:
    """One job's place at the device: held within ``with``, passed on at each checkpoint.

    Parameters
    ----------
    turns
        Shared by all jobs.
    look_up
        Raises when the job is not to go on.
    """

    def __init__(self, turns: Turns, look_up: Callable[[], None]) -> None:
        self._turns = turns
        self.look_up = look_up

    def __enter__(self) -> Turn:
        self.look_up()
        self._turns.wait(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._turns.leave(self)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Let the others have a tile each; this is the codec's checkpoint."""
        del stage, done, total
        self.look_up()
        self._turns.leave(self)
        self._turns.wait(self)
