"""The HTTP process's hold on one life of the worker. Everything here blocks: call it in threads."""

from __future__ import annotations

import atexit
import multiprocessing

from service.api.worker.lane import Lane
from service.api.worker.messages import Failed, Started
from service.api.worker.process import run_worker
from service.errors import ModelUnavailable
from service.settings import Settings

# Loading models and their known answers; a CUDA context on a busy machine takes a while.
_START_SECONDS = 180.0
# An idle worker ends as soon as its lanes close.
_END_SECONDS = 5.0


class WorkerHandle:
    """Starts the worker, holds its lanes, and ends it.

    Parameters
    ----------
    settings
        Passed on to the worker.
    factory
        Where the worker finds its codec, as ``module:function``.

    Attributes
    ----------
    picture_lanes
        As many as pictures may be coded at once.
    inspection_lane
        For what takes no turn at the device and must not wait behind a picture.
    """

    def __init__(self, settings: Settings, factory: str) -> None:
        # Not fork: the HTTP process has threads, and ONNX Runtime does not survive a fork.
        context = multiprocessing.get_context("spawn")
        self.picture_lanes = [Lane(context) for _ in range(settings.jobs)]
        self.inspection_lane = Lane(context)
        self._lanes = [self.inspection_lane, *self.picture_lanes]
        self._process = context.Process(
            target=run_worker,
            args=([lane.far_end for lane in self._lanes], settings, factory),
            name="bladestream-worker",
            daemon=True,
        )
        # It ignores SIGTERM, so that whoever leaves without `close` would wait for it for ever.
        atexit.register(self.kill)

    @property
    def pid(self) -> int | None:
        """The process's id, none before `start`."""
        return self._process.pid

    @property
    def sentinel(self) -> int:
        """A file descriptor that becomes readable when the process ends."""
        return self._process.sentinel

    def start(self) -> Started:
        """Start the process and wait until its codec is ready.

        Raises
        ------
        BladestreamError
            The codec cannot be opened; the process has ended.
        """
        self._process.start()
        for lane in self._lanes:
            lane.far_end.connection.close()
        first = self._lanes[0].connection
        try:
            if not first.poll(_START_SECONDS):
                raise ModelUnavailable("the models did not load in time")
            word: Started | Failed = first.recv()
        except (EOFError, OSError) as error:
            raise ModelUnavailable("the worker ended while it was loading the models") from error
        if isinstance(word, Failed):
            raise word.error
        return word

    def kill(self) -> None:
        """End the process at once; exchanges that wait for it raise `WorkerLost`."""
        if self._process.pid is not None:
            self._process.kill()

    def close(self) -> None:
        """End the process, gently if it is idle, and free what belongs to it.

        No exchange may be under way.
        """
        atexit.unregister(self.kill)
        for lane in self._lanes:
            lane.close()
        if self._process.pid is None:
            return
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
