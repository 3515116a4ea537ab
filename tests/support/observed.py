"""The platform with somebody who collects its traces."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.heroic import Heroic


class Span(NamedTuple):
    """One span: the service that it is of, its trace, its name."""

    service: str
    trace_id: str
    name: str


@dataclass
class Collector:
    """An OTLP/HTTP collector; `received` are the requests as they came."""

    received: list[bytes] = field(default_factory=list)
    endpoint: str = ""

    def spans(self) -> list[Span]:
        """All spans that have come."""
        return [
            Span(service_of(resource), span.trace_id.hex(), span.name)
            for body in list(self.received)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def services(self, trace_id: str) -> set[str]:
        """The services that took part in a trace."""
        return {span.service for span in self.spans() if span.trace_id == trace_id}


def service_of(resource: object) -> str:
    """The name of the service that spans are of."""
    attributes = resource.resource.attributes  # type: ignore[attr-defined]  # generated, untyped
    return next(str(a.value.string_value) for a in attributes if a.key == "service.name")


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.received.append(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Observed(Heroic):
    """An installation whose traces go to `collector`."""

    collector: Collector

    @property
    def environment(self) -> dict[str, str]:
        """As without a collector, and where it is."""
        soon = {"OTEL_BSP_SCHEDULE_DELAY": "200"}
        return super().environment | {"HEROIC_OTLP_ENDPOINT": self.collector.endpoint} | soon


@contextmanager
def observed(folder: Path) -> Iterator[Observed]:
    """A platform of its own below `folder`, with its collector."""
    with collecting() as collector:
        platform = Observed(folder / "home", collector)
        try:
            started = platform.make("up")
            assert started.returncode == 0, started.stdout + started.stderr
            yield platform
        finally:
            platform.make("clean")
