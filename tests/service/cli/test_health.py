import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


class _Probe(BaseHTTPRequestHandler):
    status = 200
    body = b""

    def do_GET(self) -> None:
        self.send_response(type(self).status if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(type(self).body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Probe) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(("answer", "status"), [(200, 0), (503, 1)])
def test_health_follows_readyz(
    bladestream, server: HTTPServer, monkeypatch: pytest.MonkeyPatch, answer: int, status: int
) -> None:
    monkeypatch.setattr(_Probe, "status", answer)
    assert bladestream("health", "--port", server.server_port).status == status


@pytest.mark.parametrize(
    ("reasons", "status"),
    [
        (b'{"reasons": ["the queue is full"]}', 0),
        (b'{"reasons": ["the queue is full", "the models are being loaded"]}', 1),
        (b'{"reasons": []}', 1),
        (b"[]", 1),
        (b"<html>", 1),
    ],
)
def test_a_busy_service_is_healthy(
    bladestream, server: HTTPServer, monkeypatch: pytest.MonkeyPatch, reasons: bytes, status: int
) -> None:
    monkeypatch.setattr(_Probe, "status", 503)
    monkeypatch.setattr(_Probe, "body", reasons)
    assert bladestream("health", "--port", server.server_port).status == status


def test_health_asks_the_port_of_the_settings(
    bladestream, server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLADESTREAM_PORT", str(server.server_port))
    assert bladestream("health").status == 0


def test_health_never_goes_through_a_proxy(
    bladestream, server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert bladestream("health", "--port", server.server_port).status == 0


def test_no_service_is_status_1(bladestream, server: HTTPServer) -> None:
    # A port that is bound and does not listen as HTTP: the server's own, once it is closed.
    port = server.server_port
    server.shutdown()
    server.server_close()
    run = bladestream("health", "--port", port)
    assert run.status == 1
    assert "not-ready" in run.err
