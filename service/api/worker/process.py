"""The worker's side: load the codec once, then serve every lane until it closes."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence

from service.api.logs import configure_logging, request_id
from service.api.worker.codec import Codec, load_factory
from service.api.worker.lane import FarEnd
from service.api.worker.messages import Done, Failed, Job, Started
from service.api.worker.tasks import perform
from service.api.worker.turns import Turn, Turns
from service.errors import BladestreamError, Cancelled, ModelUnavailable, WorkerFailed
from service.pictures import Limits
from service.settings import Settings

_log = logging.getLogger("bladestream.worker")


def run_worker(lanes: Sequence[FarEnd], settings: Settings, factory: str) -> None:
    """Serve jobs until the other ends are closed; the entry point of the process.

    Each lane has a thread. They share the codec, whose networks are thread-safe; what holds the
    interpreter (entropy coding) does so in short calls.

    Parameters
    ----------
    lanes
        Where jobs come from, one at a time each; the first is told how the start went.
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
        lanes[0].connection.send(Failed(error))
        return
    except Exception as error:
        _log.exception("the codec cannot be opened")
        detail = f"the codec cannot be opened: {type(error).__name__}"
        lanes[0].connection.send(Failed(ModelUnavailable(detail)))
        return
    try:
        lanes[0].connection.send(started)
    except OSError:
        return
    turns, limits = Turns(), Limits.from_settings(settings)
    threads = [
        threading.Thread(target=_serve_lane, args=(lane, codec, limits, turns)) for lane in lanes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _serve_lane(lane: FarEnd, codec: Codec, limits: Limits, turns: Turns) -> None:
    try:
        while True:
            _serve_one(lane, codec, limits, turns)
    except (EOFError, OSError, SystemExit):
        return
    except BaseException:
        # A lane that nobody serves would swallow its jobs: better a new worker.
        _log.exception("the worker failed outside of a job")
        os._exit(1)


def _serve_one(lane: FarEnd, codec: Codec, limits: Limits, turns: Turns) -> None:
    connection = lane.connection
    job: Job = connection.recv()
    parts = [connection.recv_bytes() for _ in range(job.parts)]
    request_id.set(job.request_id)
    turn = Turn(turns, _look_up(lane, job.number))
    try:
        result = perform(codec, limits, job.task, parts, turn)
        done = Done(result.report, result.media_type, codec.zoo.health())
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
        connection.send(done)
        connection.send_bytes(result.data)


def _look_up(lane: FarEnd, number: int) -> Callable[[], None]:
    parent = os.getppid()

    def look_up() -> None:
        if lane.cancelled.value == number:
            raise Cancelled("nobody waits for this job any more")
        if os.getppid() != parent:
            raise SystemExit  # the HTTP process was killed: there is nobody to answer

    return look_up
