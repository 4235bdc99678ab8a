"""How many requests may be in the house at once; the rest are told when to come back."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Busy

_LONGEST_RETRY_SECONDS = 60
# Weight of the newest request in the mean that Retry-After is taken from.
_NEWEST = 0.3


class Admission:
    """Counts the requests that hold, or are about to hold, a picture.

    A request is counted from before its body is read until its answer is sent, so that the
    count bounds the memory of the HTTP process, not only the line before the worker.

    Parameters
    ----------
    capacity
        Most requests in the house.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.count = 0
        self.is_closed = False
        self._mean_seconds = 1.0

    @property
    def is_full(self) -> bool:
        """Whether the next request would be refused for want of room."""
        return self.count >= self.capacity

    def close(self) -> None:
        """Let nobody in any more; those who are in may finish."""
        self.is_closed = True

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Take a place for one request.

        Raises
        ------
        Busy
            There is no place, or the service is shutting down.
        """
        if self.is_closed:
            raise Busy("the service is shutting down", retry_after_seconds=self._retry_after())
        if self.is_full:
            raise Busy(
                f"{self.count} requests are waiting or running, which is the limit",
                retry_after_seconds=self._retry_after(),
            )
        self.count += 1
        entered = time.monotonic()
        try:
            yield
        finally:
            self.count -= 1
            seconds = time.monotonic() - entered
            self._mean_seconds += _NEWEST * (seconds - self._mean_seconds)

    def _retry_after(self) -> int:
        return min(max(1, math.ceil(self._mean_seconds)), _LONGEST_RETRY_SECONDS)
