"""A job on behalf of a client: bounded in time, and dropped when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from service.api.worker.messages import Task
from service.api.worker.queue import JobQueue, Outcome
from service.errors import Cancelled, DeadlineExceeded


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Bound the time of what runs inside; it is cancelled when the time is over.

    Raises
    ------
    DeadlineExceeded
        The time is over.
    """
    try:
        async with asyncio.timeout(seconds) as bound:
            yield
    except TimeoutError as error:
        if not bound.expired():
            raise
        raise DeadlineExceeded(f"the request took longer than {seconds:g} s") from error


async def run_for_client(
    request: Request, queue: JobQueue, task: Task, parts: list[bytes | bytearray]
) -> Outcome:
    """Run a task as long as its client waits. The request's body must have been read.

    Raises
    ------
    BladestreamError
        What the task failed with.
    Cancelled
        The client left.
    """
    working = asyncio.create_task(queue.run(task, parts))
    leaving = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Cancelled("the client left")
    finally:
        working.cancel()
        leaving.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
