"""A real process on a real port: started, used, and told to end in the middle of its work."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.service.api.conftest import FAKE_CODEC, until

PROGRAM = """
import sys
from service.api.server import run
from service.settings import Settings
if __name__ == "__main__":
    run(Settings(port=0, shutdown_grace_seconds=float(sys.argv[2])), sys.argv[1])
"""


class Service:
    def __init__(self, folder, grace):
        program = folder / "program.py"
        program.write_text(PROGRAM)
        self.process = subprocess.Popen(
            [sys.executable, str(program), FAKE_CODEC, str(grace)],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        self.lines = []
        threading.Thread(target=self._read, daemon=True).start()
        until(lambda: self.line("Uvicorn running on"))
        url = self.line("Uvicorn running on")["message"].split()[3]
        self.client = httpx.Client(base_url=url, timeout=60)
        until(lambda: self.client.get("/readyz").status_code == 200)

    def _read(self):
        # Every line is JSON, or this thread ends and the test with it.
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def line(self, message):
        return next((line for line in self.lines if line["message"].startswith(message)), None)

    def start_work(self, png):
        """Send a request that takes a while; answers the list that its response goes to."""
        answers = []

        def work():
            # Nothing is answered when the service ends without a word.
            with (
                contextlib.suppress(httpx.TransportError),
                httpx.Client(base_url=self.client.base_url, timeout=60) as client,
            ):
                answers.append(client.post("/compress?model=slow", content=png))

        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: self.client.get("/healthz").json()["queue"]["depth"] == 1)
        return thread, answers


@pytest.fixture
def serve(tmp_path):
    services = []

    def start(grace=60):
        services.append(Service(tmp_path, grace))
        return services[-1]

    yield start
    for service in services:
        service.client.close()
        service.process.kill()
        service.process.wait()
        service.process.stdout.close()


def test_work_under_way_is_finished_before_the_service_ends(serve, png):
    service = serve()
    response = service.client.post("/compress", content=png, headers={"X-Request-ID": "one"})
    assert response.status_code == 200
    thread, answers = service.start_work(png)
    service.process.send_signal(signal.SIGTERM)
    until(lambda: service.client.get("/readyz").status_code == 503)
    assert service.client.get("/livez").status_code == 200
    refused = service.client.post("/compress", content=png)
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    thread.join()
    assert answers[0].status_code == 200
    assert service.process.wait(60) == 0
    logged = [line for line in service.lines if line["request_id"] == "one"]
    assert [(line["route"], line["status"]) for line in logged] == [("/compress", 200)]


def test_work_that_outlasts_the_grace_is_answered_so(serve, png):
    service = serve(grace=0.5)
    thread, answers = service.start_work(png)
    service.process.send_signal(signal.SIGTERM)
    thread.join()
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "busy")
    assert service.process.wait(60) == 0


def test_a_second_signal_ends_it_at_once(serve, png):
    service = serve()
    thread, answers = service.start_work(png)
    service.process.send_signal(signal.SIGTERM)
    until(lambda: service.client.get("/readyz").status_code == 503)
    service.process.send_signal(signal.SIGINT)
    thread.join()
    assert [answer for answer in answers if answer.status_code == 200] == []
    assert service.process.wait(60) == 0


def test_a_client_that_hangs_up_frees_its_place(serve, png):
    service = serve()
    with pytest.raises(httpx.ReadTimeout):
        service.client.post("/compress?model=slow", content=png, timeout=0.5)
    until(lambda: service.client.get("/healthz").json()["queue"]["depth"] == 0)
    assert service.client.post("/compress", content=png).status_code == 200
    assert service.client.get("/healthz").json()["worker"]["restarts"] == 0


def test_a_service_that_is_killed_leaves_no_process_behind(serve, png):
    service = serve()
    tasks = Path(f"/proc/{service.process.pid}/task").glob("*/children")
    children = " ".join(path.read_text() for path in tasks).split()
    assert children
    thread, _ = service.start_work(png)
    service.process.kill()
    thread.join()
    until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
