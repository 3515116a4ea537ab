"""Whether the workers of this process live and can work, told on the port of its metrics.

`/health/live` is 503 where only a new process helps, `/health/ready` where work does not go on for
now; both say why. A thread of its own answers, so that an event loop that hangs is seen too. A web
process answers for itself, below its own prefix.
"""

import socket
import threading
from collections.abc import Callable, Iterable
from typing import Protocol
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import msgspec
from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

metrics = make_wsgi_app()


class Watched(Protocol):
    """Something that is asked from another thread how it is: each answer is a list of what is
    wrong, in words for operators."""

    def why_dead(self) -> list[str]: ...
    def why_not_ready(self) -> list[str]: ...


_watched: dict[str, Watched] = {}


def watch(name: str, watched: Watched) -> None:
    """Let the answers speak of `watched` too."""
    _watched[name] = watched


def serve(host: str, port: int) -> int:
    """Answer for as long as the process lives; the port, a free one where `port` is 0."""

    class Server(ThreadingWSGIServer):
        address_family = socket.getaddrinfo(host, port)[0][0]

    server = make_server(host, port, answer, Server, handler_class=Silent)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server.server_port


def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The answer to one request: metrics, unless it asks for health."""
    match environ["PATH_INFO"]:
        case "/health/live":
            wrong = _wrong(lambda watched: watched.why_dead())
        case "/health/ready":
            wrong = _wrong(lambda watched: watched.why_not_ready()) if _watched else ["no worker"]
        case _:
            found: Iterable[bytes] = metrics(environ, start_response)
            return found
    start_response(
        "503 Service Unavailable" if wrong else "200 OK",
        [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
    )
    return [msgspec.json.encode({"status": "unavailable" if wrong else "ok", "why": wrong})]


def _wrong(ask: Callable[[Watched], list[str]]) -> list[str]:
    return [f"{name}: {why}" for name, watched in _watched.items() for why in ask(watched)]


class Silent(WSGIRequestHandler):
    """Logs no request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
        """Say nothing."""
