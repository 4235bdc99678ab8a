"""Connections that bring no request: closed, since each holds a place among the open files."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

# From the first byte of a request, or from connecting, to the end of its headers.
_HEAD_SECONDS = 10.0


class PromptConnection(H11Protocol):
    """HTTP/1.1 with a deadline for a request's headers, which the framework does not have.

    A body and an answer have deadlines of their own, and waiting for a next request the
    keep-alive's. h11 bounds the size of the headers.
    """

    _closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect the first request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline with the connection."""
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; what comes while no request is being answered is, or becomes, a head."""
        super().data_received(data)
        # There is none before the first request, whatever its annotation says.
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._forget()
        elif self._closing is None:
            self._expect_head()

    def _expect_head(self) -> None:
        self._closing = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _forget(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
