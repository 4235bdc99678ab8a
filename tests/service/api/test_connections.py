"""Connections that bring no request, or bring it slowly."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from service.api.answers import BytesInPieces
from service.api.connections import PromptConnection


async def app(scope, receive, send):
    await asyncio.sleep(0.5)  # longer than a head may take
    await BytesInPieces(b"late", seconds=60, media_type="text/plain")(scope, receive, send)


@pytest.fixture
def talk(monkeypatch):
    """Says something to a server, and answers all that it says until it closes."""
    monkeypatch.setattr("service.api.connections._HEAD_SECONDS", 0.2)

    async def exchange(*said):
        config = uvicorn.Config(app, ws="none", log_config=None, timeout_keep_alive=1)
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: PromptConnection(config, ServerState(), {}), "127.0.0.1", 0
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            for part in said:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.1)
            answer = await reader.read()
            writer.close()
        return answer

    return lambda *said: asyncio.run(exchange(*said))


@pytest.mark.parametrize("said", [b"", b"GET / HT"])
def test_a_connection_without_a_request_is_closed(talk, said):
    assert talk(said) == b""


def test_a_head_that_comes_in_drops_has_no_more_time(talk):
    # The server is gone before the last drop, or this would go on for a minute.
    with pytest.raises(ConnectionError):
        talk(b"GET / HTTP/1.1\r\n", *[b"A: b\r\n"] * 600)


def test_an_answer_may_take_longer(talk):
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    # What follows is not finished in time, which must not cost the answer before it.
    answer = talk(request + b"GET /")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"late")


def test_a_reader_that_is_too_slow_is_dropped_without_an_error(caplog):
    async def scenario():
        async def send(message):
            await asyncio.Event().wait()

        answer = BytesInPieces(b"x", seconds=0.05, media_type="text/plain")
        await answer({"type": "http", "method": "GET"}, send, send)

    asyncio.run(scenario())
    assert [record.levelname for record in caplog.records] == ["WARNING"]
