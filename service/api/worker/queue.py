"""The line of jobs in front of the worker, and the worker's keeper."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from service.api.logs import request_id
from service.api.worker.handle import WorkerHandle
from service.api.worker.lane import Lane, WorkerLost
from service.api.worker.messages import Inspect, Job, Started, Task
from service.errors import BladestreamError, ModelUnavailable, WorkerFailed

_log = logging.getLogger("bladestream.queue")

# A tile takes well under this, on a busy machine too. A worker that does not look up in this time
# is stuck; ending it costs the other jobs in it, so that it had better be sure.
_CANCEL_SECONDS = 30.0
_FIRST_RETRY_SECONDS = 1.0
_LAST_RETRY_SECONDS = 30.0

State = Literal["starting", "ready", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What a job came to, and how long it waited before the worker took it."""

    report: Mapping[str, object]
    media_type: str
    data: bytes
    waited_seconds: float


@dataclass
class _Ticket:
    job: Job
    parts: list[bytes | bytearray]
    answer: asyncio.Future[Outcome]
    queued_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Held:
    """One lane of a worker, and the threads that may block on it."""

    worker: WorkerHandle
    lane: Lane
    threads: ThreadPoolExecutor


class JobQueue:
    """Hands jobs to one worker process, as many pictures at once as it has lanes for.

    Pictures start first come, first served, and share the device tile by tile. Inspections have
    a lane of their own and never wait behind a picture.

    A caller that stops waiting (its task is cancelled: the client left, the deadline passed)
    cancels its job and no other. A worker that dies, or does not let go of a cancelled job, is
    replaced: every job that ran in it is answered `WorkerFailed`, every job that waits stays in
    line for the next one.

    Parameters
    ----------
    new_worker
        Makes a worker that is not started yet.
    """

    def __init__(self, new_worker: Callable[[], WorkerHandle]) -> None:
        self._new_worker = new_worker
        self._numbers = itertools.count(1)
        self._pictures: asyncio.Queue[_Ticket] = asyncio.Queue()
        self._inspections: asyncio.Queue[_Ticket] = asyncio.Queue()
        self._unanswered: set[asyncio.Future[Outcome]] = set()
        self._worker: WorkerHandle | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.state: State = "starting"
        self.failure = ""
        self.started: Started | None = None
        self.health: Mapping[str, object] = {}
        self.restarts = 0

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, none while there is none."""
        return self._worker.pid if self._worker else None

    def open(self) -> None:
        """Begin to start the worker; returns at once."""
        self.state = "starting"
        self._keeper = asyncio.create_task(self._keep_a_worker())

    async def close(self) -> None:
        """End the worker. A job that still runs or waits fails."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self.abandon(WorkerFailed("the service has ended"))

    def abandon(self, error: BladestreamError) -> None:
        """Answer every job, waiting or running, with this error."""
        for answer in self._unanswered:
            if not answer.done():
                answer.set_exception(error)

    async def run(self, task: Task, parts: list[bytes | bytearray]) -> Outcome:
        """Queue a task and wait for its outcome; cancelling the wait cancels the job.

        Parameters
        ----------
        parts
            The task's files; the list is emptied as soon as the worker has them.

        Raises
        ------
        BladestreamError
            What the task failed with.
        ModelUnavailable
            The worker cannot be started.
        WorkerFailed
            The worker died over this job, or over another that ran beside it.
        """
        if self.state == "failed":
            raise ModelUnavailable(self.failure)
        job = Job(next(self._numbers), request_id.get(), task, len(parts))
        ticket = _Ticket(job, parts, asyncio.get_running_loop().create_future())
        self._unanswered.add(ticket.answer)
        ticket.answer.add_done_callback(self._unanswered.discard)
        line = self._inspections if isinstance(task, Inspect) else self._pictures
        line.put_nowait(ticket)
        try:
            return await ticket.answer
        finally:
            # A ticket that nobody waits for stays in line, its upload does not.
            ticket.parts = []

    async def _keep_a_worker(self) -> None:
        """Start a worker, serve with it until it is lost, start the next."""
        retry_seconds = _FIRST_RETRY_SECONDS
        while True:
            worker = self._worker = self._new_worker()
            try:
                await self._start(worker)
                retry_seconds = _FIRST_RETRY_SECONDS
                await self._serve(worker)
                self.state = "starting"
                self.restarts += 1
                _log.error("worker lost, starting another")
            except Exception as error:
                worker.kill()
                self.state = "failed"
                self.failure = error.detail if isinstance(error, BladestreamError) else repr(error)
                self.abandon(ModelUnavailable(self.failure))
                _log.error("worker did not start", extra={"fields": {"cause": self.failure}})
            finally:
                self._worker = None
                await asyncio.to_thread(worker.close)
            if self.state == "failed":
                await asyncio.sleep(retry_seconds)
                retry_seconds = min(retry_seconds * 2, _LAST_RETRY_SECONDS)

    async def _start(self, worker: WorkerHandle) -> None:
        starting = asyncio.create_task(asyncio.to_thread(worker.start))
        try:
            await asyncio.wait({starting})
        except asyncio.CancelledError:  # the queue is being closed
            worker.kill()
            await asyncio.wait({starting})
            starting.exception()  # looked at, so that nobody complains that it was not
            raise
        self.started = starting.result()
        self.health = self.started.health
        self.state, self.failure = "ready", ""
        _log.info("worker ready", extra={"fields": {"provider": self.started.provider}})

    async def _serve(self, worker: WorkerHandle) -> None:
        """Serve every lane; returns when the worker is gone and its jobs are answered."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(worker.sentinel, ended.set)
        lanes = [(worker.inspection_lane, self._inspections)]
        lanes += [(lane, self._pictures) for lane in worker.picture_lanes]
        # Threads of their own: those that asyncio shares may be fewer than the lanes.
        threads = ThreadPoolExecutor(len(lanes))
        serving = [
            asyncio.create_task(self._serve_lane(_Held(worker, lane, threads), line, ended))
            for lane, line in lanes
        ]
        try:
            await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
        finally:  # the worker is lost, or the queue is being closed
            worker.kill()
            await asyncio.wait(serving)
            loop.remove_reader(worker.sentinel)
            threads.shutdown()

    async def _serve_lane(
        self, held: _Held, line: asyncio.Queue[_Ticket], ended: asyncio.Event
    ) -> None:
        """Hand over one job after another; returns when the worker is gone."""
        while not ended.is_set():
            ticket = await _next_ticket(line, ended)
            if ticket is not None and not ticket.answer.done():
                try:
                    await self._work_on(held, ticket)
                except WorkerLost:
                    return

    async def _work_on(self, held: _Held, ticket: _Ticket) -> None:
        exchange = asyncio.create_task(self._exchange(held, ticket))
        await asyncio.wait({exchange, ticket.answer}, return_when=asyncio.FIRST_COMPLETED)
        if not exchange.done():
            # Nobody waits for the answer any more.
            held.lane.cancel(ticket.job.number)
            await asyncio.wait({exchange}, timeout=_CANCEL_SECONDS)
        if not exchange.done():  # it is stuck
            held.worker.kill()
            await asyncio.wait({exchange})
        _settle(ticket, exchange)

    async def _exchange(self, held: _Held, ticket: _Ticket) -> Outcome:
        waited = time.monotonic() - ticket.queued_at
        parts, ticket.parts = ticket.parts, []
        answer = await asyncio.get_running_loop().run_in_executor(
            held.threads, held.lane.exchange, ticket.job, parts
        )
        self.health = answer.done.health
        return Outcome(answer.done.report, answer.done.media_type, answer.data, waited)


async def _next_ticket(line: asyncio.Queue[_Ticket], ended: asyncio.Event) -> _Ticket | None:
    taking = asyncio.create_task(line.get())
    ending = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait({taking, ending}, return_when=asyncio.FIRST_COMPLETED)
        return taking.result() if taking.done() else None
    finally:
        taking.cancel()
        ending.cancel()


def _settle(ticket: _Ticket, exchange: asyncio.Task[Outcome]) -> None:
    """Pass on what an exchange came to; raises `WorkerLost` if it took the worker with it."""
    error = exchange.exception()
    is_lost = error is not None and not isinstance(error, BladestreamError)
    if is_lost:
        error = WorkerFailed(
            "the worker ended over this request or over another beside it; it is being replaced"
        )
    if not ticket.answer.done():
        if error is None:
            ticket.answer.set_result(exchange.result())
        else:
            ticket.answer.set_exception(error)
    if is_lost:
        raise WorkerLost
