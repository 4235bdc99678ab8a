"""Points of peers kept from one run to the next: peers don't change while a model is trained."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluation.environment import processor
from models.evaluation.peers import Peer, run
from models.evaluation.points import Point

# Raised when a figure is computed in another way, so that what was kept before is not used.
FIGURES = 1


class PeerCache:
    """One small file a picture and peer.

    The name is a digest of the pixels, the peer's settings and version, and the processor: times
    of another machine would stand beside ours as if they were of this one.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # What is kept here is no result: git is not to see it.
        (folder / ".gitignore").write_text("*\n")
        self._folder = folder

    def points(self, peer: Peer, pixels: NDArray[np.uint8]) -> list[Point]:
        """The peer's points of a picture, (H, W, 3) or (H, W): as kept, else coded now."""
        path = self._path(peer, pixels)
        if path.exists():
            return [Point(**point) for point in json.loads(path.read_text())]
        points = run(peer, pixels)
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps([asdict(point) for point in points]))
        beside.replace(path)
        return points

    def _path(self, peer: Peer, pixels: NDArray[np.uint8]) -> Path:
        pillow = importlib.metadata.version("pillow")
        settings = [asdict(peer), peer.version, pillow, processor(), FIGURES]
        digest = hashlib.sha256(json.dumps([settings, pixels.shape]).encode())
        digest.update(np.ascontiguousarray(pixels).data)
        return self._folder / f"{peer.key}-{digest.hexdigest()[:24]}.json"
