"""What is remembered of the surfaces that are posted picture by picture: bounded, and not for long.

A surface keeps what its forest learns from, never pictures: some 85 KB a picture.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from service.segmentation.forest import LEAST_PICTURES, Forest, Samples, train_forest

MOST_PICTURES = 40
"""Pictures a surface remembers; of more the oldest are forgotten."""
_GROWTH = 1.25


class Surface:
    """The pictures of one blade surface, and the forest that learns from them; thread-safe.

    Parameters
    ----------
    threads
        That a forest may grow on; 0 is one a core.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._samples: OrderedDict[bytes, Samples] = OrderedDict()
        self._forest: Forest | str = ""
        self._seen = 0
        self._trained_at = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, small: NDArray[np.uint8], samples: Samples) -> None:
        """Remember a picture; one that was sent before counts once.

        Parameters
        ----------
        small
            The picture as the forest sees it, only to know it again.
        samples
            Drawn from it.
        """
        key = hashlib.blake2b(small.tobytes(), digest_size=16).digest()
        with self._lock:
            if key not in self._samples:
                self._seen += 1
            self._samples[key] = samples
            while len(self._samples) > MOST_PICTURES:
                self._samples.popitem(last=False)

    def forest(self) -> Forest | str:
        """The forest for the pictures so far, or why there is none.

        It is trained anew when a quarter more pictures have come than it has learned from, so
        that thirty pictures posted one by one take eight trainings and not twenty-six.
        """
        with self._lock:
            if not self._trained_at or self._seen >= self._trained_at * _GROWTH:
                self._forest = train_forest(list(self._samples.values()), self._threads)
                self._trained_at = self._seen if len(self._samples) >= LEAST_PICTURES else 0
            return self._forest


class Surfaces:
    """Surfaces by name; the ones not used for longest give way. Thread-safe.

    Parameters
    ----------
    capacity
        Most surfaces that are remembered.
    seconds
        How long one is remembered after its last picture.
    threads
        As for `Surface`.
    clock
        Seconds that never go back.
    """

    def __init__(
        self,
        capacity: int = 16,
        seconds: float = 1800.0,
        threads: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = capacity
        self._seconds = seconds
        self._threads = threads
        self._clock = clock
        self._surfaces: OrderedDict[str, tuple[float, Surface]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._surfaces)

    def named(self, name: str) -> Surface:
        """The surface of this name: the one that is remembered, or a new one."""
        with self._lock:
            now = self._clock()
            for old in [n for n, (used, _) in self._surfaces.items() if now - used > self._seconds]:
                del self._surfaces[old]
            _, surface = self._surfaces.pop(name, (now, Surface(self._threads)))
            self._surfaces[name] = (now, surface)
            while len(self._surfaces) > self._capacity:
                self._surfaces.popitem(last=False)
            return surface
