"""The HTTP process's hold on one life of the worker. Everything here blocks: call it in threads."""

from __future__ import annotations

import atexit
import ctypes
import multiprocessing
from dataclasses import dataclass

from service.api.worker.messages import Done, Failed, Job, Started
from service.api.worker.process import run_worker
from service.errors import ModelUnavailable
from service.settings import Settings

# Loading models and their known answers; a CUDA context on a busy machine takes a while.
_START_SECONDS = 180.0
# An idle worker ends as soon as its pipe closes.
_END_SECONDS = 5.0


class WorkerLost(Exception):  # noqa: N818 - says what happened
    """The worker ended in the middle of a job or before it."""


@dataclass(frozen=True)
class Answer:
    """What a job came to."""

    done: Done
    data: bytes


class WorkerHandle:
    """Starts the worker, hands it one job at a time, and ends it.

    Parameters
    ----------
    settings
        Passed on to the worker.
    factory
        Where the worker finds its codec, as ``module:function``.
    """

    def __init__(self, settings: Settings, factory: str) -> None:
        # Not fork: the HTTP process has threads, and ONNX Runtime does not survive a fork.
        context = multiprocessing.get_context("spawn")
        self._connection, self._far_end = context.Pipe()
        self._cancelled = context.RawValue(ctypes.c_uint64, 0)
        self._process = context.Process(
            target=run_worker,
            args=(self._far_end, self._cancelled, settings, factory),
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
        self._far_end.close()
        try:
            if not self._connection.poll(_START_SECONDS):
                raise ModelUnavailable("the models did not load in time")
            word: Started | Failed = self._connection.recv()
        except (EOFError, OSError) as error:
            raise ModelUnavailable("the worker ended while it was loading the models") from error
        if isinstance(word, Failed):
            raise word.error
        return word

    def exchange(self, job: Job, parts: list[bytes | bytearray]) -> Answer:
        """Hand over a job and wait for its answer.

        Parameters
        ----------
        parts
            The job's files; the list is emptied, so that they are not held twice.

        Raises
        ------
        BladestreamError
            The job failed; the worker is ready for the next.
        WorkerLost
            The worker is gone.
        """
        try:
            self._connection.send(job)
            for part in parts:
                self._connection.send_bytes(part)
            del part
            parts.clear()
            word: Done | Failed = self._connection.recv()
            if isinstance(word, Done):
                return Answer(word, self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise WorkerLost from error
        raise word.error

    def cancel(self, number: int) -> None:
        """Ask the worker to drop the job of this number at its next checkpoint."""
        self._cancelled.value = number

    def kill(self) -> None:
        """End the process at once; an exchange that waits for it raises `WorkerLost`."""
        if self._process.pid is not None:
            self._process.kill()

    def close(self) -> None:
        """End the process, gently if it is idle, and free what belongs to it.

        No exchange may be under way.
        """
        atexit.unregister(self.kill)
        self._far_end.close()
        self._connection.close()
        if self._process.pid is None:
            return
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
