"""A pipe between the two processes that carries one job at a time; a worker has several."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext

from service.api.worker.messages import Done, Failed, Job
from service.errors import BladestreamError


class WorkerLost(Exception):  # noqa: N818 - says what happened
    """The worker ended in the middle of a job or before it."""


@dataclass(frozen=True)
class Answer:
    """What a job came to."""

    done: Done
    data: bytes


@dataclass(frozen=True)
class FarEnd:
    """What the worker has of a lane.

    Attributes
    ----------
    connection
        Jobs come in and answers go out, each message followed by its bytes.
    cancelled
        Shared memory: the number of the job that nobody waits for any more. A plain value
        without a lock, since a killed process would hold a lock for ever.
    """

    connection: Connection
    cancelled: ctypes.c_uint64


class Lane:
    """The HTTP process's end. `exchange` blocks: call it in a thread.

    Parameters
    ----------
    context
        How processes are started.
    """

    def __init__(self, context: BaseContext) -> None:
        self.connection, far_connection = context.Pipe()
        self._cancelled = context.RawValue(ctypes.c_uint64, 0)
        self.far_end = FarEnd(far_connection, self._cancelled)

    def exchange(self, job: Job, parts: list[bytes | bytearray]) -> Answer:
        """Hand over a job and wait for its answer.

        Parameters
        ----------
        parts
            The job's files; the list is emptied, so that they are not held twice.

        Raises
        ------
        BladestreamError
            The job failed; the lane is ready for the next.
        WorkerLost
            The worker is gone.
        """
        word: Done | Failed
        try:
            self.connection.send(job)
            for part in parts:
                self.connection.send_bytes(part)
            del part
            parts.clear()
            word = self.connection.recv()
            if isinstance(word, Done):
                return Answer(word, self.connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise WorkerLost from error
        failure: BladestreamError = word.error
        raise failure

    def cancel(self, number: int) -> None:
        """Ask for the job of this number to be dropped at its next checkpoint."""
        self._cancelled.value = number

    def close(self) -> None:
        """Free both ends; no exchange may be under way."""
        self.far_end.connection.close()
        self.connection.close()
