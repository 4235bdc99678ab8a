"""The worker's side: load the codec once, then do one job after another until the pipe closes."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
from multiprocessing.connection import Connection

from service.api.logs import configure_logging, request_id
from service.api.worker.codec import Codec, load_factory
from service.api.worker.messages import Done, Failed, Job, Started
from service.api.worker.tasks import perform
from service.codec.options import Checkpoint
from service.errors import BladestreamError, Cancelled, ModelUnavailable, WorkerFailed
from service.pictures import Limits
from service.settings import Settings

_log = logging.getLogger("bladestream.worker")


def run_worker(
    connection: Connection, cancelled: ctypes.c_uint64, settings: Settings, factory: str
) -> None:
    """Serve jobs until the other end of the pipe is closed; the entry point of the process.

    Parameters
    ----------
    connection
        Jobs come in and answers go out, each message followed by its bytes.
    cancelled
        Shared memory: the number of the job that nobody waits for any more. A plain value
        without a lock, since a killed process would hold a lock for ever.
    settings, factory
        What the codec is made from, see `codec.load_factory`.
    """
    # Signals go to the whole group; the HTTP process decides when this one may end.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logging(settings.log_level)
    try:
        codec = load_factory(factory)(settings)
        started = Started(codec.zoo.provider, codec.zoo.models(), codec.zoo.health())
    except BladestreamError as error:
        connection.send(Failed(error))
        return
    except Exception as error:
        _log.exception("the codec cannot be opened")
        detail = f"the codec cannot be opened: {type(error).__name__}"
        connection.send(Failed(ModelUnavailable(detail)))
        return
    try:
        connection.send(started)
        while True:
            _serve_one(connection, cancelled, codec, Limits.from_settings(settings))
    except (EOFError, OSError):
        return


def _serve_one(
    connection: Connection, cancelled: ctypes.c_uint64, codec: Codec, limits: Limits
) -> None:
    job: Job = connection.recv()
    parts = [connection.recv_bytes() for _ in range(job.parts)]
    request_id.set(job.request_id)
    try:
        result = perform(codec, limits, job.task, parts, _checkpoint(cancelled, job.number))
    except BladestreamError as error:
        connection.send(Failed(error))
    except (KeyboardInterrupt, SystemExit):
        raise
    except MemoryError:
        _log.exception("out of memory")
        connection.send(Failed(WorkerFailed("there is not enough memory for this request")))
    except BaseException as error:
        # Wider than Exception on purpose: a panic in a native library arrives as a
        # BaseException, and one hostile file must not take the worker with it.
        _log.exception("a job failed in a way nobody foresaw")
        detail = f"the job failed unexpectedly ({type(error).__name__})"
        connection.send(Failed(WorkerFailed(detail)))
    else:
        connection.send(Done(result.report, result.media_type, codec.zoo.health()))
        connection.send_bytes(result.data)


def _checkpoint(cancelled: ctypes.c_uint64, number: int) -> Checkpoint:
    parent = os.getppid()

    def checkpoint(stage: str, done: int, total: int) -> None:
        del stage, done, total
        if cancelled.value == number:
            raise Cancelled("nobody waits for this job any more")
        if os.getppid() != parent:
            raise SystemExit  # the HTTP process was killed: there is nobody to answer

    return checkpoint
