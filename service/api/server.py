"""The application on a socket, and its way out: finish what runs, take nothing new, exit 0."""

from __future__ import annotations

import logging
import math
import time
from types import FrameType

import uvicorn

from service.api.app import create_app
from service.api.connections import PromptConnection
from service.api.logs import configure_logging
from service.api.state import ServiceState
from service.api.worker.codec import DEFAULT_FACTORY
from service.errors import Busy
from service.settings import Settings

_log = logging.getLogger("bladestream.server")

# After the grace: for answers on their way out, and for connections to close.
_LAST_ANSWERS_SECONDS = 5


class DrainingServer(uvicorn.Server):
    """Keeps listening while it drains, so that a probe is told 503 rather than nothing.

    The first SIGTERM or SIGINT closes the doors; the server ends when the last request in the
    house is answered or the grace is over. A second signal ends it at once.

    Parameters
    ----------
    config
        uvicorn's.
    state
        The application's.
    """

    def __init__(self, config: uvicorn.Config, state: ServiceState) -> None:
        super().__init__(config)
        self._state = state
        self._drain_until = math.inf

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; uvicorn would close the sockets and raise the signal once more."""
        del sig, frame
        if self._state.admission.is_closed:
            self.should_exit = self.force_exit = True
            return
        self._state.admission.close()
        self._drain_until = time.monotonic() + self._state.settings.shutdown_grace_seconds

    async def on_tick(self, counter: int) -> bool:
        """Tell, ten times a second, whether it is time to end."""
        if await super().on_tick(counter):
            return True
        if not self._state.admission.is_closed:
            return False
        if time.monotonic() > self._drain_until:
            self._state.jobs.abandon(
                Busy("the service is shutting down", retry_after_seconds=_LAST_ANSWERS_SECONDS)
            )
            return True
        return self._state.admission.count == 0


def run(settings: Settings, codec_factory: str = DEFAULT_FACTORY) -> None:
    """Serve until SIGTERM or SIGINT; returns when all is put away.

    Parameters
    ----------
    settings
        Every limit and switch, host and port among them.
    codec_factory
        Where the worker finds its codec, as ``module:function``.

    Raises
    ------
    SystemExit
        The port cannot be listened on.
    """
    configure_logging(settings.log_level)
    app = create_app(settings, codec_factory)
    state: ServiceState = app.state.service
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        http=PromptConnection,
        ws="none",
        timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
    )
    DrainingServer(config, state).run()
