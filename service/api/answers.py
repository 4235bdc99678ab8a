"""Large answers and what is told about them in headers."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Required, TypedDict, Unpack

from fastapi.responses import Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

_log = logging.getLogger("bladestream.answers")

REPORT_HEADER = "X-Bladestream-Report"
LARGER_HEADER = "X-Bladestream-Larger-Than-Source"
# Most members of a list in a header; a proxy's buffer for all headers together may be 4 KiB.
_LONGEST_LIST = 256
_NO_TOKEN = re.compile(r"[^A-Za-z0-9_-]")
_PIECE = 256 * 1024


class _Keywords(TypedDict, total=False):
    seconds: Required[float]
    media_type: Required[str]
    status_code: int
    headers: Mapping[str, str] | None


class _Pieces(Response):
    """A body sent a piece at a time, as fast as the client takes it.

    A large body in one piece would be copied whole into the socket's buffer, and the event loop
    would answer no probe meanwhile. A client that takes longer than ``seconds`` is dropped: it
    holds what others wait for.
    """

    def __init__(
        self,
        size: int,
        *,
        seconds: float,
        media_type: str,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=status_code, media_type=media_type)
        self._seconds = seconds
        self.headers.update({"Content-Length": str(size), **(headers or {})})

    def _pieces(self) -> AsyncIterator[bytes]:
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(scope, send)
        except TimeoutError:
            # Left unfinished, so that the server closes the connection.
            _log.warning("a client took its answer too slowly and is dropped")

    async def _send(self, scope: Scope, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        if scope["method"] != "HEAD":
            async for piece in self._pieces():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class BytesInPieces(_Pieces):
    """Answers bytes that are in memory; keywords are those of every response here."""

    def __init__(self, data: bytes, **keywords: Unpack[_Keywords]) -> None:
        super().__init__(len(data), **keywords)
        self._data = memoryview(data)

    async def _pieces(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), _PIECE):
            yield bytes(self._data[start : start + _PIECE])
            # A socket that takes all at once never makes `send` wait; let others have a turn.
            await asyncio.sleep(0)


class FileInPieces(_Pieces):
    """Answers a range of a file's bytes; the file is read as it is sent."""

    def __init__(self, path: Path, wanted: range, **keywords: Unpack[_Keywords]) -> None:
        super().__init__(len(wanted), **keywords)
        self._path = path
        self._wanted = wanted

    async def _pieces(self) -> AsyncIterator[bytes]:
        with await asyncio.to_thread(self._path.open, "rb") as file:
            file.seek(self._wanted.start)
            left = len(self._wanted)
            while left:
                piece = await asyncio.to_thread(file.read, min(left, _PIECE))
                if not piece:
                    raise EOFError("the file became shorter while it was sent")
                left -= len(piece)
                yield piece


def report_header(report: BaseModel) -> str:
    """Write a report as one line of ASCII JSON.

    Parameters
    ----------
    report
        Its lists are cut to what a header can hold.
    """
    members = json.loads(report.model_dump_json())
    for name, value in members.items():
        if isinstance(value, list):
            members[name] = value[:_LONGEST_LIST]
    return json.dumps(members, separators=(",", ":"))


def server_timing(seconds: Mapping[str, float]) -> str:
    """Write seconds by stage as a Server-Timing header, which counts in milliseconds."""
    return ", ".join(
        f"{_NO_TOKEN.sub('-', stage)};dur={1000 * value:.1f}" for stage, value in seconds.items()
    )
