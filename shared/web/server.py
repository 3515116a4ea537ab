"""The web server: uvicorn, which by itself would wait for a request for ever.

Whoever opens a connection says what they want within `HEAD_SECONDS`, in at most `MAX_HEAD_BYTES`;
for the body see `shared.web.body`.
"""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
MAX_HEAD_BYTES = 64 * 1024
GRACE_SECONDS = 5
"""Streams of events never end by themselves: they are cut when this time is over."""

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n"
END = b"content-length: 0\r\nconnection: close\r\n\r\n"


class Protocol(HttpToolsProtocol):
    """A connection that is closed where the head of a request is too slow or too large."""

    _in_head = False
    _head_bytes = 0
    """How much has come of a head that has not ended."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request may take as long to come as any other takes to end."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Parse, and look whether a head has not ended with it."""
        super().data_received(data)
        if not self._in_head:
            return
        if self._timer is None:
            self._wait_for_head()
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Its head has ended."""
        self._in_head, self._head_bytes = False, 0
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self._refuse, TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(status + END)
            self.transport.close()


def config(app: ASGIApp, *, trusted_proxies: str = "", **options: Any) -> uvicorn.Config:
    """How the platform is served, wherever it is; `options` say where.

    Only of `trusted_proxies` (addresses, networks, separated by commas) it is believed whose
    requests they pass on: anybody can write a header.
    """
    return uvicorn.Config(
        app,
        http=Protocol,
        # There are no web sockets here.
        ws="none",
        access_log=False,
        # Its own handlers print the words of errors, and those quote what they were given.
        log_config=None,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        **options,
    )
