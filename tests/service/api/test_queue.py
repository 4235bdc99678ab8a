"""Several jobs in one worker: who waits for whom, and who goes down with whom."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import pytest

from service.api.worker.handle import WorkerHandle
from service.api.worker.messages import Compress, Inspect
from service.api.worker.queue import JobQueue
from service.codec.options import CompressOptions
from service.errors import WorkerFailed
from service.settings import Settings
from tests.service.api.conftest import FAKE_CODEC
from tests.service.api.fake_codec import STUCK


@asynccontextmanager
async def open_queue(jobs):
    settings = Settings(jobs=jobs, log_level="error")
    queue = JobQueue(lambda: WorkerHandle(settings, FAKE_CODEC))
    queue.open()
    while queue.state != "ready":
        await asyncio.sleep(0.01)
    yield queue
    await queue.close()


def compress(queue, png, model):
    task = Compress(CompressOptions(model=model), "full", False)
    return asyncio.create_task(queue.run(task, [png]))


def test_short_work_ends_first_and_one_cancelled_job_leaves_the_others_alone(png):
    async def scenario():
        async with open_queue(jobs=3) as queue:
            pid = queue.worker_pid
            dropped, long = (compress(queue, png, "tiles-50") for _ in range(2))
            await compress(queue, png, "tiles-3")
            assert not dropped.done() and not long.done()
            dropped.cancel()
            blade = (await compress(queue, png, "tiles-1")).data
            assert not long.done()
            assert (await long).data == blade
            assert (queue.worker_pid, queue.restarts) == (pid, 0)

    asyncio.run(scenario())


def test_an_inspection_does_not_wait_behind_pictures(png, blade):
    async def scenario():
        async with open_queue(jobs=1) as queue:
            # The first holds the device and its lane, the second waits in line.
            pictures = [compress(queue, png, "tiles-30") for _ in range(2)]
            while queue._pictures.qsize() != 1:
                await asyncio.sleep(0.01)
            outcome = await queue.run(Inspect(), [blade])
            assert outcome.report["width"] == 60
            assert not any(picture.done() for picture in pictures)

    asyncio.run(scenario())


@pytest.mark.parametrize("end", ["killed", "stuck"])
def test_all_that_runs_in_a_lost_worker_fails_and_what_waits_is_done_by_the_next(
    png, end, monkeypatch, tmp_path
):
    monkeypatch.setattr("service.api.worker.queue._CANCEL_SECONDS", 0.2)
    held = tmp_path / "held"
    monkeypatch.setenv(STUCK, str(held))

    async def scenario():
        async with open_queue(jobs=2) as queue:
            stuck = compress(queue, png, "stuck")
            beside = compress(queue, png, "slow")
            waiting = compress(queue, png, "tiles-1")
            while queue._pictures.qsize() != 1 or not held.exists():
                await asyncio.sleep(0.01)
            if end == "killed":
                os.kill(queue.worker_pid, signal.SIGKILL)
            else:
                # It does not let go of the device, so that the one beside it cannot go on.
                stuck.cancel()
            results = await asyncio.gather(stuck, beside, return_exceptions=True)
            expected = WorkerFailed if end == "killed" else asyncio.CancelledError
            assert isinstance(results[0], expected)
            assert isinstance(results[1], WorkerFailed)
            assert (await waiting).report["width"] == 60
            assert queue.restarts == 1

    asyncio.run(scenario())
