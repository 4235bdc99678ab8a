"""Seconds by stage, for reports."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Adds up what each stage took; a stage may be entered more than once."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time within."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def report(self) -> dict[str, float]:
        """Rounded to milliseconds, with their sum as ``total``."""
        rounded = {name: round(value, 4) for name, value in self.seconds.items()}
        return {**rounded, "total": round(sum(self.seconds.values()), 4)}
