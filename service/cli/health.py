"""``bladestream health``: asks a running service whether it is ready (the container's probe)."""

import http.client
import json
import sys
import urllib.error
import urllib.request
from typing import Annotated

import typer

# Longer than any healthy answer, shorter than the interval of a container's probe.
_TIMEOUT_SECONDS = 5.0
_MOST_BYTES = 64 * 1024
_BUSY = "the queue is full"  # as ``service.api.state`` says it


def health(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: the service's setting.")
    ] = None,
) -> None:
    """Ask the service on this machine whether it works: exit 0 if so, 1 if not.

    A full queue is work, not illness: a container that is busy must not be restarted.
    """
    from service.settings import get_settings

    url = f"http://127.0.0.1:{port or get_settings().port}/readyz"
    # Without a handler for proxies: a probe must not leave the machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS):
            print("ready")
    except urllib.error.HTTPError as error:
        if _reasons(error.read(_MOST_BYTES)) == [_BUSY]:
            print("busy")
            return
        print(f"bladestream: not ready: {url} answered {error.code} (not-ready)", file=sys.stderr)
        raise typer.Exit(1) from None
    except (OSError, http.client.HTTPException) as error:
        print(f"bladestream: no answer from {url}: {error} (not-ready)", file=sys.stderr)
        raise typer.Exit(1) from None


def _reasons(body: bytes) -> list[object]:
    try:
        return list(json.loads(body)["reasons"])
    except (ValueError, KeyError, TypeError):
        return []
