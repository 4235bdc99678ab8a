"""A worker that fails, dies or does not listen, and clients that leave."""

import asyncio
import os
import signal
import threading

import httpx
import pytest

from service.api.app import create_app
from service.settings import Settings
from tests.service.api.conftest import FAKE_CODEC, until


@pytest.mark.parametrize("model", ["panic", "memory", "bug"])
def test_a_job_that_fails_leaves_the_worker_alive(app, client, png, model):
    pid = app.state.service.jobs.worker_pid
    response = client.post(f"/compress?model={model}", content=png)
    assert (response.status_code, response.json()["code"]) == (500, "worker-failed")
    assert "secret" not in response.text
    assert client.post("/compress", content=png).status_code == 200
    assert app.state.service.jobs.worker_pid == pid


def test_a_worker_that_dies_is_replaced(app, client, png):
    restarts = app.state.service.jobs.restarts
    response = client.post("/compress?model=dies", content=png)
    assert (response.status_code, response.json()["code"]) == (500, "worker-failed")
    # Asked while the next one starts: it waits, and is done.
    assert client.post("/compress", content=png).status_code == 200
    assert app.state.service.jobs.restarts == restarts + 1


def test_a_worker_killed_while_idle_is_replaced(app, client, png):
    jobs = app.state.service.jobs
    restarts = jobs.restarts
    os.kill(jobs.worker_pid, signal.SIGKILL)
    until(lambda: jobs.restarts == restarts + 1)
    assert client.post("/compress", content=png).status_code == 200


def test_work_over_its_deadline_is_dropped(other_client, png):
    client = other_client(request_timeout_seconds=1.0)
    jobs = client.app.state.service.jobs
    pid = jobs.worker_pid
    response = client.post("/compress?model=slow", content=png)
    assert (response.status_code, response.json()["code"]) == (504, "deadline-exceeded")
    assert client.post("/compress", content=png).status_code == 200
    assert jobs.worker_pid == pid, "it listens at its checkpoints and need not be killed"


def test_a_stuck_worker_is_killed(other_client, png, monkeypatch):
    monkeypatch.setattr("service.api.worker.queue._CANCEL_SECONDS", 0.2)
    client = other_client(request_timeout_seconds=1.0)
    jobs = client.app.state.service.jobs
    response = client.post("/compress?model=stuck", content=png)
    assert (response.status_code, response.json()["code"]) == (504, "deadline-exceeded")
    until(lambda: jobs.restarts == 1 and jobs.state == "ready")
    assert client.post("/compress", content=png).status_code == 200


def test_a_codec_that_does_not_open_is_told_and_tried_again(other_client, png):
    client = other_client(codec="tests.service.api.fake_codec:open_broken_codec")
    until(lambda: client.app.state.service.jobs.state == "failed")
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert "the model gives wrong answers" in ready.json()["reasons"][0]
    assert client.get("/livez").status_code == 200
    for response in (client.post("/compress", content=png), client.get("/models")):
        assert (response.status_code, response.json()["code"]) == (503, "model-unavailable")


def test_the_queue_is_bounded(other_client, png):
    client = other_client(queue_size=1)
    admission = client.app.state.service.admission
    answers = []
    first = threading.Thread(
        target=lambda: answers.append(client.post("/compress?model=slow", content=png))
    )
    first.start()
    until(lambda: admission.count == 1)
    response = client.post("/compress", content=png)
    assert (response.status_code, response.json()["code"]) == (503, "busy")
    assert int(response.headers["Retry-After"]) == response.json()["retry_after_seconds"] >= 1
    assert client.get("/readyz").json()["reasons"] == ["the queue is full"]
    assert client.get("/livez").status_code == 200
    first.join()
    assert answers[0].status_code == 200
    assert client.post("/compress", content=png).status_code == 200


SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/compress",
    "query_string": b"model=slow",
    "headers": [],
}


def test_a_body_that_does_not_come_is_not_waited_for_for_ever():
    async def scenario():
        app = create_app(Settings(request_timeout_seconds=0.1, log_level="error"), FAKE_CODEC)
        sent = []
        parts = [{"type": "http.request", "body": b"a beginning", "more_body": True}]

        async def receive():
            if not parts:
                await asyncio.Event().wait()
            return parts.pop()

        async def send(message):
            sent.append(message)

        await app(dict(SCOPE), receive, send)
        assert sent[0]["status"] == 504
        assert app.state.service.admission.count == 0

    asyncio.run(scenario())


def test_a_client_that_leaves_frees_its_place(png):
    """Spoken in ASGI, since a client library cannot hang up half-way in process."""

    async def scenario():
        app = create_app(Settings(log_level="error"), FAKE_CODEC)
        service = app.state.service
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                while (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.01)
                pid = service.jobs.worker_pid
                left = asyncio.Event()
                messages = [{"type": "http.request", "body": png}]
                sent = []

                async def receive():
                    if messages:
                        return messages.pop()
                    await left.wait()
                    return {"type": "http.disconnect"}

                async def send(message):
                    sent.append(message)

                request = asyncio.create_task(app(dict(SCOPE), receive, send))
                while not service.jobs._unanswered:
                    await asyncio.sleep(0.01)
                left.set()
                await request
                assert service.admission.count == 0
                assert sent[0]["status"] == 499
                assert (await client.post("/compress", content=png)).status_code == 200
                assert service.jobs.worker_pid == pid

    asyncio.run(scenario())


def test_closing_while_a_job_runs_ends_both(other_client, png):
    client = other_client()
    service = client.app.state.service
    answers = []
    request = threading.Thread(
        target=lambda: answers.append(client.post("/compress?model=stuck", content=png))
    )
    request.start()
    until(lambda: service.admission.count == 1)
    client.portal.call(service.jobs.close)
    request.join()
    assert answers[0].status_code == 500
    assert service.jobs.worker_pid is None
