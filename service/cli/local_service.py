"""A service of one's own for as long as a ``with`` block lasts."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Models are loaded and checked against their known answers before the service is ready.
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.25


class ServiceError(Exception):
    """The service did not start, did not answer as it should, or did not stop."""


@contextmanager
def local_service(log: Path) -> Iterator[str]:
    """Start the service on a free port of this machine and stop it at the end.

    Parameters
    ----------
    log : Path
        File that takes what the service prints.

    Yields
    ------
    str
        The base URL, once the service is ready.

    Raises
    ------
    ServiceError
        When it ends early, is not ready in time, or does not stop on SIGTERM.
    """
    port = _free_port()
    command = [sys.executable, "-m", "service.cli", "serve", "--host", "127.0.0.1"]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, "--port", str(port)], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process)
            yield url
        finally:
            stopped = _stop(process)
    if not stopped:
        raise ServiceError(f"the service did not stop cleanly (status {process.returncode})")


def open_url(request: urllib.request.Request | str, timeout: float) -> http.client.HTTPResponse:
    """Open a URL of this machine, past any proxy that the environment names.

    Parameters
    ----------
    request : Request or str
        What to ask.
    timeout : float
        Seconds without an answer.

    Returns
    -------
    http.client.HTTPResponse
        With a status below 400.

    Raises
    ------
    urllib.error.HTTPError
        With a status of 400 or above.
    OSError
        When nothing answers.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    response = opener.open(request, timeout=timeout)
    assert isinstance(response, http.client.HTTPResponse)  # noqa: S101 - narrows urllib's Any
    return response


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServiceError(f"the service ended with status {process.returncode}")
        try:
            with open_url(f"{url}/healthz", timeout=5):
                return
        except urllib.error.HTTPError as answer:
            _raise_if_hopeless(json.load(answer))
        except (OSError, http.client.HTTPException):
            pass  # It does not listen yet.
        time.sleep(_POLL_SECONDS)
    raise ServiceError(f"the service was not ready after {_START_SECONDS:.0f} s")


def _raise_if_hopeless(health: dict[str, Any]) -> None:
    """Tell models that are being loaded from models that cannot be."""
    if health["worker"]["state"] == "failed":
        raise ServiceError("; ".join(health["reasons"]))


def _stop(process: "subprocess.Popen[bytes]") -> bool:
    """Ask the process to end; tell whether it did so, and cleanly."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(_STOP_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
