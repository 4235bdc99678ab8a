"""Around every request: its id, one line in the log, its metrics, and the last net for errors."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.logs import request_id
from service.api.metrics import Metrics
from service.api.problems import unforeseen

_log = logging.getLogger("bladestream.request")
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
# Of a request whose client left before it was answered.
_NO_ANSWER = 499


class RequestLog:
    """ASGI middleware; pure, so that bodies stream through it untouched.

    Parameters
    ----------
    app
        What is wrapped.
    metrics
        Told about each request.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = _Record(scope)
        token = request_id.set(record.id)
        try:
            await self._answer(record, scope, receive, send)
        finally:
            record.write(self._metrics)
            request_id.reset(token)

    async def _answer(self, record: _Record, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted_receive() -> Message:
            message = await receive()
            record.received += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = record.id
                headers["X-Content-Type-Options"] = "nosniff"
            record.sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, counted_receive, counted_send)
        except Exception:
            _log.exception("a request failed in a way nobody foresaw")
            if record.status != _NO_ANSWER:
                raise  # too late to answer anything else: the connection is closed
            await unforeseen()(scope, counted_receive, counted_send)


class _Record:
    """What is known of one request by its end."""

    def __init__(self, scope: Scope) -> None:
        given = Headers(scope=scope).get("x-request-id", "")
        self.id = given if _ACCEPTABLE_ID.fullmatch(given) else uuid.uuid4().hex
        self.status = _NO_ANSWER
        self.received = 0
        self.sent = 0
        self._scope = scope
        self._started = time.perf_counter()

    def write(self, metrics: Metrics) -> None:
        """Log and count the request."""
        seconds = time.perf_counter() - self._started
        # The template, since a path may hold anything and would make a label of it.
        route = getattr(self._scope.get("route"), "path", "unmatched")
        metrics.request(route, self.status, seconds, self.received, self.sent)
        fields = {
            "method": self._scope["method"],
            "route": route,
            "status": self.status,
            "seconds": round(seconds, 4),
            "bytes_in": self.received,
            "bytes_out": self.sent,
        }
        _log.info("request", extra={"fields": fields})
