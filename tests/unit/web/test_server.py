"""What the web server does for those who never come to the point."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.web import server
from shared.web.body import read_body
from tests.support.waiting import eventually_async

POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def whose(request: Request) -> Response:
    """Whose request it is, and how long its body."""
    address = request.client.host if request.client else ""
    return PlainTextResponse(f"{address} {len(await read_body(request))}")


app = Starlette(routes=[Route("/", whose, methods=["GET", "POST"])])


@asynccontextmanager
async def served(trusted_proxies: str = "") -> AsyncIterator[int]:
    """The port of a web server of ours."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = server.config(app, trusted_proxies=trusted_proxies, lifespan="off")
        running = uvicorn.Server(config)
        task = asyncio.create_task(running._serve(sockets=[listener]))

        async def started() -> bool:
            return running.started

        await eventually_async(started)
        try:
            yield listener.getsockname()[1]
        finally:
            running.should_exit = True
            await task


async def said_to(port: int, *parts: bytes) -> bytes:
    """All that is answered to these bytes, until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    # Who is still sending when the server hangs up may be told so by a reset.
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
        while some := await asyncio.wait_for(reader.read(1000), 5):
            answer += some
    writer.close()
    return answer


@pytest.mark.parametrize("begun", [b"", b"G", HEAD, HEAD + b"\r\n" + HEAD])
async def test_who_does_not_say_what_they_want_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    async with served() as port:
        answer = await said_to(port, begun)
    assert answer.endswith(server.TOO_SLOW + server.END)


async def test_who_says_too_much_before_it_is_not_listened_to() -> None:
    async with served() as port:
        endless = b"x: " + b"y" * server.MAX_HEAD_BYTES
        assert (await said_to(port, HEAD, endless)).startswith(server.TOO_LARGE)
        many = b"".join(b"x-%d: y\r\n" % number for number in range(9_000))
        assert (await said_to(port, HEAD, many)).startswith(server.TOO_LARGE)


async def test_requests_one_after_another_and_at_once_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.5)
    async with served() as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            for size in (0, 10, 300_000):
                answer = await http.post("/", content=b"x" * size)
                assert answer.text == f"127.0.0.1 {size}"
        close = HEAD + b"connection: close\r\n\r\n"
        both = await said_to(port, HEAD + b"\r\n" + close)
    assert both.count(b"200 OK") == 2


async def test_whose_a_request_is_no_header_says_unless_a_proxy_of_ours_writes_it() -> None:
    forged = {"X-Forwarded-For": "203.0.113.7"}
    for trusted, address in (("", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.7")):
        async with served(trusted) as port, httpx.AsyncClient() as http:
            answer = await http.get(f"http://127.0.0.1:{port}/", headers=forged)
        assert answer.text == f"{address} 0"
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "smuggled",
    [
        POST + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"content-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
        POST + b"content-length: +4\r\n\r\nabcd",
        POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"x: a\x00b\r\n\r\n",
        HEAD + b"x : b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_two_servers_could_read_in_two_ways_is_refused(smuggled: bytes) -> None:
    async with served() as port:
        answer = await said_to(port, smuggled)
    assert answer.startswith(b"HTTP/1.1 400")
